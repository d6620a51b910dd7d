"""PyTensor expressions run through the engine's lowering and native code, for comparison."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pytensor.compile.maker import function
from pytensor.compile.mode import Mode
from pytensor.graph.basic import Variable

from bnode_nlme.engine.llvm import emit
from bnode_nlme.engine.lowering import lower
from bnode_nlme.engine.native import compile_ir
from bnode_nlme.engine.program import Program

type Array = NDArray[np.float64]

_KERNEL = ctypes.CFUNCTYPE(None, ctypes.c_double, *[ctypes.c_void_p] * 6)
_PYTHON = Mode(linker="py", optimizer="None")


def program_of(state: Variable, outputs: Sequence[Variable]) -> Program:
    """The scalar program of outputs that depend on one vector."""
    return lower([("state", state)], outputs)


def natively(state: Variable, outputs: Sequence[Variable], values: Array) -> Array:
    """The outputs, raveled one after the other, for each row of `values` (N, len(state))."""
    program = program_of(state, outputs)
    body, needed = emit("tested", program, labels={})
    source = "\n\n".join([*sorted(needed), body])
    kernel = _KERNEL(compile_ir(source, ("tested",)).addresses["tested"])
    values = np.ascontiguousarray(values, dtype=np.float64)
    results = np.empty((len(values), len(program.outputs)))
    for row, result in zip(values, results, strict=True):
        kernel(0.0, row.ctypes.data, None, None, None, None, result.ctypes.data)
    return results


def by_pytensor(state: Variable, outputs: Sequence[Variable], values: Array) -> Array:
    """The same by PyTensor's own evaluation, without any rewriting."""
    evaluate: Any = function([state], list(outputs), mode=_PYTHON, on_unused_input="ignore")
    with np.errstate(all="ignore"):
        return np.array(
            [np.concatenate([np.ravel(part) for part in evaluate(row)]) for row in values],
            dtype=np.float64,
        )
