"""Newton's method for the state that a virtual subject ends where it starts.

The state after one interval is a function of the state before it; its fixed point is the steady
state. Giving dose after dose finds it as slowly as the slowest state is eliminated, Newton's method
in a few steps, since adjoint solves give the exact Jacobian. From where it does not lead closer,
doses go on.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnode_nlme.engine.compilation import compiled
from bnode_nlme.engine.population_calls import backward_call, forward_call
from bnode_nlme.engine.small_matrices import solve_linear, spectral_radius

Array = NDArray[Any]

CALLED = (forward_call, backward_call)
"""What finds a steady state calls these by name."""

CYCLES = 2
"""Doses that are given before Newton's method is tried, and again where it has failed."""

_CLOSER, _MUCH_CLOSER = 0.9, 0.01
"""By what a step must make the residual smaller; where it makes a state negative that was not."""

_CONVERGED, _WITHIN, _KNOWN = 0.1, 10.0, 1e-10
"""Step of Newton's method, in tolerances, after which there is no other; the residual that the error
of the solves may leave, where steps no longer shrink; and how closely, of a state, the many steps of
the tightest solve let it be known at all."""


@compiled
def put(target: Array, source: Array) -> None:
    """Copy one row; numba takes far longer to compile an assignment of arrays."""
    for i in range(target.shape[0]):
        target[i] = source[i]


@compiled
def change_in_tolerances(before: Array, after: Array, rtol: float, atol: float) -> float:
    """Largest change of a state in units of its tolerance; infinite where one is no number."""
    largest = 0.0
    for i in range(before.shape[0]):
        scaled = abs(after[i] - before[i]) / (atol + rtol * abs(after[i]))
        if not scaled <= largest:
            largest = scaled if scaled < np.inf else np.inf
    return largest


@compiled
def noise(rtol: float) -> float:
    """Residual, in tolerances, that solves of equal states may leave."""
    return max(_WITHIN, _KNOWN / rtol) if rtol > 0.0 else _WITHIN


@compiled
def is_accepted(
    tried: Array, ended: Array, gap: Array, reached: Array, lowest: Array, rtol: float, atol: float
) -> bool:
    """Whether a step of Newton's method has led closer.

    Parameters
    ----------
    tried, ended
        The state that the step has made, and what it leads to.
    gap, reached
        How far the state before the step was from what it led to, and that.
    lowest
        Least of each state so far.
    """
    before, after, wanted = 0.0, 0.0, _CLOSER
    for i in range(tried.shape[0]):
        tolerance = atol + rtol * abs(reached[i])
        before = max(before, abs(gap[i]) / tolerance)
        if not abs(ended[i] - tried[i]) / tolerance <= after:
            after = abs(ended[i] - tried[i]) / tolerance
        # Newton's method may leap to a root on the other side of a pole, of no meaning.
        if lowest[i] >= 0.0 and tried[i] < -tolerance:
            wanted = _MUCH_CLOSER
    return after <= max(wanted * before, noise(rtol))


@compiled
def is_attracting(jacobian: Array) -> bool:
    """Whether small deviations die out, dose after dose."""
    return spectral_radius(jacobian) < 1.0 + 1e-3


@compiled
def newton_step(jacobian: Array, gap: Array, step: Array) -> bool:
    """The step to where the linearised interval ends as it starts; False where there is none."""
    size = step.shape[0]
    matrix = np.empty((size, size))
    for i in range(size):
        for j in range(size):
            matrix[i, j] = (1.0 if i == j else 0.0) - jacobian[i, j]
        step[i] = gap[i]
    return bool(solve_linear(matrix, step))


@compiled
def has_converged(step: float, residual: float, last_step: float, rtol: float) -> bool:
    """Whether a step is the last: far within tolerance, or no better for all that is solved."""
    return step <= _CONVERGED or (residual <= noise(rtol) and step >= 0.5 * last_step)


_backward = backward_call.named


@compiled
def jacobians_of(
    model: int,
    parameters: Array,
    weights: Array,
    covariates: Array,
    offsets: Array,
    actions: Array,
    targets: Array,
    times: Array,
    amounts: Array,
    forward: Any,
    wanted: Array,
    jacobians: Array,
) -> None:
    """Derivatives of the states after the interval (rows) by those before it, where wanted."""
    states = jacobians.shape[1]
    _, status, _, _, order, seen, tape, origins = forward
    cotangents = np.zeros((wanted.shape[0], states))
    for i in range(states):
        for d in range(wanted.shape[0]):
            for j in range(states):
                cotangents[d, j] = 1.0 if wanted[d] and j == i else 0.0
        _, _, _, _, to_amounts = _backward(
            (
                model, 0, 0, parameters, weights, covariates, offsets, actions, targets, times,
                amounts, status, order, seen, tape, origins, cotangents,
            )
        )  # fmt: skip
        for d in range(wanted.shape[0]):
            if wanted[d]:
                put(jacobians[d, i], to_amounts[offsets[d] + 1 :])
