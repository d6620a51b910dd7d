"""Gradients by the times and amounts of what happens: doses, infusions, resets, observations."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from bnode_nlme.dynamics import System
from bnode_nlme.engine.arguments import covariate_matrix
from bnode_nlme.engine.kernels import kernels_of
from bnode_nlme.engine.options import SolverOptions
from bnode_nlme.engine.population import BackwardResult, PopulationSolver
from bnode_nlme.engine.schedule import Action, Schedule, build_schedule
from bnode_nlme.study.study import Study
from tests.engine.nonlinear import TARGET_MEDIATED, target_mediated
from tests.engine.plain_simulator import Array
from tests.engine.random_problems import random_problem
from tests.engine.tables import dose, observe, study_of
from tests.engine.test_gradients import EVENTS, NONE, P, primed

METHODS = pytest.mark.parametrize("method", ["tsit5", "bdf", "adams"])
CVODES = pytest.mark.parametrize("method", ["bdf", "adams"])


class Solved:
    """A population under a schedule that tests may change."""

    def __init__(
        self, system: System, study: Study, parameters: Array, weights: Array, **options: Any
    ) -> None:
        self.solver = PopulationSolver(kernels_of(system), SolverOptions(**options))
        self.schedule = build_schedule(system, study)
        self.inputs = (parameters, weights, covariate_matrix(system, study))
        self.subjects = np.arange(study.n_subjects)

    def value(self, schedule: Schedule, cotangents: Array) -> float:
        forward = self.solver.forward(*self.inputs, schedule, self.subjects)
        return float(np.sum(cotangents * forward.predictions))

    def gradient(self, cotangents: Array) -> BackwardResult:
        forward = self.solver.forward(*self.inputs, self.schedule, self.subjects, keep_tape=True)
        return self.solver.backward(*self.inputs, self.schedule, forward, cotangents)

    def difference(self, name: str, moved: Array, cotangents: Array, step: float) -> float:
        """Central difference of fourth order of the weighted readouts, entries moved together."""
        high, higher, low, lower = (
            self.value(
                dataclasses.replace(
                    self.schedule, **{name: getattr(self.schedule, name) + factor * step * moved}
                ),
                cotangents,
            )
            for factor in (1, 2, -1, -2)
        )
        return (8 * (high - low) - (higher - lower)) / (12 * step)


def moments(schedule: Schedule) -> Iterator[Array]:
    """Which entries stand at one time of one subject."""
    for first, last in itertools.pairwise(schedule.offsets):
        entries = np.arange(len(schedule.times))
        for time in np.unique(schedule.times[first:last]):
            yield (first <= entries) & (entries < last) & (schedule.times == time)


def check(solved: Solved, cotangents: Array, rtol: float) -> None:
    backward = solved.gradient(cotangents)
    schedule = solved.schedule
    slopes = [
        (backward.times[at].sum(), solved.difference("times", at * 1.0, cotangents, 1e-3))
        for at in moments(schedule)
    ]
    size = max(abs(wanted) for _, wanted in slopes)
    for found, wanted in slopes:
        assert_allclose(found, wanted, rtol=rtol, atol=rtol * size)
    given = np.isin(schedule.actions, [Action.ADD, Action.SET_RATE])
    assert_array_equal(backward.amounts[~given], 0.0)
    for entry in np.flatnonzero(given):
        one = (np.arange(len(given)) == entry) * 1.0
        wanted = solved.difference("amounts", one, cotangents, 1e-2)
        assert_allclose(backward.amounts[entry], wanted, rtol=rtol, atol=rtol)


@METHODS
@pytest.mark.parametrize("rows", EVENTS.values(), ids=EVENTS)
def test_moved_events_against_central_differences(method: str, rows: list[Any]) -> None:
    study = study_of(rows)
    cotangents = np.random.default_rng(1).normal(size=(len(study.observations), 4))
    solved = Solved(primed, study, P, NONE, method=method, rtol=1e-11, atol=1e-11)
    check(solved, cotangents, 2e-6)


def test_stiff_target_mediated_disposition() -> None:
    study = study_of(
        [dose(0, 50), observe(2), dose(12, 20, rate=2.0), observe(18), observe(40), dose(41, 3),
         observe(50)]
    )  # fmt: skip
    p = np.array([list(TARGET_MEDIATED.values())])
    cotangents = np.random.default_rng(2).normal(size=(4, 3))
    check(Solved(target_mediated, study, p, NONE, method="bdf", rtol=1e-11, atol=1e-13),
          cotangents, 1e-5)  # fmt: skip


@CVODES
@pytest.mark.parametrize("seed", [1, 3, 5, 8, 14, 21, 30])
def test_the_lanes_agree(method: str, seed: int) -> None:
    problem = random_problem(seed)
    shape = (len(problem.study.observations), 2 + len(problem.system.states))
    cotangents = np.random.default_rng(seed).normal(size=shape)
    given = (problem.system, problem.study, problem.parameters, problem.weights)
    lanes = Solved(*given, method="tsit5", rtol=1e-11, atol=1e-11).gradient(cotangents)
    solved = Solved(*given, method=method, rtol=1e-10, atol=1e-11)
    backward = solved.gradient(cotangents)
    # Entries at one time have a part each.
    size = np.abs(lanes.times).max()
    assert_allclose(backward.times, lanes.times, rtol=1e-6, atol=1e-7 * size)
    assert_allclose(backward.amounts, lanes.amounts, rtol=1e-7, atol=1e-8)


@METHODS
def test_moving_everything_moves_nothing(method: str) -> None:
    # The system knows no time: what all entries have in common does not matter.
    study = study_of(
        [dose(0, 50, rate=20), observe(1), dose(3, 20, into="L"), observe(3), observe(7)],
        [observe(2), dose(3, 5), observe(4)],
    )
    p = np.array([list(TARGET_MEDIATED.values())] * 2) * [1, 0.01, 1, 1, 1, 1]
    solved = Solved(target_mediated, study, p, NONE, method=method, rtol=1e-11, atol=1e-12)
    backward = solved.gradient(np.random.default_rng(3).normal(size=(5, 3)))
    for first, last in itertools.pairwise(solved.schedule.offsets):
        moves = backward.times[first:last]
        assert np.abs(moves).max() > 0.05
        assert abs(moves.sum()) < 1e-6


@METHODS
def test_a_failed_subject_has_no_gradient(method: str) -> None:
    system = System(
        states=("x",), parameters=("a",), rhs=lambda t, y, p, nn, c: {"x": p.a * y.x**2}
    )
    rows = [dose(0, 1.0), observe(0.5), observe(2)]
    study = study_of(rows, rows)
    backward = Solved(system, study, np.array([[1.0], [0.3]]), NONE, method=method).gradient(
        np.ones((4, 1))
    )
    for found in (backward.parameters, backward.times, backward.amounts):
        first, second = np.split(found, 2)
        assert np.isnan(first).all()
        assert np.isfinite(second).all()


@METHODS
def test_a_system_without_parameters_has_gradients_by_its_doses(method: str) -> None:
    system = System(states=("x",), parameters=(), rhs=lambda t, y, p, nn, c: {"x": -y.x})
    study = study_of([dose(0.5, 2), dose(0.7, 0.3, rate=1.0), observe(2)])
    solved = Solved(system, study, np.empty((1, 0)), NONE, method=method, rtol=1e-10, atol=1e-12)
    backward = solved.gradient(np.ones((1, 1)))
    decay = np.exp([0.5 - 2, 0.7 - 2, 1.0 - 2])
    # An entry that sets a rate counts for as long as it holds, also one that sets it to zero.
    assert_allclose(backward.amounts, [decay[0], decay[2] - decay[1], 1 - decay[2], 0], rtol=1e-7)
    value = 2 * decay[0] + decay[2] - decay[1]
    assert_allclose(backward.times, [2 * decay[0], -decay[1], decay[2], -value], rtol=1e-7)
