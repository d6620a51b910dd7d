"""One patient's random effects by NUTS, at several draws of the population."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import nutpie
from numpy.typing import NDArray

from bnode_nlme.inference.importance import effective_count, resample
from bnode_nlme.results.effect_modes import effect_modes
from bnode_nlme.results.individual_likelihood import IndividualLikelihood
from bnode_nlme.results.mixture_weights import mixture_weights
from bnode_nlme.results.patient_model import patient_model, scaled_typical
from bnode_nlme.results.population_draws import SAMPLE

Array = NDArray[np.float64]

_COMPONENTS, _TUNE, _DRAWS = 32, 200, 100


@dataclass(frozen=True, eq=False)
class PatientSamples:
    """Samples of one patient.

    Attributes
    ----------
    draws : ndarray (samples,)
        The draw of the population that each belongs to.
    z : ndarray (samples, q)
        Standardised random effects.
    divergences : int
    effective_draws : float
        How many draws of the population count, see `effective_count`.
    """

    draws: NDArray[np.intp]
    z: Array
    divergences: int
    effective_draws: float


def effect_nuts(
    likelihood: IndividualLikelihood, subject: int, samples: int, rng: np.random.Generator
) -> PatientSamples:
    """Sample one patient's random effects.

    Parameters
    ----------
    likelihood
        Of all patients, at draws of the population.
    subject
        Index of the patient.
    samples
        How many.
    rng
        For all that is drawn.

    Returns
    -------
    PatientSamples
        A mixture over 32 draws of the population, evenly spaced: each has a chain of its own, and
        every sample is weighted for every one of these draws, so that draws count by how well they
        foretell the measurements.
    """
    study = likelihood.study
    own = study.select(subjects=[study.subjects[subject]])
    count = min(_COMPONENTS, likelihood.draws)
    components = np.arange(count) * likelihood.draws // count
    at = IndividualLikelihood(likelihood.nlme, own, likelihood.values.isel({SAMPLE: components}))
    size = at.space.size
    start = effect_modes(at, rng).z[:, 0]
    model, data = patient_model(likelihood.nlme, at)
    compiled = nutpie.compile_pymc_model(model)
    seeds = rng.integers(2**31, size=count)
    chains, divergences = [], 0
    for component in range(count):
        given = {name: values[component] for name, values in data.items()}
        tree = nutpie.sample(
            compiled.with_data(**given, start=start[component]),
            draws=_DRAWS,
            tune=_TUNE,
            chains=1,
            cores=1,
            seed=int(seeds[component]),
            progress_bar=False,
        )
        chains.append(tree["posterior"]["step"].to_numpy()[0] + start[component])
        divergences += int(tree["sample_stats"]["diverging"].sum())
    pooled = np.concatenate(chains)
    shared = _shared(at, pooled, np.repeat(np.arange(count), _DRAWS))
    density, z = _densities(at, shared, size)
    weights = mixture_weights(density, np.full(count, _DRAWS))
    chosen = resample(weights.ravel(), samples, rng)
    mixed, sample = np.divmod(chosen, pooled.shape[0])
    # Within the patient's own study its occasions come first in the vector, as in the whole one.
    whole = rng.standard_normal((samples, likelihood.space.size))
    whole[:, :size] = z[mixed, sample]
    return PatientSamples(
        components[mixed], whole, divergences, effective_count(weights.sum(axis=1))
    )


def _shared(at: IndividualLikelihood, z: Array, draws: NDArray[np.intp]) -> dict[str, Array]:
    """Samples in terms that mean the same at every draw of the population.

    The random effect plus what the population gives without it: the individual parameter.
    """
    effects = at.space.random_effects(z[:, None, None], draws)
    shared = {str(name): values.to_numpy()[:, 0] for name, values in effects.data_vars.items()}
    if "eta" in shared:
        shared["eta"] = shared["eta"][:, 0] + _typical_of_effects(at)[draws]
    return shared


def _typical_of_effects(at: IndividualLikelihood) -> Array:
    """What each subject effect adds to, (draws, effects)."""
    typical = scaled_typical(at.nlme, at)
    columns = [typical[f"typical_{name}"][:, 0] for name in at.nlme.subject_effects]
    return np.stack(columns, axis=1)


def _densities(
    at: IndividualLikelihood, shared: Mapping[str, Array], size: int
) -> tuple[Array, Array]:
    """Log-density of every sample at every draw, (draws, samples), and its z there."""
    count = next(iter(shared.values())).shape[0]
    z = np.empty((at.draws, count, size))
    log_volume = np.zeros(at.draws)
    n_subject = len(at.nlme.subject_effects)
    if n_subject:
        factor = at.space.subject_factor
        centred = shared["eta"][None] - _typical_of_effects(at)[:, None]
        z[..., :n_subject] = np.linalg.solve(factor[:, None], centred[..., None])[..., 0]
        log_volume += np.log(np.diagonal(factor, axis1=1, axis2=2)).sum(axis=1)
    if at.nlme.occasion_effects:
        factor = at.space.occasion_factor
        kappa = shared["kappa"]
        back = np.linalg.solve(factor[:, None, None], kappa[None, ..., None])[..., 0]
        z[..., n_subject:] = back.reshape(at.draws, count, -1)
        log_volume += kappa.shape[1] * np.log(np.diagonal(factor, axis1=1, axis2=2)).sum(axis=1)
    log_prior = -0.5 * np.sum(z**2, axis=-1) - log_volume[:, None]
    likelihood = at.log_likelihood(z[:, :, None], np.arange(at.draws))[..., 0]
    return likelihood + log_prior, z
