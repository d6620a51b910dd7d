"""How far estimates of single subjects are drawn to the population."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from bnode_nlme.diagnostics.draws import require_dimensions
from bnode_nlme.diagnostics.percentiles import central_quantiles
from bnode_nlme.study.dimensions import SUBJECT


def eta_shrinkage(
    eta: xr.DataArray, omega: xr.DataArray, *, mass: float = 0.9, over: str = SUBJECT
) -> xr.Dataset:
    """Shrinkage of random effects.

    Parameters
    ----------
    eta : xarray.DataArray (chain, draw, subject, ...)
        Random effects at draws of the posterior.
    omega : xarray.DataArray (chain, draw, ...)
        Their standard deviations at the same draws.
    mass
        Probability of the intervals.
    over
        The dimension of those who have an effect each: "subject", or "occasion" for effects of
        occasions, all occasions of all subjects together.

    Returns
    -------
    xarray.Dataset
        Over the effects: `sd`, one less the standard deviation of the posterior means over the
        posterior mean of omega; `variance`, the same of variances, one less var(means) over the
        posterior mean of omega². `sd_interval` and `variance_interval`, also over `quantile`: the
        same with omega at each draw. `pooling`: one less var(means) over the posterior mean of
        the variance of these subjects' effects. All are shares of 1, not percent; variances have
        the denominator S - 1, S the number of subjects (or occasions).

    Raises
    ------
    ValueError
        When a dimension is missing or there are fewer than two subjects (or occasions).

    Notes
    -----
    `sd` is what NONMEM reports and Savic and Karlsson (2009, doi:10.1208/s12248-009-9133-0)
    define, `variance` what Monolix reports, with the posterior mean in the place of the empirical
    Bayes estimate, which is a mode. `pooling` is the Bayesian pooling factor of Gelman and Pardoe
    (2006, doi:10.1198/004017005000000517): it does not compare with the population's omega but
    with the spread of these subjects' effects, and so lies between 0 and 1.
    """
    require_dimensions(eta, ("chain", "draw", over), "eta")
    require_dimensions(omega, ("chain", "draw"), "omega")
    if eta.sizes[over] < 2:
        raise ValueError(f"Shrinkage compares {over}s; found {eta.sizes[over]} of them in eta.")
    draws = ("chain", "draw")
    spread = eta.mean(draws).var(over, ddof=1)
    of_draws = {"sd": 1.0 - spread**0.5 / omega, "variance": 1.0 - spread / omega**2}
    result = {
        "sd": 1.0 - spread**0.5 / omega.mean(draws),
        "variance": 1.0 - spread / (omega**2).mean(draws),
        "pooling": 1.0 - spread / eta.var(over, ddof=1).mean(draws),
    }
    for name, values in of_draws.items():
        result[f"{name}_interval"] = values.quantile(central_quantiles(mass), draws)
    return xr.Dataset(result)


def epsilon_shrinkage(iwres: ArrayLike) -> float:
    """Shrinkage of residuals: one less the standard deviation of IWRES.

    Parameters
    ----------
    iwres : array_like (N,)
        Individual weighted residuals of one output, as `goodness_of_fit` has them in `iwres`; NaN
        is left out.

    Returns
    -------
    float
        Near 0 where subjects have many measurements; towards 1 individual predictions follow the
        measurements and residuals say nothing of the error model (Savic and Karlsson 2009,
        doi:10.1208/s12248-009-9133-0).

    Raises
    ------
    ValueError
        When there are fewer than two values.
    """
    finite = np.asarray(iwres, dtype=float)
    finite = finite[~np.isnan(finite)]
    if finite.size < 2:
        raise ValueError(f"Wanted two or more weighted residuals; found {finite.size}.")
    return float(1.0 - finite.std(ddof=1))
