"""PyMC's own `DifferentialEquation`: SciPy's odeint with forward sensitivities, in Python."""

from __future__ import annotations

import time
import warnings
from typing import Any

import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as pt

from benchmarks.contenders.contender import Contender, Result
from benchmarks.problems.problem import Problem


def pymc_ode(problem: Problem, rtol: float, atol: float) -> Contender:
    """pk-net for its first subject: one dose, given as the initial state.

    `DifferentialEquation` has no tolerances; odeint's own are 1.5e-8.
    """
    problem = problem.head(1)
    start = time.perf_counter()
    n_parameters, n_weights = problem.parameters.shape[1], problem.weights.size
    records = problem.study.records
    times = records.time[problem.study.observations]
    dose = float(records.amount.sum())

    def derivative(y: Any, t: Any, p: Any) -> Any:
        w = [p[n_parameters + i] for i in range(n_weights)]
        x = y[1] / p[1]
        z = w[24]
        for unit in range(8):
            z = z + w[16 + unit] * pt.tanh(w[unit] * x + w[8 + unit])
        absorbed = p[0] * y[0]
        return [-absorbed, absorbed - p[2] * pt.softplus(z) * y[1]]

    theta = pt.vector("theta")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        solve = pm.ode.DifferentialEquation(
            derivative, times, n_states=2, n_theta=n_parameters + n_weights, t0=0.0
        )
        states = solve(y0=[dose, 0.0], theta=theta)
        predicted = states[:, 1] / theta[1]
        value = -0.5 * (((problem.observed - predicted) / problem.sigma_of_row) ** 2).sum()
        function = pytensor.function([theta], [value, pt.grad(value, theta)])
        given = np.concatenate([problem.parameters[0], problem.weights])
        function(given)

    def result(found: Any) -> Result:
        gradient = np.asarray(found[1])
        return Result(float(found[0]), gradient[None, :n_parameters], gradient[n_parameters:])

    return Contender(
        lambda: function(given),
        result,
        1,
        time.perf_counter() - start,
        note="one subject; odeint's own tolerances, 1.5e-8",
    )
