"""Proportions of the categories of an outcome, measured and simulated, in groups."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from bnode_nlme.diagnostics.percentiles import central_quantiles, lower_median, percentiles_of


def category_proportions(
    times: NDArray[np.float64],
    measured: NDArray[np.float64],
    replicates: NDArray[np.float64],
    group: NDArray[np.int64],
    shape: tuple[int, int],
    categories: ArrayLike,
    mass: float,
) -> xr.Dataset:
    """Compare the proportion of each category with that of replicates, group by group.

    Parameters
    ----------
    times, measured : ndarray (N,)
    replicates : ndarray (K, N)
    group : ndarray (N,)
        Flat index of each row's group among `shape`.
    shape
        Numbers of strata and of groups in each.
    categories : array_like (C,)
        Codes.
    mass
        Probability of the central interval over the replicates.

    Returns
    -------
    xarray.Dataset
        Over `stratum` and `bin`: `time`, `left`, `right` (NaN, for the caller) and `count`;
        `observed` also over `category`, `simulated` also over `category` and `quantile`.

    Raises
    ------
    ValueError
        When a measurement is in none of the categories.
    """
    codes = np.unique(np.asarray(categories, dtype=float))
    odd = np.setdiff1d(measured, codes)
    if odd.size:
        raise ValueError(
            f"vpc: categories= wants every measured value, {codes.tolist()}; found "
            f"{odd[:5].tolist()} besides."
        )
    cells = shape[0] * shape[1]
    quantiles = central_quantiles(mass)
    of_quantiles = [100.0 * quantile for quantile in quantiles]
    count = np.bincount(group, minlength=cells)
    middle = np.full(cells, np.nan)
    observed = np.full((cells, codes.size), np.nan)
    simulated = np.full((cells, codes.size, 3), np.nan)
    for cell in np.flatnonzero(count):
        rows = np.flatnonzero(group == cell)
        middle[cell] = lower_median(times[rows])
        observed[cell] = (measured[rows, None] == codes).mean(axis=0)
        shares = np.stack([(replicates[:, rows] == code).mean(axis=1) for code in codes])
        simulated[cell] = percentiles_of(shares, of_quantiles, axis=1).T
    grid = ("stratum", "bin")
    return xr.Dataset(
        {
            "time": (grid, middle.reshape(shape)),
            "left": (grid, np.full(shape, np.nan)),
            "right": (grid, np.full(shape, np.nan)),
            "count": (grid, count.reshape(shape)),
            "observed": ((*grid, "category"), observed.reshape(*shape, -1)),
            "simulated": ((*grid, "category", "quantile"), simulated.reshape(*shape, -1, 3)),
        },
        coords={"category": codes, "quantile": list(quantiles)},
    )
