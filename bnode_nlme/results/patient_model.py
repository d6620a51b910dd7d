"""A PyMC model of one patient at one draw of the population, whose numbers can be exchanged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from numpy.typing import NDArray

from bnode_nlme.distributions.neural_ode import NeuralODE
from bnode_nlme.nlme.nlme import NLME
from bnode_nlme.results.individual_likelihood import IndividualLikelihood, measurements_of
from bnode_nlme.results.population_draws import parameter_arrays
from bnode_nlme.study.study import Study

Array = NDArray[np.float64]


def patient_model(nlme: NLME, at: IndividualLikelihood) -> tuple[pm.Model, dict[str, Array]]:
    """Make the model.

    Parameters
    ----------
    nlme
        The declaration.
    at
        The patient's likelihood at D draws of the population.

    Returns
    -------
    pymc.Model
        Of ``step``, the distance of the patient's standardised random effects from the data
        ``start``; at the first draw.
    dict of str to ndarray (D, ...)
        The model's other data at every draw.
    """
    study, space = at.study, at.space
    data: dict[str, Array] = dict(scaled_typical(nlme, at))
    if nlme.subject_effects:
        data["subject_factor"] = space.subject_factor
    if nlme.occasion_effects:
        data["occasion_factor"] = space.occasion_factor
    for name, values in at.weights.items():
        data[f"weights_{name}"] = values
    for output, at_draws in at.errors.items():
        names = nlme.errors[output].parameters
        for name, values in zip(names, at_draws.parameters, strict=True):
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


def scaled_typical(nlme: NLME, at: IndividualLikelihood) -> dict[str, Array]:
    """Individual parameters without random effects, on their scales, (draws, 1 or occasions)."""
    effects = nlme.zero_effects(at.study)
    individual = nlme.individual_parameters(at.values, at.study, effects)
    return {
        f"typical_{name}": nlme.individual[name].scale.forward(values, np)
        for name, values in parameter_arrays(individual, at.draws).items()
    }
