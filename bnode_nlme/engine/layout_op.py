"""The layout of a plan as PyTensor operations, forward and adjoint."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytensor.tensor as pt
from pytensor.gradient import DisconnectedType, disconnected_type
from pytensor.graph.basic import Apply, Variable
from pytensor.graph.op import Op
from pytensor.link.numba.dispatch.basic import numba_njit, register_funcify_and_cache_key

from bnode_nlme.engine.layout import layout_adjoint_call, layout_call
from bnode_nlme.engine.native import content_hash

_MATRIX, _VECTOR = pt.TensorType("float64", (None, None)), pt.TensorType("float64", (None,))
_INTEGER_MATRIX, _INTEGERS = (
    pt.TensorType("int64", (None, None)),
    pt.TensorType("int64", (None,)),
)
_PLANNED = (_INTEGERS, _INTEGER_MATRIX, _MATRIX, _INTEGER_MATRIX, _MATRIX)
_VALUES = (*[_VECTOR] * 4, _MATRIX)
_LAID_OUT = (*[_INTEGERS] * 3, *[_VECTOR] * 2, _INTEGERS, _INTEGER_MATRIX)
_TIMES, _AMOUNTS = 3, 4


def _apply(op: Op, types: Sequence[Any], values: Sequence[Any], results: Sequence[Any]) -> Apply:
    inputs = [
        kind.filter_variable(pt.as_tensor_variable(value))
        for kind, value in zip(types, values, strict=True)
    ]
    return Apply(op, inputs, [kind() for kind in results])


class LayoutOp(Op):
    """Lay out a plan for values of its doses.

    Inputs: the five arrays of a `Plan`, then those of `DoseValues`; all are run-time values.
    Outputs: the arrays of a `Schedule`, and what the adjoint works from; see `Layout`.
    """

    __props__ = ()

    def make_node(self, *inputs: Any) -> Apply:
        """Apply the operation to its inputs."""
        return _apply(self, [*_PLANNED, *_VALUES], inputs, _LAID_OUT)

    def perform(self, node: Apply, inputs: Sequence[Any], output_storage: Any) -> None:
        """Lay out, called from Python."""
        for storage, result in zip(output_storage, layout_call(*inputs), strict=True):
            storage[0] = result

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        """Times and amounts have derivatives by the values of the doses."""
        connected = [index in (_TIMES, _AMOUNTS) for index in range(len(_LAID_OUT))]
        return [[False] * len(_LAID_OUT)] * len(_PLANNED) + [connected] * len(_VALUES)

    def pullback(
        self,
        inputs: Sequence[Variable],
        outputs: Sequence[Variable],
        cotangents: Sequence[Variable],
    ) -> list[Variable]:
        """Cotangents of the doses' values, by a `LayoutAdjointOp`."""
        given = [
            pt.zeros_like(outputs[place])
            if isinstance(cotangents[place].type, DisconnectedType)
            else cotangents[place]
            for place in (_TIMES, _AMOUNTS)
        ]
        offsets, actions, targets, _, _, origins, arrived = outputs
        answer: Any = LayoutAdjointOp()(
            *inputs, offsets, actions, targets, origins, arrived, *given
        )
        return [*(disconnected_type() for _ in _PLANNED), *answer]


class LayoutAdjointOp(Op):
    """Adjoint of a layout.

    Inputs: those of the layout, what it left but times and amounts, and the cotangents of these.
    Outputs: cotangents of lag, bioavailability, modelled values, shifts and steady states.
    """

    __props__ = ()

    def make_node(self, *inputs: Any) -> Apply:
        """Apply the operation to its inputs."""
        left = (*[_INTEGERS] * 4, _INTEGER_MATRIX)
        types = [*_PLANNED, *_VALUES, *left, *[_VECTOR] * 2]
        return _apply(self, types, inputs, _VALUES)

    def perform(self, node: Apply, inputs: Sequence[Any], output_storage: Any) -> None:
        """Pull back, called from Python."""
        for storage, result in zip(output_storage, layout_adjoint_call(*inputs), strict=True):
            storage[0] = result


def _key(symbol: str) -> str:
    return content_hash(symbol)


@register_funcify_and_cache_key(LayoutOp)
def _compile_layout(op: LayoutOp, **kwargs: Any) -> tuple[Any, str]:
    call = layout_call.bound()

    @numba_njit
    def layout(
        offsets: Any,
        events: Any,
        event_values: Any,
        whole: Any,
        real: Any,
        lag: Any,
        bioavailability: Any,
        modelled: Any,
        shifts: Any,
        steady: Any,
    ) -> Any:
        return call(
            (
                offsets,
                events,
                event_values,
                whole,
                real,
                lag,
                bioavailability,
                modelled,
                shifts,
                steady,
            )
        )

    return layout, _key(layout_call.symbol)


@register_funcify_and_cache_key(LayoutAdjointOp)
def _compile_layout_adjoint(op: LayoutAdjointOp, **kwargs: Any) -> tuple[Any, str]:
    call = layout_adjoint_call.bound()

    @numba_njit
    def layout_adjoint(
        offsets: Any,
        events: Any,
        event_values: Any,
        whole: Any,
        real: Any,
        lag: Any,
        bioavailability: Any,
        modelled: Any,
        shifts: Any,
        steady: Any,
        bounds: Any,
        actions: Any,
        targets: Any,
        origins: Any,
        arrived: Any,
        to_times: Any,
        to_amounts: Any,
    ) -> Any:
        return call(
            (
                offsets,
                events,
                event_values,
                whole,
                real,
                lag,
                bioavailability,
                modelled,
                shifts,
                steady,
                bounds,
                actions,
                targets,
                origins,
                arrived,
                to_times,
                to_amounts,
            )
        )

    return layout_adjoint, _key(layout_adjoint_call.symbol)
