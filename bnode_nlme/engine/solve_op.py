"""The solve of a population as PyTensor operations, forward and adjoint."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytensor.tensor as pt
from pytensor.gradient import DisconnectedType, disconnected_type
from pytensor.graph.basic import Apply, Constant, Variable
from pytensor.graph.fg import FunctionGraph
from pytensor.graph.op import Op
from pytensor.graph.rewriting.basic import node_rewriter
from pytensor.link.numba.dispatch.basic import numba_njit, register_funcify_and_cache_key
from pytensor.tensor.rewriting.basic import register_specialize
from pytensor.tensor.shape import shape

from bnode_nlme.engine.counts import SolveCounter
from bnode_nlme.engine.model_place import model_place
from bnode_nlme.engine.native import content_hash
from bnode_nlme.engine.population import PopulationSolver, call_backward, call_forward
from bnode_nlme.engine.population_calls import backward_call, forward_call

_INPUTS = (
    "parameters",
    "weights",
    "covariates",
    "offsets",
    "actions",
    "targets",
    "times",
    "amounts",
    "subjects",
    "rows",
)
_DIFFERENTIABLE = ("parameters", "weights", "times", "amounts")


_MATRIX, _VECTOR = pt.TensorType("float64", (None, None)), pt.TensorType("float64", (None,))
_INTEGER_MATRIX = pt.TensorType("int64", (None, None))
_INTEGERS, _INTEGER = pt.TensorType("int64", (None,)), pt.TensorType("int64", ())


_SCHEDULED = (_MATRIX, _VECTOR, _MATRIX, *[_INTEGERS] * 3, *[_VECTOR] * 2)
"""Parameters, weights, covariates, and the arrays of a schedule."""


def _typed(types: Sequence[Any], values: Sequence[Any]) -> list[Any]:
    """The values as variables of these types; compiled code reads their bare memory."""
    return [
        kind.filter_variable(pt.as_tensor_variable(value))
        for kind, value in zip(types, values, strict=True)
    ]


class SolveOp(Op):
    """Forward solve of a population through its records.

    Inputs: parameters (S, P), weights (W,), covariates (S, C), the five arrays of a `Schedule`,
    the indices of the subjects to solve, and the number of observation rows. All are run-time
    values: another regimen, data set or subset of subjects needs no compilation.

    Outputs: predictions (rows, readouts), status, steps and engines (S,), and what the adjoint solve
    works from: the order of the subjects, the states seen at records, the tape, and where each group's
    part of it begins. The tape is kept only where something uses it.
    """

    __props__ = ("solver", "counter", "keep_tape")

    def __init__(
        self, solver: PopulationSolver, counter: SolveCounter, keep_tape: bool = True
    ) -> None:
        self.solver = solver
        self.counter = counter
        self.keep_tape = keep_tape

    def __str__(self) -> str:
        return f"SolveOp{{{self.solver.kernels.key}, {self.solver.options.method}}}"

    def make_node(self, *inputs: Any) -> Apply:
        """Apply the operation to its inputs."""
        types = [*_SCHEDULED, _INTEGERS, _INTEGER]
        variables = _typed(types, inputs)
        kernels, rows = self.solver.kernels, variables[_INPUTS.index("rows")]
        length = int(rows.data) if isinstance(rows, Constant) else None
        outputs = [
            pt.tensor("predictions", shape=(length, len(kernels.readouts)), dtype="float64"),
            pt.tensor("status", shape=(None,), dtype="int64"),
            pt.tensor("steps", shape=(None,), dtype="int64"),
            pt.tensor("engines", shape=(None,), dtype="int64"),
            pt.tensor("order", shape=(None,), dtype="int64"),
            pt.tensor("seen", shape=(None, kernels.states), dtype="float64"),
            pt.tensor("tape", shape=(None,), dtype="float64"),
            pt.tensor("origins", shape=(None, 2), dtype="int64"),
        ]
        return Apply(self, variables, outputs)

    def perform(self, node: Apply, inputs: Sequence[Any], output_storage: Any) -> None:
        """Solve, called from Python."""
        results = call_forward(
            self.solver.template,
            *inputs[:-1],
            int(inputs[-1]),
            self.keep_tape,
            self.counter.address,
        )
        for storage, result in zip(output_storage, results, strict=True):
            storage[0] = result

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        """Predictions have derivatives by `_DIFFERENTIABLE`, and nothing else has any."""
        return [[name in _DIFFERENTIABLE] + [False] * 7 for name in _INPUTS]

    def pullback(
        self,
        inputs: Sequence[Variable],
        outputs: Sequence[Variable],
        cotangents: Sequence[Variable],
    ) -> list[Variable]:
        """Cotangents of the inputs, by an `AdjointOp`."""
        if isinstance(cotangents[0].type, DisconnectedType):
            return [disconnected_type() for _ in inputs]
        _, status, _, _, order, seen, tape, origins = outputs
        # A schedule that does not move wants no cotangents of its times: they would take time.
        moving = not isinstance(inputs[_INPUTS.index("times")], Constant)
        adjoint: Any = AdjointOp(self.solver, self.counter, moving=moving)(
            *inputs[:8], status, order, seen, tape, origins, cotangents[0]
        )
        to_parameters, to_weights, _, to_times, to_amounts = adjoint
        answers = dict(
            zip(_DIFFERENTIABLE, (to_parameters, to_weights, to_times, to_amounts), strict=True)
        )
        return [answers.get(name, disconnected_type()) for name in _INPUTS]

    def infer_shape(self, node: Apply, shapes: Any) -> list[tuple[Any, ...]]:
        """Shapes of predictions, status and steps; the tape is as long as the solve makes it."""
        kernels = self.solver.kernels
        subjects = shapes[0][0]
        return [
            (node.inputs[-1], pt.constant(len(kernels.readouts))),
            *[(subjects,)] * 3,
            (shapes[8][0],),
            (shapes[6][0], pt.constant(kernels.states)),
            *[tuple(shape(output)) for output in node.outputs[6:]],
        ]


class AdjointOp(Op):
    """Adjoint solve of a population: cotangents of parameters, weights and the schedule.

    Inputs: those of the forward solve without subjects and rows, what it left, and the cotangents of
    the predictions (rows, readouts). Outputs: cotangents of the parameters (S, P) and of the weights
    (W,), steps (S,), and cotangents of times and amounts (E,), those of times zero where they are
    not `moving`.
    """

    __props__ = ("solver", "counter", "moving")

    def __init__(
        self, solver: PopulationSolver, counter: SolveCounter, moving: bool = True
    ) -> None:
        self.solver = solver
        self.counter = counter
        self.moving = moving

    def __str__(self) -> str:
        return f"AdjointOp{{{self.solver.kernels.key}, {self.solver.options.method}}}"

    def make_node(self, *inputs: Any) -> Apply:
        """Apply the operation to its inputs."""
        types = [
            *_SCHEDULED,
            *[_INTEGERS] * 2,
            *[_MATRIX, _VECTOR, _INTEGER_MATRIX, _MATRIX],
        ]
        variables = _typed(types, inputs)
        outputs = [
            variables[0].type(name="parameter_cotangents"),
            variables[1].type(name="weight_cotangents"),
            pt.tensor("steps", shape=(None,), dtype="int64"),
            variables[6].type(name="time_cotangents"),
            variables[7].type(name="amount_cotangents"),
        ]
        return Apply(self, variables, outputs)

    def perform(self, node: Apply, inputs: Sequence[Any], output_storage: Any) -> None:
        """Solve, called from Python."""
        results = call_backward(
            self.solver.template,
            *inputs,
            self.counter.address,
            moving=self.moving,
        )
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
            "The solve of an ODE has first derivatives only; a Hessian of the model was asked for. "
            "Use a method that needs gradients alone (NUTS, ADVI, Pathfinder)."
        )


@register_specialize
@node_rewriter([SolveOp])
def drop_unused_tape(fgraph: FunctionGraph, node: Apply) -> list[Variable] | None:
    """Where nothing works from the tape, solve without keeping it."""
    if not node.op.keep_tape or any(fgraph.clients[output] for output in node.outputs[4:]):
        return None
    lean = SolveOp(node.op.solver, node.op.counter, keep_tape=False)
    outputs: Any = lean(*node.inputs, return_list=True)
    return list(outputs)


# What PyTensor compiles calls the engine by name, with the model by name: neither is copied, and
# the code holds no address, so that PyTensor keeps it on disk under the key that is returned here.


def _key(*parts: Any) -> str:
    return content_hash(" ".join(map(str, parts)))


def _keep_alive(compiled: Any, counter: SolveCounter) -> None:
    # See `model_place`: as long as the code may be called, nobody else may count there.
    compiled.py_func.counter = counter


@register_funcify_and_cache_key(SolveOp)
def _compile_solve(op: SolveOp, **kwargs: Any) -> tuple[Any, str]:
    place = model_place(op.solver, op.counter)
    call = forward_call.bound(place, int(op.keep_tape))

    @numba_njit
    def solve(
        parameters: Any,
        weights: Any,
        covariates: Any,
        offsets: Any,
        actions: Any,
        targets: Any,
        times: Any,
        amounts: Any,
        subjects: Any,
        rows: Any,
    ) -> Any:
        return call(
            (
                parameters,
                weights,
                covariates,
                offsets,
                actions,
                targets,
                times,
                amounts,
                subjects,
                rows.item(),
            )
        )

    _keep_alive(solve, op.counter)
    return solve, _key(forward_call.symbol, place, op.keep_tape)


@register_funcify_and_cache_key(AdjointOp)
def _compile_adjoint(op: AdjointOp, **kwargs: Any) -> tuple[Any, str]:
    place = model_place(op.solver, op.counter)
    call = backward_call.bound(place, int(op.moving))

    @numba_njit
    def solve_adjoint(
        parameters: Any,
        weights: Any,
        covariates: Any,
        offsets: Any,
        actions: Any,
        targets: Any,
        times: Any,
        amounts: Any,
        status: Any,
        order: Any,
        seen: Any,
        tape: Any,
        origins: Any,
        cotangents: Any,
    ) -> Any:
        return call(
            (
                parameters,
                weights,
                covariates,
                offsets,
                actions,
                targets,
                times,
                amounts,
                status,
                order,
                seen,
                tape,
                origins,
                cotangents,
            )
        )

    _keep_alive(solve_adjoint, op.counter)
    return solve_adjoint, _key(backward_call.symbol, place, op.moving)
