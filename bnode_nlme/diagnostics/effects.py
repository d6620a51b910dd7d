"""Random effects: their distribution over subjects, and against covariates."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from bnode_nlme.diagnostics.draws import require_dimensions
from bnode_nlme.diagnostics.percentiles import central_quantiles
from bnode_nlme.study.dimensions import SUBJECT

_DRAWS = ("chain", "draw")


def effect_distributions(
    eta: xr.DataArray, *, mass: float = 0.9, over: str = SUBJECT
) -> xr.Dataset:
    """Mean, spread and shape of random effects over the subjects, with uncertainty.

    Parameters
    ----------
    eta : xarray.DataArray (chain, draw, subject, ...)
        Random effects at draws of the posterior.
    mass
        Probability of the intervals.
    over
        The dimension of those who have an effect each: "subject", or "occasion".

    Returns
    -------
    xarray.Dataset
        Over the effects and `quantile`: `mean`, `sd`, `skewness` and `kurtosis` (excess) over the
        subjects (occasions), each worked out at every draw, so that shrinkage of single subjects'
        estimates does not narrow them. `individual_mean` and `individual_sd` over subject
        (occasion): mean and standard deviation of the posterior of each one's effect.

    Raises
    ------
    ValueError
        When a dimension is missing.
    """
    require_dimensions(eta, (*_DRAWS, over), "eta")
    centred = eta - eta.mean(over)
    variance = (centred**2).mean(over)
    statistics = {
        "mean": eta.mean(over),
        "sd": eta.std(over, ddof=1),
        "skewness": (centred**3).mean(over) / variance**1.5,
        "kurtosis": (centred**4).mean(over) / variance**2 - 3.0,
    }
    quantiles = central_quantiles(mass)
    result = {name: values.quantile(quantiles, _DRAWS) for name, values in statistics.items()}
    result["individual_mean"] = eta.mean(_DRAWS)
    single = eta.sizes["chain"] * eta.sizes["draw"] == 1  # a mode, which has no spread
    result["individual_sd"] = (
        xr.full_like(result["individual_mean"], np.nan) if single else eta.std(_DRAWS, ddof=1)
    )
    return xr.Dataset(result)


def covariate_correlations(
    eta: xr.DataArray,
    covariates: Mapping[str, ArrayLike],
    *,
    mass: float = 0.9,
    seed: int = 0,
) -> xr.Dataset:
    """Correlation of every random effect with every covariate.

    Parameters
    ----------
    eta : xarray.DataArray (chain, draw, subject, ...)
        Random effects at draws of the posterior, of a model without these covariates.
    covariates : mapping of str to array_like (subject,)
        Numbers, or labels: a label is compared as an indicator, with more than two labels one
        indicator for each, named "FORM=tablet".
    mass
        Probability of the intervals.
    seed
        Of the draws of the population's correlation.

    Returns
    -------
    xarray.Dataset
        Over `covariate` and the effects: `correlation`, the mean over draws of Pearson's
        correlation among these subjects, and, also over `quantile`, `sample`, its interval, and
        `population`, the interval of the correlation in the population they come from.

    Raises
    ------
    ValueError
        When there are fewer than four subjects, or a covariate has not one value for each or does
        not vary.

    Notes
    -----
    Correlations are worked out at each draw of the posterior and not from the subjects' estimates,
    whose shrinkage hides and makes up relations (Savic and Karlsson 2009,
    doi:10.1208/s12248-009-9133-0; Lavielle and Ribba 2016, doi:10.1007/s11095-016-2020-3). For
    `population` each draw r becomes tanh(atanh r + z / sqrt(S - 3)), z standard normal (Fisher).
    All pairs are returned in the order given, and there are no p-values: this is a look at what
    the model left unexplained, with as many comparisons as pairs, not a selection. The draws come
    from a model in which the effects do not depend on the covariates, which pulls correlations
    towards zero where subjects have few measurements.
    """
    require_dimensions(eta, (*_DRAWS, SUBJECT), "eta")
    count = eta.sizes[SUBJECT]
    if count < 4:
        raise ValueError(f"Wanted four or more subjects for a correlation; found {count}.")
    columns: dict[str, NDArray[np.float64]] = {}
    for name, given in covariates.items():
        columns |= _indicators(name, np.asarray(given), count)
    standard = xr.DataArray(
        np.array([stats.zscore(values) for values in columns.values()]).reshape(-1, count),
        dims=("covariate", SUBJECT),
        coords={"covariate": list(columns)},
    )
    centred = eta - eta.mean(SUBJECT)
    correlation = (standard * centred).mean(SUBJECT) / eta.std(SUBJECT)
    noise = np.random.default_rng(seed).normal(scale=(count - 3) ** -0.5, size=correlation.shape)
    population = xr.ufuncs.tanh(xr.ufuncs.arctanh(correlation.clip(-1 + 1e-12, 1 - 1e-12)) + noise)
    quantiles = central_quantiles(mass)
    return xr.Dataset(
        {
            "correlation": correlation.mean(_DRAWS),
            "sample": correlation.quantile(quantiles, _DRAWS),
            "population": population.quantile(quantiles, _DRAWS),
        }
    )


def _indicators(
    name: str, given: NDArray[np.generic], count: int
) -> dict[str, NDArray[np.float64]]:
    if given.shape != (count,):
        raise ValueError(
            f"Wanted a value of the covariate {name!r} for each of the {count} subjects; found "
            f"shape {given.shape}."
        )
    levels = np.unique(given)
    if levels.size < 2:
        raise ValueError(
            f"The covariate {name!r} is {levels[0]} in every subject: it can be compared with "
            "nothing. Leave it out."
        )
    if np.issubdtype(given.dtype, np.number):
        return {name: given.astype(float)}
    # Of two labels one indicator says all; the second would be its mirror image.
    shown = levels[1:] if levels.size == 2 else levels
    return {f"{name}={level}": (given == level).astype(float) for level in shown}
