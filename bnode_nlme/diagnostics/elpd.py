"""Expected log predictive density of left-out observations and of left-out subjects."""

from __future__ import annotations

import arviz as az
import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from bnode_nlme.diagnostics.draws import require_dimensions
from bnode_nlme.study.dimensions import OBSERVATION, SUBJECT

_DRAWS = ("chain", "draw")
_FEWEST = 25
"""Of these a fifth, at least five, make the tail to which a distribution is fitted."""


def elpd_observations(log_likelihood: xr.DataArray) -> az.ELPDDataLOO:
    """Leave one observation out: how well a measurement is foretold from all others.

    The other measurements of the same subject are kept, so this is about predicting further
    measurements of known subjects. For new subjects see `elpd_subjects`.

    Parameters
    ----------
    log_likelihood : xarray.DataArray (chain, draw, observation)
        Of each measurement given the subject's own random effects.

    Returns
    -------
    arviz.ELPDDataLOO
        With `elpd`, `se`, `p`, and by observation `elpd_i` and `pareto_k`; goes into
        `arviz.compare`.

    Raises
    ------
    ValueError
        When a dimension is missing, a log-likelihood is not finite, or draws are fewer than 25.

    Warns
    -----
    UserWarning
        By ArviZ, when a Pareto k is too large for the estimate to be trusted.

    References
    ----------
    Vehtari, Gelman, Gabry, Stat Comput 2017;27:1413, doi:10.1007/s11222-016-9696-4. Vehtari,
    Simpson, Gelman, Yao, Gabry, J Mach Learn Res 2024;25(72) (Pareto smoothing).
    """
    return _loo(log_likelihood, OBSERVATION)


def elpd_subjects(log_likelihood: xr.DataArray) -> az.ELPDDataLOO:
    """Leave one subject out: how well all measurements of a new subject are foretold.

    Parameters
    ----------
    log_likelihood : xarray.DataArray (chain, draw, subject)
        Of all measurements of a subject, its random effects integrated out at each draw of the
        population's parameters: `marginal_log_likelihood`. A sum of conditional log-likelihoods
        (`sum_by_subject`) has the same estimand, but its importance ratios undo a subject's whole
        influence on its own random effects, and Pareto k then says that they fail, as a rule.

    Returns
    -------
    arviz.ELPDDataLOO
        As `elpd_observations`, by subject.

    Raises
    ------
    ValueError
        When a dimension is missing, a log-likelihood is not finite, or draws are fewer than 25.

    Warns
    -----
    UserWarning
        By ArviZ, when a Pareto k is too large for the estimate to be trusted.

    References
    ----------
    Merkle, Furr, Rabe-Hesketh, Psychometrika 2019;84:802, doi:10.1007/s11336-019-09679-0 (marginal
    against conditional likelihood).
    """
    return _loo(log_likelihood, SUBJECT)


def sum_by_subject(log_likelihood: xr.DataArray, subject: ArrayLike) -> xr.DataArray:
    """Log-likelihood of all measurements of each subject.

    Parameters
    ----------
    log_likelihood : xarray.DataArray (..., observation)
        Of each measurement.
    subject : array_like (observation,)
        To whom it belongs.

    Returns
    -------
    xarray.DataArray (..., subject)
        Subjects in the order of their labels.

    Raises
    ------
    ValueError
        When the dimension "observation" is missing or the numbers disagree.
    """
    require_dimensions(log_likelihood, (OBSERVATION,), "log_likelihood")
    owner = np.asarray(subject)
    if owner.shape != (log_likelihood.sizes[OBSERVATION],):
        raise ValueError(
            f"Wanted a subject for each of the {log_likelihood.sizes[OBSERVATION]} observations; "
            f"found shape {owner.shape}."
        )
    labels, index = np.unique(owner, return_inverse=True)
    belongs = xr.DataArray(
        np.eye(labels.size)[index], dims=(OBSERVATION, SUBJECT), coords={SUBJECT: labels}
    )
    return xr.dot(log_likelihood, belongs, dim=OBSERVATION)


def _loo(log_likelihood: xr.DataArray, unit: str) -> az.ELPDDataLOO:
    require_dimensions(log_likelihood, (*_DRAWS, unit), "log_likelihood")
    draws = log_likelihood.transpose(*_DRAWS, unit)
    finite = xr.ufuncs.isfinite(draws).all(_DRAWS).to_numpy()
    if not finite.all():
        raise ValueError(
            f"The log-likelihood of {(~finite).sum()} of {finite.size} {unit}s is not finite at "
            f"some draw, the first of them number {int(np.flatnonzero(~finite)[0])} (counted from "
            "0): a solve failed there, or a measurement is missing. Leave those out."
        )
    count = draws.sizes["chain"] * draws.sizes["draw"]
    if count < _FEWEST:
        raise ValueError(
            f"Pareto smoothing wants {_FEWEST} draws or more, all chains together; found {count}. "
            "Give more draws of a posterior; a mode has but one."
        )
    # ArviZ takes one relative efficiency, from the parameters, for all; each unit's own is better.
    likelihood = xr.ufuncs.exp(draws - draws.max(_DRAWS)).rename("likelihood").to_dataset()
    efficiency = az.ess(likelihood, method="mean")["likelihood"] / count
    smoothed = [
        draws.isel({unit: index}).azstats.psislw(r_eff=float(own), dim=list(_DRAWS))
        for index, own in enumerate(efficiency.clip(max=1.0))
    ]
    weights = xr.concat([own for own, _ in smoothed], unit).transpose(*draws.dims)
    pareto_k = xr.concat([own for _, own in smoothed], unit)
    tree = xr.DataTree.from_dict(
        {
            "posterior": likelihood,
            "log_likelihood": draws.rename("log_likelihood").to_dataset(),
        }
    )
    return az.loo(tree, pointwise=True, reff=1.0, log_weights=weights, pareto_k=pareto_k)
