"""L-BFGS on problems with known minima, and where the function has an edge."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bnode_nlme.inference.lbfgs import minimise


def rosenbrock(x: Any) -> tuple[float, Any]:
    a, b = x[1:] - x[:-1] ** 2, 1.0 - x[:-1]
    gradient = np.zeros_like(x)
    gradient[:-1] = -400.0 * a * x[:-1] - 2.0 * b
    gradient[1:] += 200.0 * a
    return float(np.sum(100.0 * a**2 + b**2)), gradient


def test_rosenbrock() -> None:
    found = minimise(rosenbrock, np.full(6, -1.2), tolerance=1e-8)
    np.testing.assert_allclose(found.x, 1.0, atol=1e-6)
    assert found.converged
    values = [rosenbrock(x)[0] for x in found.path]
    assert np.all(np.diff(values) < 0.0)
    np.testing.assert_array_equal(found.gradients[-1], rosenbrock(found.x)[1])


def test_ill_conditioned_quadratic_to_its_minimum() -> None:
    scales = np.logspace(-3, 3, 8)
    found = minimise(
        lambda x: (float(0.5 * np.sum(scales * (x - 2.0) ** 2)), scales * (x - 2.0)),
        np.zeros(8),
        tolerance=1e-7,
    )
    np.testing.assert_allclose(found.x, 2.0, atol=1e-3)


def test_steps_back_from_where_the_function_is_not_finite() -> None:
    def beyond_an_edge(x: Any) -> tuple[float, Any]:
        if x[0] <= 0.0:
            return np.inf, np.full(1, np.nan)
        return float(x[0] - np.log(x[0])), 1.0 - 1.0 / x

    found = minimise(beyond_an_edge, np.array([30.0]), tolerance=1e-8)
    np.testing.assert_allclose(found.x, 1.0, rtol=1e-6)


def test_start_that_is_not_finite_is_refused() -> None:
    with pytest.raises(ValueError, match="wants a start with a finite value"):
        minimise(lambda x: (np.nan, x), np.zeros(2))
