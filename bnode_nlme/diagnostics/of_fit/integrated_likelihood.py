"""Likelihood of subjects, their random effects integrated out to a given precision."""

from __future__ import annotations

import warnings

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bnode_nlme.nlme.nlme import NLME
from bnode_nlme.results.effect_importance import weighted_effects
from bnode_nlme.results.individual_likelihood import IndividualLikelihood
from bnode_nlme.study.dimensions import SUBJECT
from bnode_nlme.study.study import Study

Array = NDArray[np.float64]

_POINTS, _ROUND, _MOST = 40, 300, 900
"""At first, at most in one go, and at most in all, for each subject and draw."""
_PRECISE = 0.1


def integrated_likelihood(
    nlme: NLME, study: Study, values: xr.Dataset, shape: tuple[int, int], seed: int
) -> xr.Dataset:
    """Log-likelihood of each measured subject at draws of the population.

    Parameters
    ----------
    nlme, study
        The declaration, and whose measurements.
    values : xarray.Dataset (sample, ...)
        Draws of the population, as `population_draws` gives them.
    shape
        Their (chains, draws).
    seed
        Of the points.

    Returns
    -------
    xarray.Dataset
        ``log_likelihood`` (chain, draw, subject), the logarithm of an unbiased estimate, and
        ``error``, its Monte Carlo standard error; ``points`` (subject), of each draw.

    Notes
    -----
    Points are those of `weighted_effects`. Where the error is above 0.1 (root mean square over the
    draws), as many are added as would bring it there, up to 900 in all; both estimates then count
    by their points.
    """
    rng = np.random.default_rng(seed)
    likelihood = IndividualLikelihood(nlme, study, values)
    kept = np.flatnonzero(likelihood.measured)
    log_mean, error = _estimate(likelihood, kept, _POINTS, rng)
    points = np.full(kept.size, _POINTS)
    while True:
        found = _root_mean_square(error)
        wanted = np.ceil(1.1 * points * (found / _PRECISE) ** 2).clip(max=_MOST).astype(int)
        poor = np.flatnonzero((found > _PRECISE) & (points < _MOST))
        if not poor.size:
            break
        more = int(np.clip((wanted - points)[poor].max(), min(_POINTS, _ROUND), _ROUND))
        some = study.select(subjects=study.subjects[kept[poor]])
        likelihood = IndividualLikelihood(nlme, some, values)
        added = _estimate(likelihood, np.arange(poor.size), more, rng)
        log_mean[:, poor], error[:, poor] = _pooled(
            (log_mean[:, poor], error[:, poor], points[poor]), (*added, np.array(more))
        )
        points[poor] += more
    dims = ("chain", "draw", SUBJECT)
    return xr.Dataset(
        {
            "log_likelihood": (dims, log_mean.reshape(*shape, -1)),
            "error": (dims, error.reshape(*shape, -1)),
            "points": (SUBJECT, points),
        },
        coords={SUBJECT: study.subjects[kept]},
    )


def warn_of_integral(integrated: xr.Dataset, what: str) -> None:
    """Warn of subjects whose integral is uncertain for all its points; `what` asks.

    Warns
    -----
    UserWarning
        When the error of some subject is above 0.1 (root mean square over the draws).
    """
    error = integrated["error"].stack(each=("chain", "draw"), create_index=False)
    found = _root_mean_square(error.transpose("each", SUBJECT).to_numpy())
    uncertain = integrated.isel({SUBJECT: found > _PRECISE})
    count = uncertain.sizes[SUBJECT]
    if count:
        named = ", ".join(map(str, uncertain[SUBJECT].to_numpy()[:10]))
        warnings.warn(
            f"{what}: the integral over the random effects of {count} "
            f"subject{'' if count == 1 else 's'} ({named}) has a standard error of more than "
            f"{_PRECISE:.0%} after {int(uncertain['points'].max())} points.",
            stacklevel=3,
        )


def _estimate(
    likelihood: IndividualLikelihood,
    kept: NDArray[np.intp],
    points: int,
    rng: np.random.Generator,
) -> tuple[Array, Array]:
    """Logarithm of the estimate and its error (D, S) each."""
    weighted = weighted_effects(likelihood, points, rng)
    terms = weighted.log_weight[:, :, kept]
    largest = terms.max(axis=1)
    weights = np.exp(terms - largest[:, None])
    mean = weights.mean(axis=1)
    # Points are of two parts of fixed sizes, and only what varies within each is an error.
    parts = weights[:, : weighted.of_prior], weights[:, weighted.of_prior :]
    variance = sum(part.shape[1] * part.var(axis=1, ddof=1) for part in parts if part.shape[1] > 1)
    return largest + np.log(mean), np.sqrt(variance) / (points * mean)


def _pooled(
    first: tuple[Array, Array, NDArray[np.int64]], second: tuple[Array, Array, NDArray[np.int64]]
) -> tuple[Array, Array]:
    """Estimates and errors of independent points together."""
    largest = np.maximum(first[0], second[0])
    total = first[2] + second[2]
    shares = [np.exp(log_mean - largest) * count / total for log_mean, _, count in (first, second)]
    mean = shares[0] + shares[1]
    error = np.hypot(shares[0] * first[1], shares[1] * second[1]) / mean
    return largest + np.log(mean), error


def _root_mean_square(error: Array) -> Array:
    """Over the draws; those at which nothing could be solved are told elsewhere."""
    return np.asarray(np.sqrt(np.mean(np.where(np.isfinite(error), error, 0.0) ** 2, axis=0)))
