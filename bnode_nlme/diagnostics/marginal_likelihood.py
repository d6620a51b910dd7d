"""Integrating the random effects of a subject out of its likelihood."""

from __future__ import annotations

import numpy as np
import xarray as xr

from bnode_nlme.diagnostics.draws import require_dimensions
from bnode_nlme.study.dimensions import SUBJECT

_DRAWS = ("chain", "draw")


def marginal_log_likelihood(
    log_likelihood: xr.DataArray, log_weight: xr.DataArray | None = None
) -> xr.Dataset:
    """Log-likelihood of a subject with its random effects integrated out.

    Parameters
    ----------
    log_likelihood : xarray.DataArray (chain, draw, subject, point)
        Of all measurements of a subject, at random effects drawn for it anew.
    log_weight : xarray.DataArray (..., point), optional
        Logarithm of the population's density of those random effects, at the draw's parameters,
        over the density that they were drawn from. Left out where they were drawn from the
        population itself.

    Returns
    -------
    xarray.Dataset
        `log_likelihood` (chain, draw, subject): the logarithm of the mean of likelihood times
        weight. `error`: its Monte Carlo standard error (delta method). `efficiency`: the effective
        share of the points, (Σw)² / (M Σw²) with w likelihood times weight; where it is a few
        points' worth, the integral is not to be trusted.

    Raises
    ------
    ValueError
        When a dimension is missing.

    Notes
    -----
    Points from the population itself serve a subject with few measurements; with many, the
    likelihood is far narrower than the population, and points drawn near the subject's posterior
    are needed: `bn.loo` draws them so. Adaptive quadrature does the same in Merkle, Furr and Rabe-Hesketh 2019
    (doi:10.1007/s11336-019-09679-0).
    """
    require_dimensions(log_likelihood, (*_DRAWS, SUBJECT, "point"), "log_likelihood")
    terms = log_likelihood if log_weight is None else log_likelihood + log_weight
    largest = terms.max("point")
    weights = xr.ufuncs.exp(terms - largest)
    points = terms.sizes["point"]
    mean = weights.mean("point")
    efficiency = weights.sum("point") ** 2 / (points * (weights**2).sum("point"))
    relative = weights.std("point", ddof=1) / (mean * np.sqrt(points))
    return xr.Dataset(
        {
            "log_likelihood": largest + xr.ufuncs.log(mean),
            "error": relative,
            "efficiency": efficiency,
        }
    ).transpose(*_DRAWS, SUBJECT)
