"""R-hat and effective sample sizes of draws."""

from __future__ import annotations

import arviz as az
import numpy as np
import xarray as xr

_DRAWS = ("chain", "draw")
_FEWEST = 4
"""Draws of a chain, split in halves of two."""


def chain_agreement(values: xr.DataArray) -> xr.Dataset:
    """R-hat and effective sample sizes of each element.

    Parameters
    ----------
    values : xarray.DataArray (chain, draw, ...)

    Returns
    -------
    xarray.Dataset
        ``r_hat``, ``ess_bulk`` and ``ess_tail`` over the other dimensions: rank-normalised, as in
        Vehtari, Gelman, Simpson, Carpenter and Bürkner 2021 (doi:10.1214/20-BA1221). NaN where
        every draw has the same value, and of fewer than four draws; R-hat also of one chain.
    """
    draws = values.rename("value").reset_coords(drop=True).to_dataset()
    nothing = xr.full_like(draws["value"].isel(chain=0, draw=0, drop=True), np.nan, dtype=float)
    if values.sizes["draw"] < _FEWEST:
        return xr.Dataset(dict.fromkeys(("r_hat", "ess_bulk", "ess_tail"), nothing))
    varies = values.max(_DRAWS) > values.min(_DRAWS)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = {
            "r_hat": az.rhat(draws)["value"] if values.sizes["chain"] > 1 else nothing,
            "ess_bulk": az.ess(draws, method="bulk")["value"],
            "ess_tail": az.ess(draws, method="tail")["value"],
        }
    return xr.Dataset({name: value.where(varies) for name, value in found.items()})
