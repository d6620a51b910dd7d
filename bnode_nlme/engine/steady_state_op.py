"""Steady states of a population's dosing as PyTensor operations, forward and adjoint."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytensor.tensor as pt
from pytensor.gradient import DisconnectedType, disconnected_type
from pytensor.graph.basic import Apply, Variable
from pytensor.graph.op import Op
from pytensor.link.numba.dispatch.basic import numba_njit, register_funcify_and_cache_key

from bnode_nlme.engine.counts import SolveCounter
from bnode_nlme.engine.model_place import model_place
from bnode_nlme.engine.native import content_hash
from bnode_nlme.engine.population import PopulationSolver
from bnode_nlme.engine.steady_state import steady_state_call
from bnode_nlme.engine.steady_state_adjoint import steady_state_adjoint_call

_MATRIX, _VECTOR = pt.TensorType("float64", (None, None)), pt.TensorType("float64", (None,))
_INTEGERS = pt.TensorType("int64", (None,))

_DOSES = (_MATRIX, _VECTOR, _MATRIX, _INTEGERS, *[_VECTOR] * 6)

INPUTS = (
    "parameters",
    "weights",
    "covariates",
    "targets",
    "times",
    "amounts",
    "durations",
    "intervals",
    "lags",
    "rates",
)
"""What a steady state is computed from, in this order."""

_DIFFERENTIABLE = ("parameters", "weights", "amounts", "durations", "lags", "rates")


def _typed(types: Sequence[Any], values: Sequence[Any]) -> list[Any]:
    """The values as variables of these types; compiled code reads their bare memory."""
    return [
        kind.filter_variable(pt.as_tensor_variable(value))
        for kind, value in zip(types, values, strict=True)
    ]


class SteadyStateOp(Op):
    """The states that doses lead to when they have been given at an interval for ever.

    Inputs, one row or element for each dose: the subject's parameters (D, P), the weights (W,), the
    covariates as they stand at the record (D, C), the state that the dose goes to, the record's
    time, the amount that arrives (bioavailability included), the duration of its infusion (0 for a
    bolus), the interval between doses, the lag, and a rate. The doses arrive at time + lag less
    1, 2, ... intervals; durations and lags may exceed the interval. Where the interval is 0 the
    infusion is constant and at that rate, and amount, duration and lag do not matter.

    Outputs: the states (D, n) just before the record acts at its time, NaN where none was found;
    and a `SolveStatus` (D,) for each. Doses that arrive at the record's time or later, because of a
    lag that is an interval or longer, have not been given yet.

    Gradients are those of the implicit function theorem. With respect to the lag of a bolus and the
    ends of infusions they are as accurate as the tolerances.

    Nothing is counted: the counter, that of the study's solve, only gives the model its place (see
    `model_place`), and operations with different ones are equal.
    """

    __props__ = ("solver",)

    def __init__(self, solver: PopulationSolver, counter: SolveCounter) -> None:
        self.solver = solver
        self.counter = counter

    def __str__(self) -> str:
        return f"SteadyStateOp{{{self.solver.kernels.key}, {self.solver.options.method}}}"

    def make_node(self, *inputs: Any) -> Apply:
        """Apply the operation to its inputs."""
        outputs = [
            pt.tensor("steady", shape=(None, self.solver.kernels.states), dtype="float64"),
            pt.tensor("steady_status", shape=(None,), dtype="int64"),
        ]
        return Apply(self, _typed(_DOSES, inputs), outputs)

    def perform(self, node: Apply, inputs: Sequence[Any], output_storage: Any) -> None:
        """Solve, called from Python."""
        results = steady_state_call(self.solver.template.ctypes.data, 0, *inputs)
        for storage, result in zip(output_storage, results, strict=True):
            storage[0] = result

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        """The states have derivatives by what a model may express by parameters."""
        return [[name in _DIFFERENTIABLE, False] for name in INPUTS]

    def pullback(
        self,
        inputs: Sequence[Variable],
        outputs: Sequence[Variable],
        cotangents: Sequence[Variable],
    ) -> list[Variable]:
        """Cotangents of the inputs, by a `SteadyStateAdjointOp`."""
        if isinstance(cotangents[0].type, DisconnectedType):
            return [disconnected_type() for _ in inputs]
        adjoint: Any = SteadyStateAdjointOp(self.solver, self.counter)(
            *inputs, *outputs, cotangents[0]
        )
        found = dict(zip(_DIFFERENTIABLE, adjoint, strict=True))
        return [found[name] if name in found else disconnected_type() for name in INPUTS]

    def infer_shape(self, node: Apply, shapes: Any) -> list[tuple[Any, ...]]:
        """A row for each dose."""
        doses = shapes[0][0]
        return [(doses, pt.constant(self.solver.kernels.states)), (doses,)]


class SteadyStateAdjointOp(Op):
    """Adjoint of a `SteadyStateOp`.

    Inputs: those of the forward operation, the states and statuses that it found, and the
    cotangents of the states (D, n). Outputs: cotangents of parameters (D, P), weights (W,),
    amounts, durations, lags and rates (D,).
    """

    __props__ = ("solver",)

    def __init__(self, solver: PopulationSolver, counter: SolveCounter) -> None:
        self.solver = solver
        self.counter = counter

    def __str__(self) -> str:
        return f"SteadyStateAdjointOp{{{self.solver.kernels.key}, {self.solver.options.method}}}"

    def make_node(self, *inputs: Any) -> Apply:
        """Apply the operation to its inputs."""
        variables = _typed([*_DOSES, _MATRIX, _INTEGERS, _MATRIX], inputs)
        given = dict(zip(INPUTS, variables, strict=False))
        outputs = [given[name].type(name=f"{name}_cotangents") for name in _DIFFERENTIABLE]
        return Apply(self, variables, outputs)

    def perform(self, node: Apply, inputs: Sequence[Any], output_storage: Any) -> None:
        """Solve, called from Python."""
        results = steady_state_adjoint_call(self.solver.template.ctypes.data, 0, *inputs)
        for storage, result in zip(output_storage, results, strict=True):
            storage[0] = result

    def pullback(
        self,
        inputs: Sequence[Variable],
        outputs: Sequence[Variable],
        cotangents: Sequence[Variable],
    ) -> list[Variable]:
        """Refuse: there are no second derivatives."""
        raise NotImplementedError(
            "A steady state has first derivatives only; a Hessian of the model was asked for. "
            "Use a method that needs gradients alone (NUTS, ADVI, Pathfinder)."
        )

    def infer_shape(self, node: Apply, shapes: Any) -> list[tuple[Any, ...]]:
        """Shapes of the inputs."""
        given = dict(zip(INPUTS, shapes, strict=False))
        return [given[name] for name in _DIFFERENTIABLE]


def _key(*parts: Any) -> str:
    return content_hash(" ".join(map(str, parts)))


def _keep_alive(compiled: Any, counter: SolveCounter) -> None:
    # See `model_place`: as long as the code may be called, nobody else may have its place.
    compiled.py_func.counter = counter


@register_funcify_and_cache_key(SteadyStateOp)
def _compile_steady_state(op: SteadyStateOp, **kwargs: Any) -> tuple[Any, str]:
    place = model_place(op.solver, op.counter)
    call = steady_state_call.bound(place)

    @numba_njit
    def steady_state(
        parameters: Any,
        weights: Any,
        covariates: Any,
        targets: Any,
        times: Any,
        amounts: Any,
        durations: Any,
        intervals: Any,
        lags: Any,
        rates: Any,
    ) -> Any:
        return call(
            (
                parameters,
                weights,
                covariates,
                targets,
                times,
                amounts,
                durations,
                intervals,
                lags,
                rates,
            )
        )

    _keep_alive(steady_state, op.counter)
    return steady_state, _key(steady_state_call.symbol, place)


@register_funcify_and_cache_key(SteadyStateAdjointOp)
def _compile_adjoint(op: SteadyStateAdjointOp, **kwargs: Any) -> tuple[Any, str]:
    place = model_place(op.solver, op.counter)
    call = steady_state_adjoint_call.bound(place)

    @numba_njit
    def steady_state_adjoint(
        parameters: Any,
        weights: Any,
        covariates: Any,
        targets: Any,
        times: Any,
        amounts: Any,
        durations: Any,
        intervals: Any,
        lags: Any,
        rates: Any,
        found: Any,
        status: Any,
        cotangents: Any,
    ) -> Any:
        return call(
            (
                parameters,
                weights,
                covariates,
                targets,
                times,
                amounts,
                durations,
                intervals,
                lags,
                rates,
                found,
                status,
                cotangents,
            )
        )

    _keep_alive(steady_state_adjoint, op.counter)
    return steady_state_adjoint, _key(steady_state_adjoint_call.symbol, place)
