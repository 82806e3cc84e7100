"""Linear least squares."""

import numpy as np
import pandas as pd


def split_years(table: pd.DataFrame, first: int, last: int) -> tuple[pd.DataFrame, pd.Series]:
    """Return the features of the days in the years `first` to `last`, and the temperatures that came."""
    part = table[(table.index.year >= first) & (table.index.year <= last)]
    return part.drop(columns="actual"), part["actual"]


def solve_weights(features: pd.DataFrame, actual: pd.Series) -> dict[str, float]:
    """Return the weights of the features, and of the constant 1, that make the squared error smallest."""
    inputs = features.assign(constant=1.0)
    matrix = inputs.to_numpy()
    weights = np.linalg.solve(matrix.T @ matrix, matrix.T @ actual.to_numpy())
    return dict(zip(inputs.columns, weights.tolist(), strict=True))


def predict(features: pd.DataFrame, weights: dict[str, float]) -> pd.Series:
    """Return the forecast of each day."""
    inputs = features.assign(constant=1.0)[list(weights)]
    return inputs @ pd.Series(weights)
