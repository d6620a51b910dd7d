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
from bnode_nlme.results.draw_solver import DrawSolutions, DrawSolver
from bnode_nlme.results.error_numbers import error_numbers
from bnode_nlme.results.predicted import output_of
from bnode_nlme.study.regimen import Regimen
from bnode_nlme.study.study import Study

Array = NDArray[np.float64]

_VALUES = 10_000_000
"""Values of an output that are held at a time, about."""


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
    outputs = [_output(patient, target, residual_error) for target in targets]
    plans = [_plan(patient, regimen, targets, after) for regimen in regimens]
    result = np.empty((patient.size, len(regimens), len(targets)))
    failed = 0
    for group in _groups([plan.study.n_observations for plan in plans], patient.size):
        own = [plans[place] for place in group]
        solved = _solved(patient, own, outputs)
        failed += int(np.sum(solved.status != SolveStatus.SUCCESS))
        first = 0
        for place, plan in zip(group, own, strict=True):
            for t, (target, output) in enumerate(zip(targets, outputs, strict=True)):
                values = solved.values[output][:, first + plan.rows[t]]
                if residual_error:
                    errors = error_numbers(patient.nlme, output, patient.values, patient.size)
                    values = errors.drawn(values, np.random.default_rng([seed, t]))
                result[:, place, t] = target.exposure(values, plan.places[t])
            first += plan.study.n_observations
    return Exposures(result, failed)


@dataclass(frozen=True, eq=False)
class _Plan:
    """One regimen: the patient's records under it, and where each target looks."""

    study: Study
    places: Sequence[Places]
    rows: Sequence[NDArray[np.intp]]


def _plan(
    patient: PatientDraws, regimen: Regimen | None, targets: Sequence[Target], after: float
) -> _Plan:
    breaks = breaks_of(patient.study, regimen)
    places = [target.places(breaks) for target in targets]
    joined = Places(
        np.concatenate([own.times for own in places]),
        np.concatenate([own.before for own in places]),
        np.concatenate([own.weights for own in places]),
    )
    study, index = planned_study(patient.study, regimen, after, joined)
    ends = np.cumsum([own.times.size for own in places])[:-1]
    return _Plan(study, places, np.split(index, ends))


def _groups(rows: Sequence[int], draws: int) -> list[list[int]]:
    """Regimens that are solved together: few enough that all their values fit into memory."""
    groups: list[list[int]] = [[]]
    taken = 0
    for place, count in enumerate(rows):
        if groups[-1] and (taken + count) * draws > _VALUES:
            groups.append([])
            taken = 0
        groups[-1].append(place)
        taken += count
    return groups


def _solved(patient: PatientDraws, plans: Sequence[_Plan], outputs: Sequence[str]) -> DrawSolutions:
    solver = DrawSolver(
        patient.nlme.system, side_by_side([plan.study for plan in plans]), patient.nlme.solver
    )
    return solver(
        {name: np.tile(values, (1, len(plans))) for name, values in patient.parameters.items()},
        patient.weights,
        list(dict.fromkeys(outputs)),
    )


def _output(patient: PatientDraws, target: Target, residual_error: bool) -> str:
    system = patient.nlme.system
    if target.output is None or residual_error:
        return output_of(patient.nlme, target.output, type(target).__name__)
    known = tuple(dict.fromkeys((*system.output_names, *system.states)))
    if target.output not in known:
        raise ValueError(
            f"{type(target).__name__}: output= wants one of {', '.join(map(repr, known))}; found "
            f"{target.output!r}."
        )
    return target.output
