"""How far each of several models is believed of one patient."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from bnode_nlme.discovery.dosing.patient_draws import PatientDraws
from bnode_nlme.inference.importance import RELIABLE

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ModelWeights:
    """Weights of M models, before and after the levels of a new patient.

    Attributes
    ----------
    weight : ndarray (M,)
        In proportion to ``before * exp(log_evidence)``.
    before : ndarray (M,)
    log_evidence : ndarray (M,)
        Logarithm of the density of the levels under each model; 0 where there are none, or the
        models were fitted to them.
    """

    weight: Array
    before: Array
    log_evidence: Array


def model_weights(before: Array, models: Sequence[PatientDraws]) -> ModelWeights:
    """Weigh models by Bayes' rule: what the patient's levels say of the models themselves.

    Parameters
    ----------
    before : ndarray (M,)
        Which sum to 1.
    models : sequence of PatientDraws
        The patient under each.

    Raises
    ------
    ValueError
        When the models know different levels of the patient.

    Warns
    -----
    UserWarning
        When the density of the levels rests on importance weights that cannot be trusted.
    """
    _check(models)
    evidence = np.array([model.log_evidence for model in models])
    doubtful = [
        f"model {number} (k {model.pareto_k:.2f})"
        for number, model in enumerate(models, start=1)
        if len(models) > 1 and model.pareto_k >= RELIABLE
    ]
    if doubtful:
        warnings.warn(
            "optimise_dose: the weights of the models rest on densities of the patient's levels "
            f"whose importance weights cannot be trusted: {', '.join(doubtful)}. Individualise "
            "with more samples=, and compare.",
            stacklevel=3,
        )
    with np.errstate(divide="ignore"):
        log_weight = np.log(before) + evidence
    total = logsumexp(log_weight)
    if not np.isfinite(total):
        raise ValueError(
            "optimise_dose: the patient's levels have no density under any model that has a weight."
        )
    return ModelWeights(np.exp(log_weight - total), before, evidence)


def _check(models: Sequence[PatientDraws]) -> None:
    first = models[0]
    for number, model in enumerate(models[1:], start=2):
        if model.new != first.new:
            raise ValueError(
                "optimise_dose: one model knows the patient as a subject of its fit, another as a "
                "new one; their weights cannot be compared. Individualise the patient with all."
            )
        if model.new and not _same_levels(first, model):
            raise ValueError(
                f"optimise_dose: models 1 and {number} know different levels of the patient. "
                "Individualise it from the same study with all."
            )


def _same_levels(first: PatientDraws, second: PatientDraws) -> bool:
    (a_time, a), (b_time, b) = _levels(first), _levels(second)
    return a.shape == b.shape and np.array_equal(a_time, b_time) and np.array_equal(a, b)


def _levels(patient: PatientDraws) -> tuple[Array, Array]:
    records, rows = patient.study.records, patient.study.observations
    known = rows[np.isfinite(records.value[rows])]
    return records.time[known], records.value[known]
