"""Elementary functions against 50 digits, at their edges, and as the emitter calls them."""

import ctypes
import functools
import math
import runpy
from pathlib import Path

import mpmath as mp
import numpy as np
import pytest

from bnode_nlme.engine import elementary
from bnode_nlme.engine.elementary import ELEMENTARY, definition, symbol
from bnode_nlme.engine.llvm import emit
from bnode_nlme.engine.native import compile_ir
from bnode_nlme.engine.program import Program
from bnode_nlme.engine.vector_writer import type_of

WIDTHS = (1, 2, 4, 8)
BOUND = 4.0  # ulp
INF, NAN, TINY, HUGE = math.inf, math.nan, 5e-324, 1.7976931348623157e308

REFERENCE = {
    "exp": mp.exp,
    "exp2": lambda x: mp.power(2, x),
    "expm1": mp.expm1,
    "log": mp.log,
    "log2": lambda x: mp.log(x, 2),
    "log10": mp.log10,
    "log1p": mp.log1p,
    "tanh": mp.tanh,
    "sigmoid": lambda x: 1 / (1 + mp.exp(-x)),
    "softplus": lambda x: mp.log1p(mp.exp(x)),
}

LOOP = """
define void @apply(ptr %x, ptr %y, i64 %n) {{
entry:
  br label %loop
loop:
  %i = phi i64 [0, %entry], [%next, %loop]
  %from = getelementptr {kind}, ptr %x, i64 %i
  %to = getelementptr {kind}, ptr %y, i64 %i
  %given = load {kind}, ptr %from, align 8
  %answer = call {kind} @{symbol}({kind} %given)
  store {kind} %answer, ptr %to, align 8
  %next = add i64 %i, 1
  %more = icmp slt i64 %next, %n
  br i1 %more, label %loop, label %end
end:
  ret void
}}
"""


@functools.cache
def _compiled(name, width):
    body, declarations = definition(name, width)
    loop = LOOP.format(kind=type_of(width), symbol=symbol(name, width))
    source = "\n".join([*sorted(declarations), body, loop])
    address = compile_ir(source, ("apply",)).addresses["apply"]
    return ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)(address)


def evaluate(name, x, width=4):
    """The function at each element of x, `width` at a time."""
    padded = np.concatenate([x, np.ones(-len(x) % width)])
    y = np.empty_like(padded)
    _compiled(name, width)(padded.ctypes.data, y.ctypes.data, len(padded) // width)
    return y[: len(x)]


def arguments(name, n=400):
    """Numbers all over the doubles, and more of them where the function is hard."""
    rng = np.random.default_rng(7)
    sign = rng.choice([-1.0, 1.0], n)
    ties = np.arange(-1100, 1100) * (math.log(2) / 2)  # ends of the reduced range
    near_log_pole = -1 + 10.0 ** rng.uniform(-16, 0, n)
    x = np.concatenate(
        [
            rng.uniform(-800, 800, n),
            rng.uniform(-40, 40, n),
            rng.uniform(-2, 2, n),
            rng.uniform(-746, -700, n),  # denormal exponentials
            rng.uniform(709, 711, n),  # the last finite exponentials
            sign * 10.0 ** rng.uniform(-323, 308, n),
            sign * 10.0 ** rng.uniform(-18, 1, n),
            1 + sign * 10.0 ** rng.uniform(-16, 0, n),
            near_log_pole,
            np.nextafter(ties, np.inf),
            np.nextafter(ties, -np.inf),
            np.exp2(np.arange(-1074.0, 1024.0)),
            np.sqrt(2) * np.exp2(np.arange(-300.0, 300.0)),
        ]
    )
    if name == "log1p":
        return x[x > -1]
    return np.abs(x[x != 0]) if name.startswith("log") else x


def true_value(name, x):
    """The function at a double, to 50 digits; mpmath has no need to work out what overflows."""
    if x > 2000 and name in {"exp", "exp2", "expm1"}:
        return mp.inf
    if x > 2000 and name == "softplus":
        return mp.mpf(x)
    return REFERENCE[name](mp.mpf(x))


def errors(name, x, y):
    """Distances from the true values, in units in the last place of the true value."""
    largest = mp.mpf(HUGE)
    with mp.workdps(50):
        for given, found in zip(x.tolist(), y.tolist(), strict=True):
            true = true_value(name, given)
            if abs(true) > largest:
                yield 0.0 if found == math.copysign(math.inf, float(true)) else math.inf
            elif not math.isfinite(found):
                yield math.inf
            else:
                yield float(abs(mp.mpf(found) - true) / math.ulp(float(true)))


@pytest.mark.parametrize("name", sorted(ELEMENTARY))
def test_within_four_ulp_of_the_true_value(name):
    x = arguments(name)
    found = np.array(list(errors(name, x, evaluate(name, x))))
    worst = int(np.argmax(found))
    assert found[worst] <= BOUND, f"{name}({x[worst]!r}) is {found[worst]} ulp off"


@pytest.mark.parametrize("name", sorted(ELEMENTARY))
def test_every_width_gives_the_same_bits(name):
    x = np.concatenate([arguments(name, 100), [0.0, -0.0, np.inf, -np.inf, np.nan, -1.0, -5e-324]])
    first = evaluate(name, x, 1)
    for width in WIDTHS[1:]:
        np.testing.assert_array_equal(evaluate(name, x, width), first)


EDGES = {
    #          0.0   -0.0   inf  -inf  tiny  -tiny  huge  -huge
    "exp": (1.0, 1.0, INF, 0.0, 1.0, 1.0, INF, 0.0),
    "exp2": (1.0, 1.0, INF, 0.0, 1.0, 1.0, INF, 0.0),
    "expm1": (0.0, -0.0, INF, -1.0, TINY, -TINY, INF, -1.0),
    "log": (-INF, -INF, INF, NAN, math.log(TINY), NAN, math.log(HUGE), NAN),
    "log2": (-INF, -INF, INF, NAN, -1074.0, NAN, 1024.0, NAN),
    "log10": (-INF, -INF, INF, NAN, math.log10(TINY), NAN, math.log10(HUGE), NAN),
    "log1p": (0.0, -0.0, INF, NAN, TINY, -TINY, math.log(HUGE), NAN),
    "tanh": (0.0, -0.0, 1.0, -1.0, TINY, -TINY, 1.0, -1.0),
    "sigmoid": (0.5, 0.5, 1.0, 0.0, 0.5, 0.5, 1.0, 0.0),
    "softplus": (math.log(2), math.log(2), INF, 0.0, math.log(2), math.log(2), HUGE, 0.0),
}


@pytest.mark.parametrize("name", sorted(ELEMENTARY))
def test_edges(name):
    x = np.array([0.0, -0.0, INF, -INF, TINY, -TINY, HUGE, -HUGE, NAN, -NAN])
    found = evaluate(name, x)
    expected = np.array([*EDGES[name], NAN, NAN])
    np.testing.assert_array_max_ulp(found[np.isfinite(expected)], expected[np.isfinite(expected)])
    np.testing.assert_array_equal(np.isfinite(found), np.isfinite(expected))
    np.testing.assert_array_equal(found[np.isinf(expected)], expected[np.isinf(expected)])
    np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
    zeros = expected == 0.0
    np.testing.assert_array_equal(np.signbit(found[zeros]), np.signbit(expected[zeros]))


def test_the_logarithm_has_its_pole_at_minus_one():
    found = evaluate("log1p", np.array([-1.0, np.nextafter(-1.0, 0.0), -1.0000000000000002]))
    assert found[0] == -math.inf
    assert found[1] == pytest.approx(-53 * math.log(2), rel=1e-15)
    assert math.isnan(found[2])


@pytest.mark.parametrize("name", ["exp", "exp2", "expm1", "log", "log1p", "tanh", "sigmoid"])
def test_rises(name):
    # Over many neighbouring numbers an approximation may step back by its error, never by more.
    x = np.sort(arguments(name, 200))
    y = evaluate(name, x)
    y = y[np.isfinite(y)]
    assert np.all(np.diff(y) >= -2 * BOUND * np.spacing(np.abs(y[1:])))


def test_coefficients_are_those_that_the_tool_computes():
    path = Path(__file__).parents[2] / "tools" / "elementary_coefficients.py"
    computed = runpy.run_path(str(path))["coefficients"]()
    for name, values in computed.items():
        # An approximation of another rounding would do as well: the leading digits must agree.
        np.testing.assert_allclose(getattr(elementary, name), values, rtol=1e-12)


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


def test_other_functions_are_those_of_the_c_library():
    program = Program((("state", 2),))
    x, y = program.input("state", 0), program.input("state", 1)
    names = ["sin", "cos", "erf", "lgamma", "sinh", "atan"]
    program.outputs.extend(program.append(name, (program.append("tanh", (x,)),)) for name in names)
    program.outputs.append(program.append("pow", (x, y)))
    found, body = _run(program, [0.7, 1.9], len(names) + 1)
    t = math.tanh(0.7)
    expected = [getattr(math, name)(t) for name in names] + [0.7**1.9]
    np.testing.assert_allclose(found, expected, rtol=1e-14)
    assert "call double @sin(" in body


def test_a_kernel_may_use_the_intrinsics_that_elementary_functions_use():
    # Declared twice, in different words, they would not parse.
    program = Program((("state", 1),))
    x = program.input("state", 0)
    names = ["tanh", "abs", "sqrt", "floor", "ceil"]
    program.outputs.extend(program.append(name, (x,)) for name in names)
    found, _ = _run(program, [2.25], len(names))
    np.testing.assert_allclose(found, [math.tanh(2.25), 2.25, 1.5, 2.0, 3.0], rtol=1e-15)
