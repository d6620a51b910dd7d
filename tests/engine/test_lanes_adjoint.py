"""The discrete adjoint is the exact gradient of the computed value: the same steps, differentiated."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from bnode_nlme.engine.kernels import kernels_of
from bnode_nlme.engine.options import SolverOptions
from bnode_nlme.engine.population import BackwardResult, ForwardResult, PopulationSolver
from bnode_nlme.engine.schedule import build_schedule, is_zero_length
from bnode_nlme.engine.units import FULL_LANES_UNIT, LANES_UNIT
from tests.engine.gradients import value_and_gradient
from tests.engine.plain_simulator import Array
from tests.engine.random_problems import Problem, random_problem
from tests.engine.replay import replayed, units_on

_STEP = 1e-40


def replay_gradient(
    problem: Problem, forward: ForwardResult, cotangents: Array, engine: int
) -> tuple[Array, BackwardResult]:
    """Values of the engine's own steps, and their gradient by everything that a solve takes."""
    kept = kernels_of(problem.system).kept
    schedule = build_schedule(problem.system, problem.study)
    states = len(problem.system.states)
    values = np.full(forward.predictions.shape, np.nan)
    to_parameters = np.zeros_like(problem.parameters)
    to_weights = np.zeros_like(problem.weights)
    to_times, to_amounts = np.zeros_like(schedule.times), np.zeros_like(schedule.amounts)
    for origin, length in forward.origins:
        tape = forward.tape[origin : origin + length]
        for members, intervals in units_on(tape, states, kept, engine):
            for lane, subject in enumerate(members):
                entries = slice(*schedule.offsets[subject : subject + 2])
                times = schedule.times[entries]
                # Entries at one time move together, with the first of them.
                leads = np.array(
                    [next(j for j, t in enumerate(times) if is_zero_length(t, s)) for s in times]
                )
                parts = [problem.parameters[subject], problem.weights, times,
                         schedule.amounts[entries]]  # fmt: skip
                inputs = np.concatenate(parts)
                columns = inputs[:, None] + 1j * _STEP * np.eye(len(inputs))
                p, w, moved, amounts = np.split(columns, np.cumsum([len(x) for x in parts])[:-1])
                found = replayed(
                    problem.plain, schedule, subject, lane, intervals, p, w,
                    problem.covariates[subject], moved.real + 1j * moved.imag[leads], amounts,
                )  # fmt: skip
                total = np.zeros(len(inputs))
                for row, readout in found.items():
                    values[row] = readout[:, 0].real
                    total += cotangents[row] @ (readout.imag / _STEP)
                slopes = np.split(total, np.cumsum([len(x) for x in parts])[:-1])
                to_parameters[subject] += slopes[0]
                to_weights += slopes[1]
                to_times[entries], to_amounts[entries] = slopes[2:]
    return values, BackwardResult(to_parameters, to_weights, np.empty(0, int), to_times, to_amounts)


def cotangents_for(problem: Problem, seed: int) -> Array:
    shape = (len(problem.study.observations), 2 + len(problem.system.states))
    return np.random.default_rng(seed).normal(size=shape)


@pytest.mark.parametrize("lean", [False, True])
@pytest.mark.parametrize(("seed", "rtol"), [(1, 1e-2), (3, 1e-4), (5, 1e-6), (8, 1e-4), (14, 1e-2),
                                            (21, 1e-6), (30, 1e-4)])  # fmt: skip
def test_the_gradient_is_that_of_the_same_steps(seed: int, rtol: float, lean: bool) -> None:
    problem = random_problem(seed)
    cotangents = cotangents_for(problem, seed)
    arguments = (problem.system, problem.study, problem.parameters, problem.weights, cotangents)
    forward, backward = value_and_gradient(*arguments, lean, method="tsit5", rtol=rtol, atol=rtol)
    engine = LANES_UNIT if lean else FULL_LANES_UNIT
    values, exact = replay_gradient(problem, forward, cotangents, engine)
    assert_allclose(forward.predictions, values, rtol=1e-10, atol=1e-10)
    largest = max(np.abs(exact.parameters).max(), np.abs(exact.weights).max())
    for name in ("parameters", "weights", "amounts"):
        found, wanted = getattr(backward, name), getattr(exact, name)
        assert_allclose(found, wanted, rtol=1e-9, atol=1e-10 * largest, err_msg=name)
    # Entries at one time: what moves is the moment, wherever among them it is noted.
    schedule = build_schedule(problem.system, problem.study)
    for first, last in itertools.pairwise(schedule.offsets):
        for time in np.unique(schedule.times[first:last]):
            here = slice(first, last)
            same = np.abs(schedule.times[here] - time) <= 1e-12 * max(1.0, abs(time))
            found, wanted = backward.times[here][same].sum(), exact.times[here][same].sum()
            assert_allclose(found, wanted, rtol=1e-8, atol=1e-9 * largest)


def test_the_continuous_adjoint_would_not_pass() -> None:
    problem = random_problem(3)
    cotangents = cotangents_for(problem, 3)
    arguments = (problem.system, problem.study, problem.parameters, problem.weights, cotangents)
    forward, _ = value_and_gradient(*arguments, method="tsit5", rtol=1e-4, atol=1e-4)
    _, continuous = value_and_gradient(*arguments, method="bdf", rtol=1e-4, atol=1e-4)
    _, exact = replay_gradient(problem, forward, cotangents, FULL_LANES_UNIT)
    error = np.abs(continuous.parameters - exact.parameters).max()
    error /= np.abs(exact.parameters).max()
    assert error > 1e-5


@pytest.mark.parametrize("method", ["tsit5", "bdf"])
def test_without_room_for_a_tape_the_gradient_is_the_same(method: str) -> None:
    problem = random_problem(5)
    cotangents = cotangents_for(problem, 5)
    arguments = (problem.system, problem.study, problem.parameters, problem.weights, cotangents)
    kept, backward = value_and_gradient(*arguments, lean=True, method=method)
    lean, again = value_and_gradient(*arguments, method=method, tape_megabytes=0)
    assert kept.tape.size > 0
    assert lean.tape.size == 0
    assert_array_equal(lean.predictions, kept.predictions)
    assert_array_equal(again.parameters, backward.parameters)
    assert_array_equal(again.weights, backward.weights)


def test_a_full_and_a_lean_tape_give_the_same_gradient() -> None:
    problem = random_problem(8)
    cotangents = cotangents_for(problem, 8)
    arguments = (problem.system, problem.study, problem.parameters, problem.weights, cotangents)
    full, backward = value_and_gradient(*arguments, method="tsit5")
    lean, again = value_and_gradient(*arguments, lean=True, method="tsit5")
    assert lean.origins[:, 1].sum() < full.origins[:, 1].sum()
    assert_array_equal(lean.predictions, full.predictions)
    assert_allclose(again.parameters, backward.parameters, rtol=1e-12, atol=1e-12)
    assert_allclose(again.weights, backward.weights, rtol=1e-12, atol=1e-12)


def test_a_group_that_outgrows_its_room_is_solved_again() -> None:
    problem = random_problem(21)
    cotangents = cotangents_for(problem, 21)
    solver = PopulationSolver(kernels_of(problem.system), SolverOptions("tsit5"))
    schedule = build_schedule(problem.system, problem.study)
    inputs = (problem.parameters, problem.weights, problem.covariates, schedule)
    subjects = np.arange(problem.study.n_subjects)
    solver.tape_hint[:] = (10, 10)
    found = []
    for _ in range(2):  # the second call has learned how much room is needed
        forward = solver.forward(*inputs, subjects, keep_tape=True)
        backward = solver.backward(*inputs, forward, cotangents)
        found.append((forward.origins[0, 0], backward))
    assert [origin for origin, _ in found] == [-1, 0]
    # To the last digit: what was solved before must not be seen, or seeds would not repeat a run.
    assert_array_equal(found[0][1].parameters, found[1][1].parameters)
    assert_array_equal(found[0][1].weights, found[1][1].weights)
