"""From a declaration and a study to a PyMC model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from pytensor.tensor.variable import TensorVariable

from bnode_nlme.distributions.effect_blocks import EffectNames, correlated_effects
from bnode_nlme.distributions.network_weights import NetworkWeights
from bnode_nlme.distributions.neural_ode import NeuralODE
from bnode_nlme.nlme.covariate_model import covariate_columns
from bnode_nlme.nlme.error_priors import error_with_variables
from bnode_nlme.nlme.individual_values import (
    coefficient_name,
    individual_value,
    occasions_of,
    population_name,
)
from bnode_nlme.nlme.prior import HalfNormal, Prior, named_value
from bnode_nlme.study.dimensions import OCCASION, SUBJECT
from bnode_nlme.study.study import Study

if TYPE_CHECKING:
    from bnode_nlme.nlme.nlme import NLME

EFFECT, OCCASION_EFFECT = "effect", "occasion_effect"
SUBJECT_NAMES = EffectNames("eta", "eta_z", "omega", "omega_correlation", EFFECT)
OCCASION_NAMES = EffectNames(
    "kappa", "kappa_z", "omega_occasion", "omega_occasion_correlation", OCCASION_EFFECT
)


def build_model(nlme: NLME, study: Study) -> pm.Model:
    """See `NLME.build`."""
    for name, declared in nlme.individual.items():
        for covariate_model in declared.covariates:
            covariate_columns(name, covariate_model, study)
    if nlme.occasion_effects:
        occasions_of(study, list(nlme.occasion_effects))
    with pm.Model(coords=study.coords) as model:
        weights = {
            network.name: NetworkWeights(
                network.name, network, **nlme.networks.get(network.name, {})
            )
            for network in nlme.system.networks
        }
        typical = {
            name: named_value(population_name(name), declared.typical)
            for name, declared in nlme.individual.items()
        }
        coefficients = {
            name: {
                covariate_model.label: _array(
                    covariate_model.coefficient(
                        coefficient_name(name, covariate_model.label), study
                    )
                )
                for covariate_model in declared.covariates
            }
            for name, declared in nlme.individual.items()
        }
        eta = _effects(nlme, "subject")
        kappa = _effects(nlme, "occasion")
        parameters = {
            name: pm.Deterministic(
                name,
                individual_value(
                    name,
                    declared,
                    study,
                    pt,
                    typical=pt.as_tensor_variable(_array(typical[name])),
                    coefficients=coefficients[name],
                    effect=eta.get(name),
                    occasion_effect=kappa.get(name),
                ),
                dims=OCCASION if name in kappa else SUBJECT,
            )
            for name, declared in nlme.individual.items()
        }
        for output, error in nlme.errors.items():
            # Outputs of one study share the solve that the first of them brought into the model.
            NeuralODE(
                output,
                nlme.system,
                study,
                parameters=parameters,
                weights=weights,
                error=error_with_variables(output, error, nlme.system, study),
                output=output,
                **nlme.solver,
            )
    return model


def _array(value: Any) -> Any:
    return np.float64(value) if isinstance(value, float) else value


def _effects(nlme: NLME, level: str) -> Mapping[str, TensorVariable]:
    """Random effects of each parameter that has them, over the level's dimension."""
    of_subjects = level == "subject"
    labels = nlme.subject_effects if of_subjects else nlme.occasion_effects
    if not labels:
        return {}
    names = SUBJECT_NAMES if of_subjects else OCCASION_NAMES
    pm.modelcontext(None).add_coord(names.effect, labels)
    declared = [nlme.individual[label] for label in labels]
    given = [d.effect_sd if of_subjects else d.occasion_sd for d in declared]
    values = correlated_effects(
        names,
        labels,
        _standard_deviations(names, labels, given),
        nlme.blocks(level),
        over=SUBJECT if of_subjects else OCCASION,
    )
    return {label: values[:, place] for place, label in enumerate(labels)}


def _standard_deviations(
    names: EffectNames, labels: tuple[str, ...], given: list[Prior | float | None]
) -> TensorVariable:
    """Standard deviations as one vector, sampled as one where all priors are half-normal."""
    if all(isinstance(sd, HalfNormal) for sd in given):
        scales = np.array([sd.scale for sd in given if isinstance(sd, HalfNormal)])
        return pm.HalfNormal(names.sd, scales, dims=names.effect)
    parts = [
        pt.as_tensor_variable(_array(named_value(f"{names.sd}_{label}", sd)))
        for label, sd in zip(labels, given, strict=True)
        if sd is not None
    ]
    return pm.Deterministic(names.sd, pt.stack(parts), dims=names.effect)
