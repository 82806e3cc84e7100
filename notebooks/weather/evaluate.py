"""Compare the forecasts of a model with what came, and with the forecast that nothing changes."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from regression import predict, split_years

from naga import clicfg, runlock


class Config:
    year = 2015  # one that the model has not seen
    model: Any = "results/fit/model.json"
    features = "results/prepare/features.csv"
    save_dir = "results/evaluate"


@clicfg(config_class=Config)
def main(cfg):
    """Write the mean errors to metrics.json and draw forecast.png."""
    stages = [Path(cfg.model).parent, Path(cfg.features).parent]
    runlock(config=cfg, data=[cfg.model, cfg.features], prevs=stages)

    table = pd.read_csv(cfg.features, parse_dates=["date"], index_col="date")
    features, actual = split_years(table, cfg.year, cfg.year)
    forecast = predict(features, json.loads(Path(cfg.model).read_text(encoding="utf-8")))
    metrics = {
        "model": mean_absolute_error(forecast, actual),
        "persistence": mean_absolute_error(features["temp_max_0"], actual),
    }

    folder = Path(cfg.save_dir)
    (folder / "metrics.json").write_text(json.dumps(metrics, indent=2) + "\n", encoding="utf-8")
    draw(forecast, actual).savefig(folder / "forecast.png", dpi=100)
    return metrics


def mean_absolute_error(forecast: pd.Series, actual: pd.Series) -> float:
    """Return the mean error in degrees Celsius, rounded to what the measurements allow."""
    return round(float((forecast - actual).abs().mean()), 3)


def draw(forecast: pd.Series, actual: pd.Series) -> Figure:
    """Draw what came as dots and what was forecast as a line."""
    figure = Figure(figsize=(9, 3.5), layout="constrained")
    axes = figure.subplots()
    axes.plot(actual.index, actual, ".", markersize=3, color="0.5", label="measured")
    axes.plot(forecast.index, forecast, linewidth=1, color="tab:red", label="forecast")
    axes.set(title=f"Highest temperature of the day, Seattle {actual.index[0]:%Y}", ylabel="degrees Celsius")
    axes.legend()
    return figure


if __name__ == "__main__":
    main()
