"""From a PyTensor graph with static shapes to a scalar program.

Each variable of the graph is an array of instruction numbers; each Op says how its output array
follows from its input arrays. An Op that is not listed here is refused by name.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import singledispatch
from typing import Any

import numpy as np
import pytensor.scalar as ps
from numpy.typing import NDArray
from pytensor.compile.builders import OpFromGraph
from pytensor.compile.ops import ViewOp
from pytensor.gradient import grad
from pytensor.graph.basic import Apply, Constant, Variable
from pytensor.graph.rewriting.utils import rewrite_graph
from pytensor.graph.traversal import toposort
from pytensor.tensor.basic import (
    Alloc,
    Join,
    MakeVector,
    ScalarFromTensor,
    Split,
    TensorFromScalar,
)
from pytensor.tensor.blockwise import Blockwise
from pytensor.tensor.elemwise import CAReduce, DimShuffle, Elemwise
from pytensor.tensor.math import Dot, MulWithoutZeros
from pytensor.tensor.shape import Reshape, Shape, Shape_i, SpecifyShape
from pytensor.tensor.subtensor import IncSubtensor, Subtensor, indices_from_subtensor

from bnode_nlme.engine.elementwise import LoweringError as LoweringError
from bnode_nlme.engine.elementwise import scalar_operation
from bnode_nlme.engine.program import Program

Numbers = Any
"""An object array of instruction numbers, of the shape of the PyTensor variable it stands for."""


def _index(node: Apply, first: int) -> tuple[Any, ...]:
    """The constant index of a Subtensor or IncSubtensor node."""
    entries = indices_from_subtensor(node.inputs[first:], node.op.idx_list)

    def constant(entry: Any) -> Any:
        if isinstance(entry, slice):
            return slice(constant(entry.start), constant(entry.stop), constant(entry.step))
        if isinstance(entry, Constant):
            return int(entry.data)
        if isinstance(entry, Variable):
            raise LoweringError(
                "The right-hand side indexes an array with a value that is not known before the "
                "solve. Index with constants, or select with pt.switch."
            )
        return entry

    return tuple(constant(entry) for entry in entries)


def _reduce(program: Program, name: str, numbers: Numbers, axis: tuple[int, ...]) -> Numbers:
    kept = [a for a in range(numbers.ndim) if a not in axis]
    shape = tuple(numbers.shape[a] for a in kept)
    rows = numbers.transpose([*kept, *axis]).reshape((*shape, -1))
    result = np.empty(shape, dtype=object)
    empty = program.constant(1.0 if name == "mul" else 0.0)
    for position in np.ndindex(shape):
        entries = list(rows[position])
        total = entries[0] if entries else empty
        for entry in entries[1:]:
            total = program.append(name, (total, entry))
        result[position] = total
    return result


def _dot(program: Program, left: Numbers, right: Numbers) -> Numbers:
    a = left if left.ndim == 2 else left[None, :]
    b = right if right.ndim == 2 else right[:, None]
    result = np.empty((a.shape[0], b.shape[1]), dtype=object)
    for i, j in np.ndindex(result.shape):
        total = program.constant(0.0)
        for k in range(a.shape[1]):
            total = program.append("add", (total, program.append("mul", (a[i, k], b[k, j]))))
        result[i, j] = total
    if left.ndim == 1:
        result = result[0]
    return result[..., 0] if right.ndim == 1 else result


@singledispatch
def _lower(op: Any, node: Apply, program: Program, inputs: list[Numbers]) -> list[Numbers]:
    raise LoweringError(
        f"The right-hand side uses the PyTensor operation {op}, which has no native counterpart. "
        "Write it with elementwise functions, indexing by constants, stacking, sums and dot "
        "products."
    )


@_lower.register(Elemwise)
def _(op: Elemwise, node: Apply, program: Program, inputs: list[Numbers]) -> list[Numbers]:
    arrays: list[Numbers] = list(np.broadcast_arrays(*inputs))
    kinds = tuple(variable.type.dtype for variable in (*node.inputs, *node.outputs))
    result = np.empty(arrays[0].shape, dtype=object)
    for position in np.ndindex(result.shape):
        result[position] = scalar_operation(
            program, op.scalar_op, [array[position] for array in arrays], kinds
        )
    return [result]


_REDUCTIONS: dict[type, str] = {
    ps.Add: "add",
    ps.Mul: "mul",
    MulWithoutZeros: "mul",
    ps.Maximum: "maximum",
    ps.Minimum: "minimum",
    ps.AND: "mul",
    ps.OR: "maximum",
}


@_lower.register(CAReduce)
def _(op: CAReduce, node: Apply, program: Program, inputs: list[Numbers]) -> list[Numbers]:
    name = _REDUCTIONS.get(type(op.scalar_op))
    if name is None:
        raise LoweringError(
            f"The right-hand side reduces an array with {op.scalar_op}, which has no native "
            "counterpart. Use a sum, product, maximum, minimum, all or any."
        )
    if isinstance(op.scalar_op, MulWithoutZeros):  # in the derivative of a product
        one, zero = program.constant(1.0), program.constant(0.0)
        taken = np.empty(inputs[0].shape, dtype=object)
        for position in np.ndindex(taken.shape):
            number = inputs[0][position]
            taken[position] = program.append(
                "switch", (program.append("eq", (number, zero)), one, number)
            )
        inputs = [taken]
    axis = tuple(range(inputs[0].ndim)) if op.axis is None else tuple(op.axis)
    return [_reduce(program, name, inputs[0], axis)]


@_lower.register(DimShuffle)
def _(op: DimShuffle, node: Apply, program: Program, inputs: list[Numbers]) -> list[Numbers]:
    kept = [d for d in op.new_order if d != "x"]
    dropped = [d for d in range(inputs[0].ndim) if d not in kept]
    array = np.squeeze(inputs[0], axis=tuple(dropped)) if dropped else inputs[0]
    ranks = {d: position for position, d in enumerate(sorted(kept))}
    array = array.transpose([ranks[d] for d in kept])
    for position, d in enumerate(op.new_order):
        if d == "x":
            array = np.expand_dims(array, position)
    return [array]


@_lower.register(Reshape)
def _(op: Reshape, node: Apply, program: Program, inputs: list[Numbers]) -> list[Numbers]:
    return [inputs[0].reshape(_static_shape(node.outputs[0]))]


@_lower.register(ps.ScalarOp)
def _(op: ps.ScalarOp, node: Apply, program: Program, inputs: list[Numbers]) -> list[Numbers]:
    kinds = tuple(variable.type.dtype for variable in (*node.inputs, *node.outputs))
    result = np.empty((), dtype=object)
    result[()] = scalar_operation(program, op, [array[()] for array in inputs], kinds)
    return [result]


# Marks for PyTensor's differentiation, which is over here.
@_lower.register(ViewOp)
@_lower.register(SpecifyShape)
@_lower.register(TensorFromScalar)
@_lower.register(ScalarFromTensor)
def _(op: Any, node: Apply, program: Program, inputs: list[Numbers]) -> list[Numbers]:
    return [inputs[0]]


@_lower.register(Shape)
def _(op: Shape, node: Apply, program: Program, inputs: list[Numbers]) -> list[Numbers]:
    return [_constants(program, np.array(inputs[0].shape))]


@_lower.register(Shape_i)
def _(op: Shape_i, node: Apply, program: Program, inputs: list[Numbers]) -> list[Numbers]:
    return [_constants(program, np.array(inputs[0].shape[op.i]))]


@_lower.register(MakeVector)
def _(op: MakeVector, node: Apply, program: Program, inputs: list[Numbers]) -> list[Numbers]:
    return [np.array([array[()] for array in inputs], dtype=object)]


@_lower.register(Join)
def _(op: Join, node: Apply, program: Program, inputs: list[Numbers]) -> list[Numbers]:
    return [np.concatenate(inputs, axis=op.axis)]


@_lower.register(Split)
def _(op: Split, node: Apply, program: Program, inputs: list[Numbers]) -> list[Numbers]:
    lengths = [_static_shape(output)[op.axis] for output in node.outputs]
    return list(np.split(inputs[0], np.cumsum(lengths)[:-1], axis=op.axis))


@_lower.register(Alloc)
def _(op: Alloc, node: Apply, program: Program, inputs: list[Numbers]) -> list[Numbers]:
    return [np.broadcast_to(inputs[0], _static_shape(node.outputs[0]))]


@_lower.register(Subtensor)
def _(op: Subtensor, node: Apply, program: Program, inputs: list[Numbers]) -> list[Numbers]:
    taken = np.empty(_static_shape(node.outputs[0]), dtype=object)
    taken[...] = inputs[0][_index(node, 1)]
    return [taken]


@_lower.register(IncSubtensor)
def _(op: IncSubtensor, node: Apply, program: Program, inputs: list[Numbers]) -> list[Numbers]:
    target = np.array(inputs[0], dtype=object)
    index = _index(node, 2)
    current: Numbers = np.asarray(target[index], dtype=object)
    source: Numbers = np.broadcast_to(inputs[1], current.shape)
    merged = np.empty(current.shape, dtype=object)
    for position in np.ndindex(current.shape):
        merged[position] = (
            source[position]
            if op.set_instead_of_inc
            else program.append("add", (current[position], source[position]))
        )
    target[index] = merged if merged.ndim else merged[()]
    return [target]


@_lower.register(Dot)
def _(op: Dot, node: Apply, program: Program, inputs: list[Numbers]) -> list[Numbers]:
    return [_dot(program, inputs[0], inputs[1])]


@_lower.register(Blockwise)
def _(op: Blockwise, node: Apply, program: Program, inputs: list[Numbers]) -> list[Numbers]:
    if all(
        variable.type.ndim == len(s) for variable, s in zip(node.inputs, op.inputs_sig, strict=True)
    ):
        return _lower(op.core_op, node, program, inputs)
    raise LoweringError(
        f"The right-hand side uses {op} on a batch of matrices. Write the batch out, one matrix "
        "at a time."
    )


@_lower.register(OpFromGraph)
def _(op: OpFromGraph, node: Apply, program: Program, inputs: list[Numbers]) -> list[Numbers]:
    given = dict(zip(op.inner_inputs, inputs, strict=True))
    return _lower_graph(program, given, op.inner_outputs)


def _static_shape(variable: Variable) -> tuple[int, ...]:
    shape = variable.type.shape
    if any(length is None for length in shape):
        raise LoweringError(
            f"The right-hand side makes an array of unknown length ({variable}, shape {shape}). "
            "Every array in a right-hand side needs a length that is known at declaration."
        )
    return tuple(int(length) for length in shape)


def _constants(program: Program, data: NDArray[Any]) -> Numbers:
    if np.iscomplexobj(data):
        raise LoweringError("The right-hand side computes with complex numbers; write it in reals.")
    numbers = np.empty(np.shape(data), dtype=object)
    for position in np.ndindex(numbers.shape):
        numbers[position] = program.constant(float(np.asarray(data)[position]))
    return numbers


def lower(inputs: Sequence[tuple[str, Variable]], outputs: Sequence[Variable]) -> Program:
    """Lower a PyTensor graph to a scalar program.

    Parameters
    ----------
    inputs
        Name and variable (scalar or vector of static length) of each input, in the order of the
        native kernel's arguments.
    outputs
        Scalars or vectors of static length; the program's output is their concatenation.

    Returns
    -------
    Program

    Raises
    ------
    LoweringError
        When the graph holds an operation without a native counterpart.
    """
    rewritten: Any = rewrite_graph(list(outputs), include=("canonicalize", "stabilize"), clone=True)
    program = Program(
        tuple((name, int(np.prod(_static_shape(variable)))) for name, variable in inputs)
    )
    given: dict[Variable, Numbers] = {}
    for name, variable in inputs:
        shape = _static_shape(variable)
        numbers = np.empty(shape, dtype=object)
        for flat, position in enumerate(np.ndindex(shape)):
            numbers[position] = program.input(name, flat)
        given[variable] = numbers
    for numbers in _lower_graph(program, given, rewritten):
        program.outputs.extend(int(number) for number in numbers.ravel())
    return program


def _lower_graph(
    program: Program, given: dict[Variable, Numbers], outputs: Sequence[Variable]
) -> list[Numbers]:
    values = dict(given)

    def value(variable: Variable) -> Numbers:
        if variable not in values:
            if not isinstance(variable, Constant):
                raise LoweringError(
                    f"The right-hand side depends on {variable}, which is no input of the system."
                )
            values[variable] = _constants(program, variable.data)
        return values[variable]

    refuse = _lower.dispatch(object)
    for node in toposort(outputs, blockers=list(given)):
        if _lower.dispatch(type(node.op)) is refuse:
            refuse(node.op, node, program, [])  # before its inputs, which may be no numbers
        results = _lower(node.op, node, program, [value(variable) for variable in node.inputs])
        values.update(zip(node.outputs, results, strict=True))
    return [value(output) for output in outputs]


def vector_jacobian_product(
    expression: Variable, wrt: Sequence[Variable], seed: Variable
) -> list[Variable]:
    """Cotangents of `wrt` for the cotangent `seed` of `expression` (zeros where independent)."""
    cotangents: Any = grad(
        None,
        wrt=list(wrt),
        known_grads={expression: seed},
        disconnected_inputs="ignore",
        return_disconnected="zero",
    )
    return list(cotangents)
