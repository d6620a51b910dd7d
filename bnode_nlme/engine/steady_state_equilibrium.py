"""The equilibrium under a constant infusion: the state at which the right-hand side vanishes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnode_nlme.engine import slots as at
from bnode_nlme.engine.compilation import compiled
from bnode_nlme.engine.memory import call_kernel
from bnode_nlme.engine.small_matrices import solve_linear
from bnode_nlme.engine.steady_state_newton import change_in_tolerances, put

Array = NDArray[Any]

_NEAR = 0.1
"""Part of a state by which Newton's method may change it: until then the system is integrated."""

_MOST_STEPS = 30


@compiled
def slope_jacobian(
    template: Array,
    time: float,
    state: Array,
    parameters: Array,
    weights: Array,
    covariates: Array,
    transposed: bool,
) -> Array:
    """Derivatives of each slope (rows) by each state, or these transposed."""
    states = state.shape[0]
    columns, rows = np.empty((states, states)), np.empty((states, states))
    call_kernel(
        template[at.JACOBIAN], time, state.ctypes.data, parameters.ctypes.data,
        weights.ctypes.data, covariates.ctypes.data, 0, columns.ctypes.data,
    )  # fmt: skip
    for i in range(states):
        for j in range(states):
            rows[i, j] = columns[i, j] if transposed else columns[j, i]
    # A use after the call keeps the array alive: the kernel only sees its address.
    columns[0, 0] = 0.0
    return rows


@compiled
def first_horizon(
    template: Array, time: float, state: Array, parameters: Array, weights: Array, covariates: Array
) -> float:
    """How long a system is integrated at first: the time scale of its fastest state."""
    jacobian = slope_jacobian(template, time, state, parameters, weights, covariates, False)
    largest = 0.0
    for i in range(state.shape[0]):
        for j in range(state.shape[0]):
            largest = max(largest, abs(jacobian[i, j]))
    return 1.0 / largest if 0.0 < largest < np.inf else 1.0


@compiled
def to_equilibrium(
    template: Array,
    time: float,
    state: Array,
    target: int,
    rate: float,
    parameters: Array,
    weights: Array,
    covariates: Array,
    rtol: float,
    atol: float,
) -> bool:
    """Newton's method from a state that is near already; moves the state, or returns False."""
    states = state.shape[0]
    found, next_one, step = np.empty(states), np.empty(states), np.empty(states)
    put(found, state)
    last = np.inf
    for attempt in range(_MOST_STEPS):
        call_kernel(
            template[at.DERIVATIVE], time, found.ctypes.data, parameters.ctypes.data,
            weights.ctypes.data, covariates.ctypes.data, 0, step.ctypes.data,
        )  # fmt: skip
        step[target] += rate
        jacobian = slope_jacobian(template, time, found, parameters, weights, covariates, False)
        if not solve_linear(jacobian, step):
            return False
        for i in range(states):
            if attempt == 0 and not abs(step[i]) <= _NEAR * abs(found[i]) + atol:
                return False
            next_one[i] = found[i] - step[i]
        size = change_in_tolerances(found, next_one, rtol, atol)
        if not size < last:
            break
        put(found, next_one)
        last = size
        if size == 0.0:
            break
    # Steps that no longer shrink are rounding.
    if last > 1e-3:
        return False
    put(state, found)
    return True


@compiled
def pull_back_equilibrium(
    template: Array,
    time: float,
    state: Array,
    cotangents: Array,
    parameters: Array,
    weights: Array,
    covariates: Array,
    answer: Array,
) -> bool:
    """Cotangents of parameters and weights to `answer`; `cotangents` become those of the slopes."""
    jacobian = slope_jacobian(template, time, state, parameters, weights, covariates, True)
    if not solve_linear(jacobian, cotangents):
        return False
    for i in range(cotangents.shape[0]):
        cotangents[i] = -cotangents[i]
    call_kernel(
        template[at.PARAMETER_ADJOINT], time, state.ctypes.data, parameters.ctypes.data,
        weights.ctypes.data, covariates.ctypes.data, cotangents.ctypes.data, answer.ctypes.data,
    )  # fmt: skip
    return True
