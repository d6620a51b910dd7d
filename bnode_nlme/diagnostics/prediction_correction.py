"""Taking differences of dose, design and covariates out of a predictive check."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray


def correctable(
    prediction: NDArray[np.float64], lower_bound: float, scale: Literal["linear", "log"]
) -> NDArray[np.bool_]:
    """Rows whose prediction can be corrected: above the bound, or any on the log scale.

    Raises
    ------
    ValueError
        When a prediction lies below the bound.
    """
    if scale == "log":
        return np.isfinite(prediction)
    below = np.flatnonzero(prediction < lower_bound)
    if below.size:
        raise ValueError(
            f"The predictions of the rows {below[:10].tolist()} (counted from 0) lie below the "
            f"lower bound {lower_bound}: {prediction[below[:10]].tolist()}. Give the smallest "
            "possible value as `lower_bound`."
        )
    return np.isfinite(prediction) & (prediction > lower_bound)


def prediction_corrected(
    values: NDArray[np.float64],
    prediction: NDArray[np.float64],
    group: NDArray[np.int64],
    *,
    lower_bound: float = 0.0,
    scale: Literal["linear", "log"] = "linear",
) -> NDArray[np.float64]:
    """Values as they would be at the median prediction of their group.

    Parameters
    ----------
    values : ndarray (..., N)
        Measurements or replicates.
    prediction : ndarray (N,)
        Predictions for a typical subject, all `correctable`.
    group : ndarray (N,)
        To which rows a row is compared.
    lower_bound, scale
        As for `vpc`.

    Returns
    -------
    ndarray (..., N)
        b + (y - b) (m - b) / (p - b), with b the bound, p the row's prediction and m the median
        prediction of the group; y + m - p on the logarithmic scale (Bergstrand, Hooker, Wallin and
        Karlsson 2011, doi:10.1208/s12248-011-9255-z).
    """
    middle = np.empty_like(prediction)
    for one in np.unique(group):
        middle[group == one] = np.median(prediction[group == one])
    if scale == "log":
        return values + (middle - prediction)
    ratio = (middle - lower_bound) / (prediction - lower_bound)
    return lower_bound + (values - lower_bound) * ratio
