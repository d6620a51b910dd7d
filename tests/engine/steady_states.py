"""Steady states for tests: by the engine, and by adding up what all earlier doses have left."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import expm

from bnode_nlme.dynamics import System
from bnode_nlme.engine.options import SolverOptions
from bnode_nlme.engine.steady_state import steady_state_call
from bnode_nlme.engine.steady_state_adjoint import steady_state_adjoint_call
from bnode_nlme.engine.steady_state_solver import steady_state_solver
from tests.engine.compartments import CL, CL2, KA, V1, V2, Q, V

type Array = NDArray[Any]

DIFFERENTIABLE = ("parameters", "weights", "amounts", "durations", "lags", "rates")

ONE = np.array([[-KA, 0.0], [KA, -CL / V]])
TWO = np.array([[-(CL2 + Q) / V1, Q / V2], [Q / V1, -Q / V2]])
"""Slopes of `one_compartment` and `two_compartments` by their states."""


@dataclass(frozen=True)
class Doses:
    """What a `SteadyStateOp` takes, in its order."""

    parameters: Array
    weights: Array
    covariates: Array
    targets: Array
    times: Array
    amounts: Array
    durations: Array
    intervals: Array
    lags: Array
    rates: Array

    @property
    def arrays(self) -> tuple[Array, ...]:
        return tuple(getattr(self, field.name) for field in dataclasses.fields(self))


def dose(
    amount: float = 0.0,
    interval: float = 0.0,
    *,
    into: int = 0,
    time: float = 0.0,
    duration: float = 0.0,
    lag: float = 0.0,
    rate: float = 0.0,
) -> tuple[float, ...]:
    return into, time, amount, duration, interval, lag, rate


def doses_of(
    parameters: Any, *given: tuple[float, ...], weights: Any = (), covariates: Any = ()
) -> Doses:
    """Doses of one subject, or of as many as there are rows of parameters."""
    into, *numbers = np.array(given, dtype=float).T

    def rows(values: Any) -> Array:
        array = np.asarray(values, dtype=float)
        return np.broadcast_to(array, (len(given), array.shape[-1])).copy()

    return Doses(
        rows(parameters),
        np.array(weights, dtype=float),
        rows(covariates),
        into.astype(int),
        *numbers,
    )


def solved(system: System, doses: Doses, **options: Any) -> tuple[Array, Array]:
    """States and statuses."""
    solver = steady_state_solver(system, SolverOptions(**options))
    return steady_state_call(solver.template.ctypes.data, 0, *doses.arrays)


def gradient(system: System, doses: Doses, cotangents: Array, **options: Any) -> dict[str, Array]:
    """Cotangents of the inputs, by name."""
    solver = steady_state_solver(system, SolverOptions(**options))
    address = solver.template.ctypes.data
    found = steady_state_call(address, 0, *doses.arrays)
    result = steady_state_adjoint_call(address, 0, *doses.arrays, *found, cotangents)
    return dict(zip(DIFFERENTIABLE, result, strict=True))


def superposed(
    matrix: Array,
    amount: float,
    interval: float,
    into: int,
    duration: float = 0.0,
    lag: float = 0.0,
) -> Array:
    """What doses at ``lag - k * interval``, k = 1, 2, ..., have left of a linear system at 0."""
    unit = np.eye(len(matrix))[into]
    total = np.zeros(len(matrix))
    slowest = np.abs(np.linalg.eigvals(matrix).real).min()
    for k in range(1, int((45 / slowest + duration + lag) / interval) + 2):
        elapsed = k * interval - lag
        if elapsed <= 0:
            continue
        if duration == 0.0:
            total += amount * expm(elapsed * matrix) @ unit
        else:
            running = min(elapsed, duration)
            infused = np.linalg.solve(matrix, (expm(running * matrix) - np.eye(len(matrix))) @ unit)
            total += amount / duration * expm((elapsed - running) * matrix) @ infused
    return total
