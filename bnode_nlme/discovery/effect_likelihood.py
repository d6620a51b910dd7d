"""What the measurements say of each subject's random effects, the population taken out again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from bnode_nlme.inference.fit_result import Fit
from bnode_nlme.nlme.build import SUBJECT_NAMES
from bnode_nlme.nlme.nlme import NLME
from bnode_nlme.results.population_draws import SAMPLE, chosen_draws, population_draws
from bnode_nlme.study.dimensions import OCCASION, SUBJECT
from bnode_nlme.study.study import Study

Array = NDArray[np.float64]

_FEWEST = 100


@dataclass(frozen=True, eq=False)
class EffectLikelihood:
    """The likelihood of each subject's random effects, as a normal density.

    Attributes
    ----------
    subjects : ndarray (S,)
    effects : tuple of str
        The K parameters that have a random effect.
    precision : ndarray (S, K, K)
        Of the likelihood: zero in a direction of which the measurements say nothing.
    shift : ndarray (S, K)
        Precision times the value at which the likelihood is greatest.
    population : ndarray (K, K)
        Covariance of the random effects in the model that was fitted.

    Notes
    -----
    A subject's posterior is its likelihood times what all others foretell of it, the population's
    distribution. Dividing by the latter undoes the shrinkage, and leaves a measurement of the
    effects with a known error: subjects that tell little count for little, and none is pulled
    towards a population without covariates (the bias that point estimates carry: Savic and
    Karlsson 2009, doi:10.1208/s12248-009-9133-0). Both are taken as normal.
    """

    subjects: NDArray[np.generic]
    effects: tuple[str, ...]
    precision: Array
    shift: Array
    population: Array

    @property
    def information(self) -> Array:
        """Share of each effect's variance that the measurements determine, (S, K), 0 to 1."""
        inverse = np.linalg.inv(self.population)
        left = np.linalg.inv(self.precision + inverse)
        return 1.0 - np.diagonal(left, axis1=1, axis2=2) / np.diag(self.population)


def effect_likelihood(
    effects: ArrayLike, population: ArrayLike, subjects: ArrayLike, names: tuple[str, ...]
) -> EffectLikelihood:
    """Divide each subject's posterior by the population's distribution.

    Parameters
    ----------
    effects : array_like (draws, S, K)
        Draws of the subjects' deviations from what the model expects of them, uncertainty of the
        typical values included.
    population : array_like (K, K)
        Covariance of what the model foretells of a new subject's deviations.
    subjects, names
        Labels of S and K.

    Returns
    -------
    EffectLikelihood

    Raises
    ------
    ValueError
        When draws are fewer than 100.
    """
    draws, covariance = np.asarray(effects, dtype=float), np.asarray(population, dtype=float)
    if draws.shape[0] < _FEWEST:
        raise ValueError(
            f"The uncertainty of each subject's random effects wants {_FEWEST} draws or more; "
            f"found {draws.shape[0]}. A mode has none: fit with method='laplace' or 'nuts'."
        )
    mean = draws.mean(axis=0)
    centred = draws - mean
    posterior = np.einsum("dsi,dsj->sij", centred, centred) / (draws.shape[0] - 1)
    root = np.linalg.cholesky(covariance)
    # On the scale on which the population is standard normal, no information is precision 1.
    whitened = root.T @ np.linalg.inv(posterior) @ root
    values, vectors = np.linalg.eigh(0.5 * (whitened + np.swapaxes(whitened, 1, 2)))
    shift = np.einsum("sij,sj->si", whitened, np.linalg.solve(root, mean[..., None])[..., 0])
    turned = np.einsum("sji,sj->si", vectors, shift)
    # A posterior wider than the population is noise of the draws: nothing is known there.
    told = values > 1.0
    gained = np.where(told, values - 1.0, 0.0)
    back = np.linalg.solve(root.T, vectors)
    return EffectLikelihood(
        np.asarray(subjects),
        names,
        np.einsum("sij,sj,skj->sik", back, gained, back),
        np.einsum("sij,sj->si", back, np.where(told, turned, 0.0)),
        covariance,
    )


def effect_likelihood_of(fit: Fit, nlme: NLME, study: Study, draws: int | None) -> EffectLikelihood:
    """The likelihood of the random effects of a fit's subjects.

    Parameters
    ----------
    fit
        Draws of the posterior.
    nlme, study
        Its declaration and study.
    draws
        How many are used; up to 1000 by default.

    Returns
    -------
    EffectLikelihood
        Of the deviations from the mean, over the draws, of the typical value with the terms of
        the covariates that the model has already.
    """
    names = nlme.subject_effects
    values = population_draws(fit, chosen_draws(fit, draws))
    expected = np.stack([_expected(nlme, study, values, name) for name in names], axis=-1)
    eta = values[SUBJECT_NAMES.values].sel({SUBJECT_NAMES.effect: list(names)})
    own = eta.transpose(SAMPLE, SUBJECT, SUBJECT_NAMES.effect).to_numpy()
    deviation = own + expected - expected.mean(axis=0)
    simulated = nlme.new_effects(values, study)[SUBJECT_NAMES.values]
    new = simulated.transpose(SAMPLE, SUBJECT, SUBJECT_NAMES.effect).to_numpy()
    foretold = (new + expected - expected.mean(axis=0)).reshape(-1, len(names))
    return effect_likelihood(deviation, np.atleast_2d(np.cov(foretold.T)), study.subjects, names)


def _expected(nlme: NLME, study: Study, values: xr.Dataset, name: str) -> Array:
    """What is expected of each subject on the parameter's scale at each draw, (draws, S)."""
    typical = nlme.individual_parameters(values, study, nlme.zero_effects(study))[name]
    if OCCASION in typical.dims:
        # Without effects all occasions of a subject agree.
        _, first = np.unique(study.occasions.subject, return_index=True)  # type: ignore[union-attr]
        typical = typical.isel({OCCASION: first})
    scaled = nlme.individual[name].scale.forward(typical.to_numpy(), np)
    draws = values.sizes[SAMPLE]
    return np.broadcast_to(
        np.asarray(scaled).reshape(-1, study.n_subjects), (draws, study.n_subjects)
    )
