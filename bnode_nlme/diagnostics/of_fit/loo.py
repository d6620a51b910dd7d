"""Leave-one-out cross-validation of a fit."""

from __future__ import annotations

import warnings
from typing import Literal

import arviz as az
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bnode_nlme.diagnostics.elpd import elpd_observations, elpd_subjects
from bnode_nlme.diagnostics.of_fit.integrated_likelihood import (
    integrated_likelihood,
    warn_of_integral,
)
from bnode_nlme.inference.fit_result import Fit
from bnode_nlme.nlme.nlme import NLME
from bnode_nlme.results.error_numbers import error_numbers
from bnode_nlme.results.individual_likelihood import measurements_of
from bnode_nlme.results.population_draws import declaration_of, population_draws
from bnode_nlme.results.predicted import predicted_at
from bnode_nlme.study.dimensions import OBSERVATION, SUBJECT
from bnode_nlme.study.study import Study

_MOST = {"observation": 4000, "subject": 400}
_DRAWS = ("chain", "draw")
_APPROXIMATE = ("pathfinder", "advi", "laplace")


def loo(
    fit: Fit,
    by: Literal["observation", "subject"] = "observation",
    *,
    draws: int | None = None,
    seed: int = 0,
) -> az.ELPDDataLOO:
    """Estimate how well left-out measurements are foretold.

    Parameters
    ----------
    fit
        Of a `bn.NLME`, whose draws are of its posterior: of ``"nuts"``, or of ``"pathfinder"`` or
        ``"advi"`` where these were resampled by importance weights.
    by : {"observation", "subject"}
        Leave out one measurement, its subject's others kept: prediction of further measurements of
        known subjects. Or leave out all of a subject: prediction of new subjects, the left-out
        subject's random effects integrated out at every draw of the population.
    draws
        How many draws of the posterior, the same number of each chain; by default all, up to 4000
        by observation and 400 by subject.
    seed
        Of the points at which random effects are integrated out.

    Returns
    -------
    arviz.ELPDDataLOO
        With ``elpd``, ``se``, ``p``, and by observation (row of the table) or subject ``elpd_i``
        and ``pareto_k``. By subject ``elpd_i`` has the coordinate ``integration_error``: the Monte
        Carlo standard error that integrating over random effects leaves in it. Two of them go into
        `arviz.compare`.

    Raises
    ------
    ValueError
        When the fit has no declaration or study, `by` is neither, or a solve failed at a draw.

    Warns
    -----
    UserWarning
        When a Pareto k is too large, or the integral over a subject's random effects has a Monte
        Carlo standard error above 10 % with 900 points a draw.
        When the draws are of an approximation: of ``"laplace"``, or of ``"pathfinder"`` or
        ``"advi"`` whose importance weights have a Pareto k of 0.7 or more.

    Notes
    -----
    Pareto-smoothed importance sampling (Vehtari, Gelman and Gabry 2017,
    doi:10.1007/s11222-016-9696-4); by subject from the marginal likelihood (Merkle, Furr and
    Rabe-Hesketh 2019, doi:10.1007/s11336-019-09679-0), which is integrated by importance sampling
    around the mode of each subject at each draw: points are added until its standard error e is
    10 % or less. What is averaged over draws is the reciprocal of that integral, which is too large
    by the factor 1 + e² and is divided by it.

    Draws of ``"laplace"`` are of a normal approximation on the unconstrained scale, in as many
    dimensions as there are random effects: some lie where the measurements are far less probable
    than anywhere in the posterior. Importance weights of a left-out measurement then hang on a few
    draws, which a Pareto k above 1 says, and ``p`` is far above the number of parameters.
    """
    nlme = declaration_of(fit, "loo")
    if by not in _MOST:
        raise ValueError(f"loo: by= wants 'observation' or 'subject'; found {by!r}.")
    if fit.study is None:
        raise ValueError("loo compares with measurements, and this fit was stored without them.")
    _warn_of_approximation(fit)
    indices, shape = _even_draws(fit, _MOST[by] if draws is None else draws)
    values = population_draws(fit, indices)
    if by == "observation":
        return elpd_observations(_by_observation(nlme, fit.study, values, shape))
    integrated = integrated_likelihood(nlme, fit.study, values, shape, seed)
    warn_of_integral(integrated, "loo")
    return loo_by_subject(integrated)


def is_of_approximation(fit: Fit) -> bool:
    """Whether a fit's draws are of an approximation that no importance weights corrected."""
    return fit.method in _APPROXIMATE and not fit.attrs.get("importance_resampled")


def _warn_of_approximation(fit: Fit) -> None:
    if not is_of_approximation(fit):
        return
    found = fit.attrs.get("pareto_k")
    weights = "" if found is None else f" (Pareto k of their importance weights {found:.2f})"
    warnings.warn(
        f"loo: the draws of this fit by {fit.method} are of an approximation{weights}, while "
        "leave-one-out by importance sampling takes them for draws of the posterior: elpd and its "
        "Pareto k may be wrong without a sign. Compare models by fits of method='nuts'.",
        stacklevel=3,
    )


def subject_log_likelihood(
    fit: Fit, study: Study, *, draws: int | None = None, seed: int = 0
) -> xr.Dataset:
    """Log-likelihood of subjects, their random effects integrated out, at draws of a fit.

    Parameters
    ----------
    fit
        Of a `bn.NLME`, to these or to other subjects.
    study
        Whose subjects.
    draws
        How many, the same number of each chain; by default all, up to 400.
    seed
        Of the points at which random effects are integrated out.

    Returns
    -------
    xarray.Dataset
        As `integrated_likelihood` gives it: ``log_likelihood`` (chain, draw, subject) and its Monte
        Carlo standard error ``error``.

    Raises
    ------
    ValueError
        When the fit has no declaration.
    """
    nlme = declaration_of(fit, "subject_log_likelihood")
    indices, shape = _even_draws(fit, _MOST["subject"] if draws is None else draws)
    return integrated_likelihood(nlme, study, population_draws(fit, indices), shape, seed)


def _even_draws(fit: Fit, count: int) -> tuple[NDArray[np.intp], tuple[int, int]]:
    """Draws (chain by chain), the same number of each chain, and their (chains, draws)."""
    if count < 1:
        raise ValueError(f"loo: draws= wants 1 or more; found {count!r}.")
    chains, total = fit.posterior.sizes["chain"], fit.posterior.sizes["draw"]
    each = min(total, max(1, count // chains))
    within = np.arange(each) * total // each
    indices = (np.arange(chains)[:, None] * total + within).ravel()
    return indices, (chains, each)


def _by_observation(
    nlme: NLME, study: Study, values: xr.Dataset, shape: tuple[int, int]
) -> xr.DataArray:
    effects = nlme.known_effects(values, study)
    predicted = predicted_at(nlme, values, study, effects, None, states=False)
    parts, rows = [], []
    for output in nlme.outputs:
        measured = measurements_of(nlme, study, output)
        if measured is None:
            continue
        error = error_numbers(nlme, output, values, shape[0] * shape[1])
        prediction = predicted[output].to_numpy()[:, measured.positions]
        parts.append(error.log_density(measured.values, prediction, measured.lower, measured.upper))
        rows.append(measured.rows)
    density = np.concatenate(parts, axis=1)
    return xr.DataArray(
        density.reshape(*shape, -1),
        dims=("chain", "draw", OBSERVATION),
        coords={OBSERVATION: np.concatenate(rows)},
        name="log_likelihood",
    )


def loo_by_subject(integrated: xr.Dataset) -> az.ELPDDataLOO:
    """Leave one subject out, by estimates of its likelihood with errors.

    Parameters
    ----------
    integrated
        As `subject_log_likelihood` gives it.

    Returns
    -------
    arviz.ELPDDataLOO
        As `loo` gives it.
    """
    log_likelihood, error = integrated["log_likelihood"], integrated["error"]
    # The mean of reciprocals 1 / p is estimated, and an estimate of p with the relative error e has
    # a reciprocal that is too large by 1 + e².
    found = elpd_subjects(log_likelihood + np.log1p(error**2))
    inverse = xr.ufuncs.exp(log_likelihood.min(_DRAWS) - log_likelihood)
    weight = inverse / inverse.sum(_DRAWS)
    of_integral = np.sqrt(((weight * error) ** 2).sum(_DRAWS))
    found.elpd_i = found.elpd_i.assign_coords(
        integration_error=(SUBJECT, of_integral.sel({SUBJECT: found.elpd_i[SUBJECT]}).to_numpy())
    )
    return found
