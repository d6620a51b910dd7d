"""The functions that CVODES calls: forward and adjoint right-hand sides and their Jacobians."""

from __future__ import annotations

from numba import types

from bnode_nlme.engine import slots as at
from bnode_nlme.engine.compilation import callback, compiled
from bnode_nlme.engine.evaluation import all_finite, evaluate
from bnode_nlme.engine.memory import (
    load_double,
    load_integer,
    store_double,
    store_integer,
)
from bnode_nlme.engine.sundials import N_VGetArrayPointer_Serial, SUNDenseMatrix_Data, load

# A callback is compiled where it stands, and needs its symbols then.
load()

RECOVERABLE = 1
"""What a callback answers when its value is not finite: CVODES then tries a smaller step."""

_RHS = types.int32(types.float64, types.intp, types.intp, types.intp)
_JAC = types.int32(*[types.float64] + [types.intp] * 7)


@compiled
def interpolate(block: int, time: float) -> int:
    """Address of the forward state at a time inside the current stretch of the tape.

    Cubic Hermite interpolation between the steps that the forward solve took (Hairer, Norsett and
    Wanner 1993, II.6), searched from the step that the last call used.
    """
    states = load_integer(block, at.N_STATES)
    width = 1 + 2 * states
    tape = load_integer(block, at.ROWS)
    first, last = load_integer(block, at.ROW_FIRST), load_integer(block, at.ROW_LAST)
    cursor = load_integer(block, at.ROW_CURSOR)
    while cursor > first and time < load_double(tape, cursor * width):
        cursor -= 1
    while cursor < last - 1 and time > load_double(tape, (cursor + 1) * width):
        cursor += 1
    store_integer(block, at.ROW_CURSOR, cursor)
    left, right = cursor * width, (cursor + 1) * width
    state = load_integer(block, at.STATE)
    start = load_double(tape, left)
    step = load_double(tape, right) - start
    u = (time - start) / step
    v = 1.0 - u
    for i in range(states):
        a, b = load_double(tape, left + 1 + i), load_double(tape, right + 1 + i)
        da = load_double(tape, left + 1 + states + i)
        db = load_double(tape, right + 1 + states + i)
        value = v * a + u * b - u * v * ((v - u) * (b - a) - step * (v * da - u * db))
        store_double(state, i, value)
    return state


@callback(_RHS)
def forward_callback(time: float, y: int, derivative: int, block: int) -> int:
    """Right-hand side, infusions included."""
    output = N_VGetArrayPointer_Serial(derivative)
    evaluate(block, at.DERIVATIVE, time, N_VGetArrayPointer_Serial(y), 0, output)
    rates = load_integer(block, at.RATES)
    states = load_integer(block, at.N_STATES)
    for i in range(states):
        store_double(output, i, load_double(output, i) + load_double(rates, i))
    return 0 if all_finite(output, states) else RECOVERABLE


@callback(_JAC)
def forward_jacobian_callback(
    time: float, y: int, derivative: int, matrix: int, block: int, a: int, b: int, c: int
) -> int:
    """Jacobian of the right-hand side, column by column."""
    states = load_integer(block, at.N_STATES)
    output = SUNDenseMatrix_Data(matrix)
    evaluate(block, at.JACOBIAN, time, N_VGetArrayPointer_Serial(y), 0, output)
    return 0 if all_finite(output, states * states) else RECOVERABLE


@callback(_RHS)
def adjoint_callback(time: float, adjoint: int, derivative: int, block: int) -> int:
    """Right-hand side of the adjoint equation, minus the transposed Jacobian times the adjoint."""
    states = load_integer(block, at.N_STATES)
    output = N_VGetArrayPointer_Serial(derivative)
    state = interpolate(block, time)
    evaluate(block, at.STATE_ADJOINT, time, state, N_VGetArrayPointer_Serial(adjoint), output)
    for i in range(states):
        store_double(output, i, -load_double(output, i))
    return 0 if all_finite(output, states) else RECOVERABLE


@callback(_JAC)
def adjoint_jacobian_callback(
    time: float, adjoint: int, derivative: int, matrix: int, block: int, a: int, b: int, c: int
) -> int:
    """Jacobian of the adjoint equation."""
    states = load_integer(block, at.N_STATES)
    output = SUNDenseMatrix_Data(matrix)
    evaluate(block, at.JACOBIAN, time, interpolate(block, time), 0, output)
    for i in range(states):
        store_double(output, i * states + i, -load_double(output, i * states + i))
        for j in range(i):
            lower, upper = j * states + i, i * states + j
            swap = load_double(output, lower)
            store_double(output, lower, -load_double(output, upper))
            store_double(output, upper, -swap)
    return 0 if all_finite(output, states * states) else RECOVERABLE


@callback(_RHS)
def quadrature_callback(time: float, adjoint: int, derivative: int, block: int) -> int:
    """Integrand of the gradient, backwards in time: parameters, weights, rates of infusions."""
    length = load_integer(block, at.N_PARAMETERS) + load_integer(block, at.N_WEIGHTS)
    output, seed = N_VGetArrayPointer_Serial(derivative), N_VGetArrayPointer_Serial(adjoint)
    evaluate(block, at.PARAMETER_ADJOINT, time, interpolate(block, time), seed, output)
    for i in range(length):
        store_double(output, i, -load_double(output, i))
    for i in range(load_integer(block, at.N_STATES)):
        store_double(output, length + i, -load_double(seed, i))
    return 0 if all_finite(output, length) else RECOVERABLE
