"""A line through a cloud of points."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def smooth_line(
    x: ArrayLike, y: ArrayLike, *, share: float = 0.75, points: int = 60
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Local linear regression (loess of degree one).

    Parameters
    ----------
    x, y : array_like (N,)
        The points; pairs with NaN are left out.
    share
        Of the points that take part at each place, the nearest ones, weighted by the tricube of
        their distance over the largest of them.
    points
        At how many places the line is worked out, evenly spaced among the sorted x.

    Returns
    -------
    ndarray, ndarray (points,)
        Places and values; empty where fewer than 4 different x are given.

    References
    ----------
    Cleveland, J Am Stat Assoc 1979;74:829, doi:10.1080/01621459.1979.10481038 (without its
    robustness weights).
    """
    across, along = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    kept = np.isfinite(across) & np.isfinite(along)
    across, along = across[kept], along[kept]
    if np.unique(across).size < 4:
        return np.empty(0), np.empty(0)
    places = np.unique(np.quantile(across, np.linspace(0.0, 1.0, points)))
    distance = np.abs(across - places[:, None])
    nearest = min(across.size - 1, int(np.ceil(share * across.size)))
    # Wide enough for two different x at least, or no line can be laid through them.
    reach = np.maximum(
        np.partition(distance, nearest, axis=1)[:, nearest],
        1.001 * np.sort(np.abs(np.unique(across) - places[:, None]), axis=1)[:, 2],
    )[:, None]
    weight = np.clip(1.0 - (distance / reach) ** 3, 0.0, None) ** 3
    total = weight.sum(axis=1)
    mean_x, mean_y = (weight @ across) / total, (weight @ along) / total
    centred = across - mean_x[:, None]
    slope = (weight * centred * (along - mean_y[:, None])).sum(axis=1)
    slope /= (weight * centred**2).sum(axis=1)
    return places, mean_y + slope * (places - mean_x)
