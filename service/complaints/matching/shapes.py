"""Rows of numbers as a logistic regression reads them, when it is fitted and when it is asked."""

import numpy as np
from numpy.typing import NDArray

_SPREAD_MAX = 5.0  # standard deviations; what lies beyond counts as there


def standardised(
    rows: NDArray[np.float64], middle: NDArray[np.float64], spread: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the rows in standard deviations from the middle, at most 5, with a last column of ones."""
    scaled = np.divide(rows - middle, spread, out=np.zeros_like(rows), where=spread > 0)
    return np.hstack((np.clip(scaled, -_SPREAD_MAX, _SPREAD_MAX), np.ones((len(rows), 1))))
