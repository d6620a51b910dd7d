"""The discrete adjoint is the exact gradient of the computed value: the same steps, differentiated."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from bnode_nlme.engine.schedule import build_schedule
from tests.engine.gradients import value_and_gradient
from tests.engine.plain_simulator import Array
from tests.engine.random_problems import Problem, random_problem
from tests.engine.replay import replayed, units_on

_STEP = 1e-40


def replay_gradient(problem: Problem, forward: object, cotangents: Array) -> tuple[Array, ...]:
    """Values, and gradients by parameters and weights, of the engine's own steps."""
    schedule = build_schedule(problem.system, problem.study)
    states, parameters = len(problem.system.states), problem.parameters.shape[1]
    values = np.full(forward.predictions.shape, np.nan)  # type: ignore[attr-defined]
    to_parameters = np.zeros_like(problem.parameters)
    to_weights = np.zeros_like(problem.weights)
    for origin, length in forward.origins:  # type: ignore[attr-defined]
        tape = forward.tape[origin : origin + length]  # type: ignore[attr-defined]
        for members, intervals in units_on(tape, states):
            for lane, subject in enumerate(members):
                inputs = np.concatenate([problem.parameters[subject], problem.weights])
                columns = inputs[:, None] + 1j * _STEP * np.eye(len(inputs))
                found = replayed(
                    problem.plain, schedule, subject, lane, intervals,
                    columns[:parameters], columns[parameters:], problem.covariates[subject],
                )  # fmt: skip
                for row, readout in found.items():
                    values[row] = readout[:, 0].real
                    slopes = cotangents[row] @ (readout.imag / _STEP)
                    to_parameters[subject] += slopes[:parameters]
                    to_weights += slopes[parameters:]
    return values, to_parameters, to_weights


def cotangents_for(problem: Problem, seed: int) -> Array:
    shape = (len(problem.study.observations), 2 + len(problem.system.states))
    return np.random.default_rng(seed).normal(size=shape)


@pytest.mark.parametrize("rtol", [1e-2, 1e-4, 1e-6])
@pytest.mark.parametrize("seed", [1, 3, 5, 8, 14, 21, 30])
def test_the_gradient_is_that_of_the_same_steps(seed: int, rtol: float) -> None:
    problem = random_problem(seed)
    cotangents = cotangents_for(problem, seed)
    arguments = (problem.system, problem.study, problem.parameters, problem.weights, cotangents)
    forward, backward = value_and_gradient(*arguments, method="tsit5", rtol=rtol, atol=rtol)
    values, to_parameters, to_weights = replay_gradient(problem, forward, cotangents)
    assert_allclose(forward.predictions, values, rtol=1e-10, atol=1e-10)
    largest = max(np.abs(to_parameters).max(), np.abs(to_weights).max())
    assert_allclose(backward.parameters, to_parameters, rtol=1e-9, atol=1e-10 * largest)
    assert_allclose(backward.weights, to_weights, rtol=1e-9, atol=1e-10 * largest)


def test_the_continuous_adjoint_would_not_pass() -> None:
    problem = random_problem(3)
    cotangents = cotangents_for(problem, 3)
    arguments = (problem.system, problem.study, problem.parameters, problem.weights, cotangents)
    forward, _ = value_and_gradient(*arguments, method="tsit5", rtol=1e-4, atol=1e-4)
    _, continuous = value_and_gradient(*arguments, method="bdf", rtol=1e-4, atol=1e-4)
    _, to_parameters, _ = replay_gradient(problem, forward, cotangents)
    error = np.abs(continuous.parameters - to_parameters).max() / np.abs(to_parameters).max()
    assert error > 1e-5


@pytest.mark.parametrize("method", ["tsit5", "bdf"])
def test_without_room_for_a_tape_the_gradient_is_the_same(method: str) -> None:
    problem = random_problem(5)
    cotangents = cotangents_for(problem, 5)
    arguments = (problem.system, problem.study, problem.parameters, problem.weights, cotangents)
    kept, backward = value_and_gradient(*arguments, method=method)
    lean, again = value_and_gradient(*arguments, method=method, tape_megabytes=0)
    assert kept.tape.size > 0
    assert lean.tape.size == 0
    assert_array_equal(lean.predictions, kept.predictions)
    assert_array_equal(again.parameters, backward.parameters)
    assert_array_equal(again.weights, backward.weights)
