"""What was known when a forecast was made."""

import numpy as np
import pandas as pd

COMMON = "sun"


def as_known_before(days: pd.DataFrame, columns: list[str], window: int, horizon: int) -> pd.DataFrame:
    """Return for each day the season and what `window` days showed, the last one `horizon` days before."""
    known = days.shift(horizon)
    lagged = {f"{column}_{lag}": known[column].shift(lag) for column in columns for lag in range(window)}
    angle = 2 * np.pi * days.index.day_of_year / 365.25
    season = {"season_sin": np.sin(angle), "season_cos": np.cos(angle)}
    return pd.DataFrame({**lagged, **_kinds(known["weather"]), **season}, index=days.index)


def _kinds(weather: pd.Series) -> dict[str, pd.Series]:
    """Return zeros and ones for each kind of weather but the most common, which is the reference."""
    kinds = sorted(set(weather.dropna()) - {COMMON})
    return {f"was_{kind}": (weather == kind).astype(float) for kind in kinds}
