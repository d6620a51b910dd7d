"""Parameters as the columns of one matrix, and the columns of a matrix one by one.

PyTensor's own ways (a join, or an assignment column by column) and their gradients do the same in
a dozen operations or more, and numba compiles each of them anew in every model.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytensor.tensor as pt
from pytensor.gradient import DisconnectedType, disconnected_type
from pytensor.graph.basic import Apply, Variable
from pytensor.graph.op import Op
from pytensor.link.numba.dispatch.basic import numba_njit, register_funcify_default_op_cache_key
from pytensor.link.utils import compile_function_src

_VECTOR, _MATRIX = pt.TensorType("float64", (None,)), pt.TensorType("float64", (None, None))


class ColumnsOp(Op):
    """Put parameters side by side.

    Inputs: for each of `names` a vector of floats, of length 1 where `shared` says that all rows
    have the same value, else of length `rows`. Output: a matrix (rows, parameters). A vector of
    another length, which may be known at run time only, raises a ValueError with its name.
    """

    __props__ = ("names", "shared", "rows")

    def __init__(self, names: tuple[str, ...], shared: tuple[bool, ...], rows: int) -> None:
        self.names, self.shared, self.rows = names, shared, rows

    @property
    def lengths(self) -> tuple[int, ...]:
        """How long each input has to be."""
        return tuple(1 if shared else self.rows for shared in self.shared)

    def complaint(self, place: int) -> str:
        """What is said of an input of another length."""
        return (
            f"parameters[{self.names[place]!r}] wants a number or a vector over the {self.rows} "
            "subjects; found a vector of another length when it was computed."
        )

    def make_node(self, *inputs: Any) -> Apply:
        """Apply the operation to its inputs."""
        vectors = [_VECTOR.filter_variable(pt.as_tensor_variable(given)) for given in inputs]
        shape = (self.rows, len(self.names))
        return Apply(self, vectors, [pt.tensor("columns", shape=shape, dtype="float64")])

    def perform(self, node: Apply, inputs: Sequence[Any], output_storage: Any) -> None:
        """Put together, called from Python."""
        matrix = np.empty((self.rows, len(inputs)))
        for place, (vector, length) in enumerate(zip(inputs, self.lengths, strict=True)):
            if vector.shape[0] != length:
                raise ValueError(self.complaint(place))
            matrix[:, place] = vector
        output_storage[0][0] = matrix

    def infer_shape(self, node: Apply, shapes: Any) -> list[tuple[Any, ...]]:
        """The shape is known when the model is built."""
        return [(pt.constant(self.rows), pt.constant(len(self.names)))]

    def pullback(
        self,
        inputs: Sequence[Variable],
        outputs: Sequence[Variable],
        cotangents: Sequence[Variable],
    ) -> list[Variable]:
        """Cotangents of the inputs, by a `ColumnsOfOp`."""
        if isinstance(cotangents[0].type, DisconnectedType):
            return [disconnected_type() for _ in inputs]
        parted: Any = ColumnsOfOp(self)(cotangents[0], return_list=True)
        return list(parted)


class ColumnsOfOp(Op):
    """Part a matrix: the adjoint of `ColumnsOp`.

    Input: a matrix. Outputs: each of its columns, or its sum (1,) where all rows share the value.
    """

    __props__ = ("together",)

    def __init__(self, together: ColumnsOp) -> None:
        self.together = together

    def __str__(self) -> str:
        return "ColumnsOfOp"

    def make_node(self, *inputs: Any) -> Apply:
        """Apply the operation to its input."""
        (matrix,) = inputs
        matrix = _MATRIX.filter_variable(pt.as_tensor_variable(matrix))
        lengths = self.together.lengths
        return Apply(self, [matrix], [pt.tensor(shape=(n,), dtype="float64") for n in lengths])

    def perform(self, node: Apply, inputs: Sequence[Any], output_storage: Any) -> None:
        """Part, called from Python."""
        shared = self.together.shared
        for column, storage, one in zip(inputs[0].T, output_storage, shared, strict=True):
            storage[0] = np.atleast_1d(column.sum()) if one else column.copy()

    def infer_shape(self, node: Apply, shapes: Any) -> list[tuple[Any, ...]]:
        """The shapes are known when the model is built."""
        return [(pt.constant(length),) for length in self.together.lengths]

    def pullback(
        self,
        inputs: Sequence[Variable],
        outputs: Sequence[Variable],
        cotangents: Sequence[Variable],
    ) -> list[Variable]:
        """Cotangents of the matrix: those of the columns, side by side."""
        given: list[Any] = [
            pt.zeros_like(column) if isinstance(cotangent.type, DisconnectedType) else cotangent
            for column, cotangent in zip(outputs, cotangents, strict=True)
        ]
        matrix: Any = self.together(*given)
        return [matrix]


# Written out as text, since compiled code knows no loop over arguments of several types.


@register_funcify_default_op_cache_key(ColumnsOp)
def _compile_columns(op: ColumnsOp, **kwargs: Any) -> Any:
    names = [f"x{place}" for place in range(len(op.names))]
    lines = [f"def columns({', '.join(names)}):"]
    for name, length, place in zip(names, op.lengths, range(len(names)), strict=True):
        lines.append(f"    if {name}.shape[0] != {length}:")
        lines.append(f"        raise ValueError({op.complaint(place)!r})")
    lines.append(f"    matrix = np.empty(({op.rows}, {len(names)}))")
    lines.append(f"    for row in range({op.rows}):")
    for place, (name, shared) in enumerate(zip(names, op.shared, strict=True)):
        lines.append(f"        matrix[row, {place}] = {name}[{0 if shared else 'row'}]")
    lines.append("    return matrix")
    return numba_njit(compile_function_src("\n".join(lines), "columns", {"np": np}))


@register_funcify_default_op_cache_key(ColumnsOfOp)
def _compile_columns_of(op: ColumnsOfOp, **kwargs: Any) -> Any:
    shares = op.together.shared
    names = [f"x{place}" for place in range(len(shares))]
    lines = ["def columns_of(matrix):", "    rows = matrix.shape[0]"]
    for name, shared in zip(names, shares, strict=True):
        lines.append(f"    {name} = " + ("np.zeros(1)" if shared else "np.empty(rows)"))
    lines.append("    for row in range(rows):")
    for place, (name, shared) in enumerate(zip(names, shares, strict=True)):
        left = f"{name}[0] +=" if shared else f"{name}[row] ="
        lines.append(f"        {left} matrix[row, {place}]")
    lines.append(f"    return {', '.join(names)}")
    return numba_njit(compile_function_src("\n".join(lines), "columns_of", {"np": np}))
