"""Entries of one moment: what each of their times counts for by itself."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from bnode_nlme.engine.arguments import covariate_matrix
from bnode_nlme.engine.kernels import kernels_of
from bnode_nlme.engine.options import SolverOptions
from bnode_nlme.engine.population import PopulationSolver, call_backward
from bnode_nlme.engine.schedule import build_schedule
from tests.engine.compartments import one_compartment
from tests.engine.gradients import value_and_gradient
from tests.engine.random_problems import random_problem
from tests.engine.tables import dose, observe, reset, study_of
from tests.engine.test_event_gradients import Solved

METHODS = pytest.mark.parametrize("method", ["tsit5", "bdf", "adams"])
P = np.array([[1.3, 2.9, 31.0]])


@pytest.mark.parametrize("method", ["bdf", "adams"])
@pytest.mark.parametrize("seed", [1, 5, 14, 30])
def test_the_engines_agree_on_each_entry(method: str, seed: int) -> None:
    """One parts the moment of a discrete adjoint, the other that of a continuous one."""
    problem = random_problem(seed)
    shape = (len(problem.study.observations), 2 + len(problem.system.states))
    cotangents = np.random.default_rng(seed).normal(size=shape)
    given = (problem.system, problem.study, problem.parameters, problem.weights)
    lanes = Solved(*given, method="tsit5", rtol=1e-11, atol=1e-11).gradient(cotangents)
    backward = Solved(*given, method=method, rtol=1e-10, atol=1e-11).gradient(cotangents)
    size = np.abs(lanes.times).max()
    assert_allclose(backward.times, lanes.times, rtol=1e-6, atol=1e-7 * size)


@METHODS
def test_the_last_of_a_moment_can_be_put_off_and_the_first_brought_forward(method: Any) -> None:
    study = study_of(
        [
            dose(0, 40, into="central"),
            dose(1, 60, into="central", rate=20),
            observe(2),
            dose(2, 30),
            dose(2, 25, into="central"),
            observe(5),
            dose(5, 10, rate=2),
            observe(6),
            reset(7),
            dose(7, 3),
            observe(7),
            observe(8),
        ]
    )
    solver = PopulationSolver(
        kernels_of(one_compartment), SolverOptions(method, rtol=1e-11, atol=1e-11)
    )
    schedule = build_schedule(one_compartment, study)
    given = (P, np.empty(0), covariate_matrix(one_compartment, study))
    subjects = np.arange(1)
    cotangents = np.random.default_rng(4).normal(size=(5, 3))
    forward = solver.forward(*given, schedule, subjects, keep_tape=True)
    backward = solver.backward(*given, schedule, forward, cotangents)

    def value(entry: int, step: float) -> float:
        times = schedule.times.copy()
        times[entry] += step
        moved = dataclasses.replace(schedule, times=times)
        return float((solver.forward(*given, moved, subjects).predictions * cotangents).sum())

    for entry, time in enumerate(schedule.times):
        together = np.flatnonzero(schedule.times == time)
        if entry == together[-1] and entry > 0:
            step = 1e-3
        elif entry == together[0] and entry > 0:
            step = -1e-3
        else:
            continue
        # one-sided differences, extrapolated
        near = [(value(entry, k * step) - value(entry, 0.0)) / (k * step) for k in (1, 2, 4)]
        slope = (8 * near[0] - 6 * near[1] + near[2]) / 3
        assert_allclose(backward.times[entry], slope, rtol=1e-5, atol=1e-6)


@METHODS
def test_a_schedule_that_does_not_move_gets_no_cotangents_and_changes_no_others(
    method: Any,
) -> None:
    problem = random_problem(5)
    shape = (len(problem.study.observations), 2 + len(problem.system.states))
    cotangents = np.random.default_rng(5).normal(size=shape)
    inputs = (problem.parameters, problem.weights, problem.covariates)
    schedule = build_schedule(problem.system, problem.study)
    solver = PopulationSolver(kernels_of(problem.system), SolverOptions(method))
    forward, moving = value_and_gradient(
        problem.system, problem.study, problem.parameters, problem.weights, cotangents,
        method=method,
    )  # fmt: skip
    still = call_backward(
        solver.template, *inputs, *schedule.arrays, forward.status, forward.order, forward.seen,
        forward.tape, forward.origins, cotangents, 0, moving=False,
    )  # fmt: skip
    assert np.abs(moving.times).max() > 1e-3
    assert not still.times.any()
    for found, wanted in (
        (still.parameters, moving.parameters),
        (still.weights, moving.weights),
        (still.amounts, moving.amounts),
    ):
        assert_allclose(found, wanted, rtol=1e-13)
