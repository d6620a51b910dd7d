"""Calls of the native functions over a group of lanes, and moves in and out of its workspace."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from bnode_nlme.engine import slots as at
from bnode_nlme.engine.compilation import compiled
from bnode_nlme.engine.memory import load_double, store_double
from bnode_nlme.engine.tableau import DENSE
from bnode_nlme.engine.workspace import LANES

_DOUBLE, _INT64 = ir.DoubleType(), ir.IntType(64)


def _native(n_pointers: int, n_doubles: int, returns: bool) -> Any:
    """An intrinsic that calls a function of so many pointers, then doubles, by its address."""
    result: Any = types.float64 if returns else types.void
    signature = result(types.int64, *[types.int64] * n_pointers, *[types.float64] * n_doubles)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = ir.PointerType(_DOUBLE)
        kind = ir.FunctionType(
            _DOUBLE if returns else ir.VoidType(),
            [pointer] * n_pointers + [_DOUBLE] * n_doubles,
        )
        target = builder.inttoptr(arguments[0], kind.as_pointer())
        pointers = [builder.inttoptr(a, pointer) for a in arguments[1 : 1 + n_pointers]]
        answer = builder.call(target, [*pointers, *arguments[1 + n_pointers :]])
        return answer if returns else context.get_dummy_value()

    return signature, generate


@intrinsic
def call_on_workspace(typing_context: Any, function: Any, workspace: Any, other: Any) -> Any:
    """Call ``prepare_group``, ``keep_step`` or ``advance_step``."""
    return _native(2, 0, False)


@intrinsic
def call_slope(
    typing_context: Any, function: Any, workspace: Any, weights: Any, s: Any, h: Any
) -> Any:
    """Call ``first_slope`` or ``first_slope_adjoint``."""
    return _native(2, 2, False)


@intrinsic
def call_forward_step(
    typing_context: Any,
    function: Any,
    workspace: Any,
    weights: Any,
    kept: Any,
    s: Any,
    h: Any,
    rtol: Any,
    atol: Any,
) -> Any:
    """Call ``forward_step``."""
    return _native(3, 4, True)


@intrinsic
def call_backward_step(
    typing_context: Any, function: Any, workspace: Any, weights: Any, tape: Any, s: Any, h: Any
) -> Any:
    """Call ``backward_step`` or ``backward_step_full``."""
    return _native(3, 2, False)


@intrinsic
def call_observe(
    typing_context: Any, function: Any, workspace: Any, state: Any, lane: Any, u: Any, scale: Any
) -> Any:
    """Call ``observe_lane`` or ``observe_lane_adjoint``."""
    signature = types.void(*[types.int64] * 4, *[types.float64] * 2)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = ir.PointerType(_DOUBLE)
        kind = ir.FunctionType(ir.VoidType(), [pointer, pointer, _INT64, _DOUBLE, _DOUBLE])
        target = builder.inttoptr(arguments[0], kind.as_pointer())
        pointers = [builder.inttoptr(a, pointer) for a in arguments[1:3]]
        builder.call(target, [*pointers, *arguments[3:]])
        return context.get_dummy_value()

    return signature, generate


@compiled
def read_lane(workspace: int, first: int, lane: int, length: int, target: int) -> None:
    """Copy one lane's numbers from rows of the workspace to a row of their own."""
    for i in range(length):
        store_double(target, i, load_double(workspace, first + i * LANES + lane))


@compiled
def write_lane(workspace: int, first: int, lane: int, length: int, source: int) -> None:
    """Copy one lane's numbers into rows of the workspace."""
    for i in range(length):
        store_double(workspace, first + i * LANES + lane, load_double(source, i))


@compiled
def fill(workspace: int, first: int, length: int, value: float) -> None:
    """Set rows of the workspace."""
    for i in range(length * LANES):
        store_double(workspace, first + i, value)


@compiled
def load_subject(block: Any, lane: int, subject: int) -> None:
    """Put a subject's parameters and covariates into a lane."""
    workspace = block[at.WORKSPACE]
    parameters, covariates = block[at.N_PARAMETERS], block[at.N_COVARIATES]
    row = block[at.PARAMETERS] + 8 * parameters * subject
    write_lane(workspace, block[at.W_PARAMETERS], lane, parameters, row)
    row = block[at.COVARIATES] + 8 * covariates * subject
    write_lane(workspace, block[at.W_COVARIATES], lane, covariates, row)


@compiled
def prepare(block: Any) -> None:
    """Compute what depends on parameters, weights and covariates alone."""
    call_on_workspace(block[at.PREPARE_GROUP], block[at.WORKSPACE], block[at.WEIGHTS])


@compiled
def dense_slope(stage: int, u: float) -> float:
    """Weight of a stage's slope in the slope of the solution at a fraction of the step."""
    a, b, c, d = DENSE[stage]
    return a + u * (2.0 * b + u * (3.0 * c + u * 4.0 * d))


@compiled
def add_to_row(workspace: int, row: int, lane: int, value: float) -> None:
    """Add to one lane's number in a row of the workspace."""
    store_double(workspace, row + lane, load_double(workspace, row + lane) + value)
