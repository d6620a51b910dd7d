"""Exposures of one patient under each of several regimens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bnode_nlme.discovery.dosing.patient_draws import PatientDraws
from bnode_nlme.discovery.dosing.places import Places
from bnode_nlme.discovery.dosing.planned_study import breaks_of, planned_study, side_by_side
from bnode_nlme.discovery.dosing.target import Target
from bnode_nlme.engine.status import SolveStatus
from bnode_nlme.results.draw_solver import DrawSolver
from bnode_nlme.results.error_numbers import error_numbers
from bnode_nlme.results.predicted import output_of
from bnode_nlme.study.regimen import Regimen

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Exposures:
    """What targets are about, at N draws under C regimens.

    Attributes
    ----------
    values : ndarray (N, C, targets)
        NaN where the solve failed.
    failed : int
        Solves that failed.
    """

    values: Array
    failed: int


def exposures(
    patient: PatientDraws,
    regimens: Sequence[Regimen | None],
    targets: Sequence[Target],
    after: float,
    *,
    residual_error: bool,
    seed: int,
) -> Exposures:
    """Solve for every draw and regimen, and read off what the targets ask for.

    The draws are the same for all regimens, and so are residual errors.
    """
    system = patient.nlme.system
    outputs = [_output(patient, target) for target in targets]
    studies, looked = [], []
    for regimen in regimens:
        breaks = breaks_of(patient.study, regimen)
        own = [target.places(breaks) for target in targets]
        joined = Places(
            np.concatenate([places.times for places in own]),
            np.concatenate([places.before for places in own]),
            np.concatenate([places.weights for places in own]),
        )
        study, index = planned_study(patient.study, regimen, after, joined)
        studies.append(study)
        looked.append((own, index))
    together = side_by_side(studies)
    count = len(regimens)
    solver = DrawSolver(system, together, patient.nlme.solver)
    solved = solver(
        {name: np.tile(values, (1, count)) for name, values in patient.parameters.items()},
        patient.weights,
        list(dict.fromkeys(outputs)),
    )
    result = np.empty((patient.size, count, len(targets)))
    first = 0
    for c, (own, index) in enumerate(looked):
        start = 0
        for t, (target, output, places) in enumerate(zip(targets, outputs, own, strict=True)):
            rows = first + index[start : start + places.times.size]
            values = solved.values[output][:, rows]
            if residual_error:
                errors = error_numbers(patient.nlme, output, patient.values, patient.size)
                values = errors.drawn(values, np.random.default_rng([seed, t]))
            result[:, c, t] = target.exposure(values, places)
            start += places.times.size
        first += studies[c].n_observations
    return Exposures(result, int(np.sum(solved.status != SolveStatus.SUCCESS)))


def _output(patient: PatientDraws, target: Target) -> str:
    system = patient.nlme.system
    if target.output is None:
        return output_of(patient.nlme, None, type(target).__name__)
    known = tuple(dict.fromkeys((*system.output_names, *system.states)))
    if target.output not in known:
        raise ValueError(
            f"{type(target).__name__}: output= wants one of {', '.join(map(repr, known))}; found "
            f"{target.output!r}."
        )
    return target.output
