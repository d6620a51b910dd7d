"""Values and gradients of random systems on random records, against the plain simulator."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from tests.engine.gradients import value_and_gradient
from tests.engine.plain_simulator import plain_gradient, plain_simulation
from tests.engine.random_problems import random_problem


def compare(seed: int, rtol: float, *, value: float, gradient: float) -> None:
    problem = random_problem(seed)
    arguments = (problem.study, problem.parameters, problem.weights)
    rows = len(problem.study.observations)
    n_readouts = 2 + len(problem.system.states)
    cotangents = np.random.default_rng(seed).normal(size=(rows, n_readouts))
    values, slopes = plain_simulation(problem.plain, *arguments, problem.covariates)
    for method in ("tsit5", "bdf", "adams"):
        forward, backward = value_and_gradient(
            problem.system, *arguments, cotangents, method=method, rtol=rtol, atol=rtol
        )
        assert (forward.status == 0).all()
        if not rows:
            assert not backward.parameters.any()
            assert not backward.weights.any()
            continue
        assert_allclose(forward.predictions, values, rtol=value, atol=value * np.abs(values).max())
        to_parameters, to_weights = plain_gradient(
            slopes, cotangents, problem.study, problem.parameters.shape[1]
        )
        # The absolute part lets sums of large terms of either sign cancel.
        largest = max(np.abs(to_parameters).max(), np.abs(to_weights).max())
        floor = 1e-4 * gradient * largest
        assert_allclose(backward.parameters, to_parameters, rtol=gradient, atol=floor)
        assert_allclose(backward.weights, to_weights, rtol=gradient, atol=floor)


# The everyday examples are always the same ones; the slow test draws new ones.
@settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32 - 1))
def test_any_system_and_any_records(seed: int) -> None:
    compare(seed, 1e-11, value=1e-7, gradient=1e-5)


@pytest.mark.slow
@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32 - 1))
def test_many_systems_and_many_records(seed: int) -> None:
    compare(seed, 1e-11, value=1e-7, gradient=1e-5)


@pytest.mark.parametrize("seed", [3, 14])
def test_tightening_the_tolerance_converges(seed: int) -> None:
    for rtol in (1e-5, 1e-7, 1e-9):
        compare(seed, rtol, value=300 * rtol, gradient=3000 * rtol)
