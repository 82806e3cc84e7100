"""Turn the daily weather of Seattle into a table to learn from: one row for each day to forecast."""

from pathlib import Path

import pandas as pd
from features import as_known_before
from vega_datasets import local_data

from naga import clicfg, runlock


class Config:
    horizon = 1  # days from the last known day to the one that is forecast
    window = 3  # how many known days a forecast looks at
    columns: tuple[str, ...] = ("temp_max", "temp_min", "precipitation", "wind")  # what it looks at
    save_dir = "results/prepare"


@clicfg(config_class=Config)
def main(cfg):
    """Make the table of features."""
    station_file = Path(local_data.seattle_weather.filepath)
    runlock(config=cfg, data={"seattle": station_file})

    days = pd.read_csv(station_file, parse_dates=["date"], index_col="date")
    features = as_known_before(days, list(cfg.columns), cfg.window, cfg.horizon)
    table = features.assign(actual=days["temp_max"]).dropna()

    table.to_csv(Path(cfg.save_dir) / "features.csv", float_format="%.6g")
    print(f"{features.shape[1]} features of {len(table)} days, the last one {table.index[-1]:%Y-%m-%d}")


if __name__ == "__main__":
    main()
