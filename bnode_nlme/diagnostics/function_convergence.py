"""Convergence of a learned function, judged on its values."""

from __future__ import annotations

import xarray as xr

from bnode_nlme.inference.chain_agreement import chain_agreement


def function_convergence(values: xr.DataArray) -> xr.Dataset:
    """R-hat and effective sample sizes of a function's values over a grid.

    The weights of a network are not identified (hidden units permute, tanh flips sign), so chains
    may agree on the function and disagree on every weight; only the function is judged.

    Parameters
    ----------
    values : xarray.DataArray (chain, draw, ...)
        The function's values, one for each draw and grid point.

    Returns
    -------
    xarray.Dataset
        `r_hat`, `ess_bulk` and `ess_tail` over the grid: rank-normalised, as in Vehtari, Gelman,
        Simpson, Carpenter and Bürkner 2021 (doi:10.1214/20-BA1221). NaN where every draw has the
        same value, as at an anchor.

    Raises
    ------
    ValueError
        When a dimension "chain" or "draw" is missing.
    """
    missing = [name for name in ("chain", "draw") if name not in values.dims]
    if missing:
        raise ValueError(
            f"function_convergence wants values over chain, draw and a grid; found the dimensions "
            f"{', '.join(map(repr, values.dims))}."
        )
    return chain_agreement(values)
