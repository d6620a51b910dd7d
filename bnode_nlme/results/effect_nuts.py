"""One patient's random effects by NUTS, at several draws of the population."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import nutpie
import pymc as pm
import pytensor.tensor as pt
from numpy.typing import NDArray
from scipy.special import logsumexp

from bnode_nlme.distributions.neural_ode import NeuralODE
from bnode_nlme.inference.importance import resample
from bnode_nlme.nlme.nlme import NLME
from bnode_nlme.results.effect_modes import effect_modes
from bnode_nlme.results.individual_likelihood import IndividualLikelihood, measurements_of
from bnode_nlme.results.population_draws import SAMPLE, parameter_arrays
from bnode_nlme.study.study import Study

Array = NDArray[np.float64]

_COMPONENTS, _TUNE, _DRAWS = 32, 200, 100
_ROUNDS = 500


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
    """

    draws: NDArray[np.intp]
    z: Array
    divergences: int


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
    model, data = _patient_model(likelihood.nlme, at)
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
    weights = _mixture_weights(density, np.full(count, _DRAWS))
    chosen = resample(weights.ravel(), samples, rng)
    component, sample = np.divmod(chosen, pooled.shape[0])
    # Within the patient's own study its occasions come first in the vector, as in the whole one.
    whole = rng.standard_normal((samples, likelihood.space.size))
    whole[:, :size] = z[component, sample]
    return PatientSamples(components[component], whole, divergences)


def _patient_model(nlme: NLME, at: IndividualLikelihood) -> tuple[pm.Model, dict[str, Array]]:
    """A model of one patient at one draw, whose numbers are data, and these at every draw."""
    study, space = at.study, at.space
    data: dict[str, Array] = dict(_scaled_typical(nlme, at))
    if nlme.subject_effects:
        data["subject_factor"] = space.subject_factor
    if nlme.occasion_effects:
        data["occasion_factor"] = space.occasion_factor
    for name, values in at.weights.items():
        data[f"weights_{name}"] = values
    for output, error in at.errors.items():
        for name, values in zip(nlme.errors[output].parameters, error.parameters, strict=True):
            data[f"error_{output}_{name}"] = values[:, 0]
    with pm.Model() as model:
        held = {name: pm.Data(name, values[0]) for name, values in data.items()}
        start = pm.Data("start", np.zeros(space.size))
        # Steps from the mode, so that the sampler begins there.
        step = pm.Flat("step", shape=space.size)
        z = start + step
        pm.Potential("population", -0.5 * pt.sum(z**2))
        parameters = _individual(nlme, study, held, z)
        weights = {name: held[f"weights_{name}"] for name in at.weights}
        for output, error in nlme.errors.items():
            if measurements_of(nlme, study, output) is None:
                continue
            numbers = {name: held[f"error_{output}_{name}"] for name in error.parameters}
            NeuralODE(
                output,
                nlme.system,
                study,
                parameters=parameters,
                weights=weights,
                error=error.with_parameters(numbers),
                output=output,
                **nlme.solver,
            )
    return model, data


def _individual(nlme: NLME, study: Study, held: Mapping[str, Any], z: Any) -> dict[str, Any]:
    """Individual parameters of the one subject, (1,) or (occasions,)."""
    n_subject, n_occasion = len(nlme.subject_effects), len(nlme.occasion_effects)
    eta: Any = pt.dot(held["subject_factor"], z[:n_subject]) if n_subject else None
    kappa: Any = None
    if n_occasion and study.occasions is not None:
        per_occasion = z[n_subject:].reshape((len(study.occasions), n_occasion))
        kappa = pt.dot(per_occasion, held["occasion_factor"].T)
    values = {}
    for name, declared in nlme.individual.items():
        scaled = held[f"typical_{name}"]
        if name in nlme.subject_effects:
            scaled = scaled + eta[nlme.subject_effects.index(name)]
        if name in nlme.occasion_effects:
            scaled = scaled + kappa[:, nlme.occasion_effects.index(name)]
        values[name] = declared.scale.back(scaled, pt)
    return values


def _scaled_typical(nlme: NLME, at: IndividualLikelihood) -> dict[str, Array]:
    """Individual parameters without random effects, on their scales, (draws, 1 or occasions)."""
    effects = nlme.zero_effects(at.study)
    individual = nlme.individual_parameters(at.values, at.study, effects)
    return {
        f"typical_{name}": nlme.individual[name].scale.forward(values, np)
        for name, values in parameter_arrays(individual, at.draws).items()
    }


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
    typical = _scaled_typical(at.nlme, at)
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


def _mixture_weights(density: Array, counts: NDArray[np.int64]) -> Array:
    """Weights of every sample for every draw, (draws, samples), which sum to 1.

    The normalising constants solve the equations of the multistate Bennett acceptance ratio.
    """
    constants = np.zeros(len(counts))
    log_counts = np.log(counts)
    for _ in range(_ROUNDS):
        mixture = logsumexp(density + (log_counts - constants)[:, None], axis=0)
        new = logsumexp(density - mixture, axis=1)
        new -= new[0]
        settled = np.max(np.abs(new - constants)) < 1e-8
        constants = new
        if settled:
            break
    log_weights = density - logsumexp(density + (log_counts - constants)[:, None], axis=0)
    weights = np.exp(log_weights - log_weights.max())
    return np.asarray(weights / weights.sum())
