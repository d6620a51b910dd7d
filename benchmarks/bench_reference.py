"""The references of the race against SciPy, which shares no code with the package."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from benchmarks.problems import NAMES, problem
from benchmarks.problems.problem import Problem
from benchmarks.problems.segments import segments
from benchmarks.reference import reference_of_first

SUBJECTS = 2


def _log_likelihood(given: Problem, parameters: Any, weights: Any) -> float:
    """The scalar of the race by SciPy's Radau or DOP853 at tight tolerances."""
    cut = segments(given)
    read = np.full((len(given.sigma), *cut.times.shape), np.nan)
    for s, p in enumerate(parameters):
        y = np.stack(given.initial(np, p))
        for k in range(cut.begin.shape[1]):
            y = y + cut.jump[s, k]
            begin, end = cut.begin[s, k], cut.end[s, k]
            states = np.repeat(y[:, None], cut.times.shape[2], axis=1)
            if end > begin:
                solution = solve_ivp(
                    lambda t, y, p=p: np.stack(given.derivative(np, t, y, p, weights)),
                    (begin, end),
                    y,
                    method="Radau" if given.stiff else "DOP853",
                    rtol=1e-11,
                    atol=1e-13,
                    t_eval=np.unique([*cut.times[s, k], end]),
                )
                states = solution.y[:, np.searchsorted(solution.t, cut.times[s, k])]
                y = solution.y[:, -1]
            read[:, s, k] = np.stack(given.readout(np, states, p))
    predicted = read.reshape(len(given.sigma), -1)[given.output_of_row, cut.place]
    return float(-0.5 * (((given.observed - predicted) / given.sigma_of_row) ** 2).sum())


@pytest.mark.parametrize("name", NAMES)
def test_reference_agrees_with_scipy(name: str, benchmark: Any) -> None:
    """The value, and the gradient along a random direction by central differences."""
    given = problem(name).head(SUBJECTS)
    exact = benchmark.pedantic(reference_of_first, (name, SUBJECTS), rounds=1, iterations=1)
    value = _log_likelihood(given, given.parameters, given.weights)
    assert exact.value == pytest.approx(value, rel=1e-6)
    rng = np.random.default_rng(3)
    by_parameters = given.parameters * rng.standard_normal(given.parameters.shape)
    by_weights = rng.standard_normal(given.weights.shape)
    step = 1e-5
    ends = [
        _log_likelihood(given, given.parameters + h * by_parameters, given.weights + h * by_weights)
        for h in (-step, step)
    ]
    slope = (exact.to_parameters * by_parameters).sum() + (exact.to_weights * by_weights).sum()
    assert slope == pytest.approx((ends[1] - ends[0]) / (2.0 * step), rel=1e-4)
