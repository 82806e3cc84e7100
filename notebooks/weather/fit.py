"""Learn to forecast the highest temperature of a day."""

import json
from pathlib import Path

import pandas as pd
from regression import solve_weights, split_years

from naga import clicfg, runlock


class Config:
    first_year = 2012  # learn from the years from this one
    last_year = 2014  # up to and with this one
    features = "results/prepare/features.csv"
    leave_out: tuple[str, ...] = ()  # features that are not to be used
    save_dir = "results/fit"


@clicfg(config_class=Config)
def main(cfg):
    """Fit a linear model to the years from first_year to last_year."""
    runlock(config=cfg, data=[cfg.features], prevs=[Path(cfg.features).parent])

    table = pd.read_csv(cfg.features, parse_dates=["date"], index_col="date")
    features, actual = split_years(table.drop(columns=list(cfg.leave_out)), cfg.first_year, cfg.last_year)
    weights = solve_weights(features, actual)

    (Path(cfg.save_dir) / "model.json").write_text(json.dumps(weights, indent=2) + "\n", encoding="utf-8")
    print(f"{len(weights)} weights from {len(actual)} days")


if __name__ == "__main__":
    main()
