"""Elementary functions as the emitter of kernels calls them."""

import ctypes
import functools
import math
from typing import Any

import numpy as np
import pytest

from bnode_nlme.engine.elementary import ELEMENTARY
from bnode_nlme.engine.llvm import emit
from bnode_nlme.engine.native import compile_ir
from bnode_nlme.engine.program import Program


def _run(program, inputs, outputs):
    body, needed = emit("kernel", program, labels={})
    source = "\n\n".join([*sorted(needed), body])
    address = compile_ir(source, ("kernel",)).addresses["kernel"]
    call = ctypes.CFUNCTYPE(None, ctypes.c_double, *[ctypes.c_void_p] * 6)(address)
    inputs, found = np.asarray(inputs, float), np.empty(outputs)
    call(0.0, inputs.ctypes.data, *[None] * 4, found.ctypes.data)
    return found, body


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 7, 8, 9, 17])
def test_independent_calls_become_vector_calls(count):
    program = Program((("state", count),))
    inner = [program.append("tanh", (program.input("state", i),)) for i in range(count)]
    # The second layer depends on the first; its calls form their own group.
    total = functools.reduce(lambda a, b: program.append("add", (a, b)), inner)
    outer = [program.append("tanh", (program.append("mul", (total, i)),)) for i in inner]
    program.outputs.extend([*outer, program.append("exp", (inner[0],))])
    x = np.linspace(-1.3, 0.9, count)
    found, body = _run(program, x, count + 1)
    expected = np.tanh(np.tanh(x).sum() * np.tanh(x))
    np.testing.assert_allclose(found[:-1], expected, rtol=4e-15, atol=1e-300)
    np.testing.assert_allclose(found[-1], np.exp(np.tanh(x[0])), rtol=1e-15)
    assert body.count("@elementary.tanh.") <= 2 * math.ceil(count / 4)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 7, 8])
@pytest.mark.parametrize("name", ["sin", "pow", "lgamma"])
def test_functions_with_a_branch_or_two_arguments(name, count):
    # Places of a vector that no call fills must not decide a branch, nor hold a rare argument.
    program = Program((("state", count),))
    x = [program.input("state", i) for i in range(count)]
    given = [(a, b) if name == "pow" else (a,) for a, b in zip(x, x[::-1], strict=True)]
    program.outputs.extend(program.append(name, operands) for operands in given)
    values = np.linspace(0.4, 5.0, count)
    found, body = _run(program, values, count)
    expected: dict[str, Any] = {
        "sin": np.sin(values),
        "pow": values ** values[::-1],
        "lgamma": [math.lgamma(value) for value in values],
    }
    np.testing.assert_allclose(found, expected[name], rtol=2e-15, atol=2e-15)
    assert body.count("call") == math.ceil(count / 4)


def test_other_functions_are_those_of_the_c_library():
    program = Program((("state", 2),))
    x, y = program.input("state", 0), program.input("state", 1)
    names = ["tgamma", "rint"]
    assert not ELEMENTARY.intersection(names)
    program.outputs.extend(program.append(name, (program.append("tanh", (x,)),)) for name in names)
    program.outputs.append(program.append("atan2", (x, y)))
    program.outputs.append(program.append("fmod", (y, x)))
    found, body = _run(program, [0.7, 1.9], 4)
    t = math.tanh(0.7)
    expected = [math.gamma(t), 1.0, math.atan2(0.7, 1.9), math.fmod(1.9, 0.7)]
    np.testing.assert_allclose(found, expected, rtol=1e-14)
    assert "call double @tgamma(" in body


def test_a_kernel_may_use_the_intrinsics_that_elementary_functions_use():
    # Declared twice, in different words, they would not parse.
    program = Program((("state", 1),))
    x = program.input("state", 0)
    names = ["tanh", "abs", "sqrt", "floor", "ceil"]
    program.outputs.extend(program.append(name, (x,)) for name in names)
    found, _ = _run(program, [2.25], len(names))
    np.testing.assert_allclose(found, [math.tanh(2.25), 2.25, 1.5, 2.0, 3.0], rtol=1e-15)
