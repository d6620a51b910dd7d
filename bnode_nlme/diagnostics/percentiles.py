"""Percentiles of values of which some are known only to be below or above all others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray


def percentiles_of(
    values: ArrayLike, percentiles: Sequence[float], axis: int = 0
) -> NDArray[np.float64]:
    """Percentiles, linear between order statistics, where values may be infinite.

    Parameters
    ----------
    values : array_like
        No NaN; -inf for a value below all others, inf for one above.
    percentiles
        In percent.
    axis
        Along which.

    Returns
    -------
    ndarray (len(percentiles), ...)
        In front the percentiles, then the other axes. A percentile between a finite and an
        infinite value is infinite: nothing can be said of it but its side.
    """
    ordered = np.sort(np.moveaxis(np.asarray(values, dtype=float), axis, 0), axis=0)
    position = (len(ordered) - 1) * np.asarray(percentiles, dtype=float) / 100.0
    below = np.floor(position).astype(int)
    above = np.minimum(below + 1, len(ordered) - 1)
    share = (position - below).reshape(-1, *(1,) * (ordered.ndim - 1))
    low, high = ordered[below], ordered[above]
    with np.errstate(invalid="ignore"):
        between = low + share * (high - low)
    one_sided = np.where(np.isinf(low), low, high)
    return np.where(
        np.isfinite(low) & np.isfinite(high), between, np.where(share > 0, one_sided, low)
    )


def lower_median(values: ArrayLike) -> float:
    """The median; of an even number of values the lower of the middle two, which is one of them."""
    return float(np.quantile(np.asarray(values, dtype=float), 0.5, method="inverted_cdf"))


def central_quantiles(mass: float) -> tuple[float, float, float]:
    """Quantiles of the lower end, the middle and the upper end of a central interval.

    Raises
    ------
    ValueError
        When the probability is not between 0 and 1.
    """
    if not 0.0 < mass < 1.0:
        raise ValueError(
            f"Wanted the probability of an interval, between 0 and 1; found {mass}. For an "
            "interval of 90 % write 0.9."
        )
    return (0.5 - 0.5 * mass, 0.5, 0.5 + 0.5 * mass)
