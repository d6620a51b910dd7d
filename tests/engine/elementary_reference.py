"""The elementary functions compiled, and the same functions to 60 digits."""

from __future__ import annotations

import ctypes
import functools
import math
from collections.abc import Callable, Iterator
from typing import Any

import mpmath as mp
import numpy as np
import pytensor.scalar.math as psm
from numpy.typing import NDArray

from bnode_nlme.engine.elementary import ELEMENTARY, arity, definition, symbol
from bnode_nlme.engine.elementwise import scalar_operation
from bnode_nlme.engine.llvm import constant, declarations, expression
from bnode_nlme.engine.native import compile_ir
from bnode_nlme.engine.program import Program
from bnode_nlme.engine.vector_writer import type_of

type Array = NDArray[np.float64]

LARGEST = 1.7976931348623157e308

REFERENCE: dict[str, Callable[..., Any]] = {
    "exp": mp.exp,
    "exp2": lambda x: mp.power(2, x),
    "expm1": mp.expm1,
    "log": mp.log,
    "log2": lambda x: mp.log(x, 2),
    "log10": mp.log10,
    "log1p": mp.log1p,
    "log1mexp": lambda x: mp.log(-mp.expm1(x)) if x > -1 else mp.log1p(-mp.exp(x)),
    "log1p_unit": mp.log1p,
    "sigmoid": lambda x: 1 / (1 + mp.exp(-x)),
    "softplus": lambda x: mp.log1p(mp.exp(x)),
    "tanh": mp.tanh,
    "sinh": mp.sinh,
    "cosh": mp.cosh,
    "asinh": mp.asinh,
    "acosh": mp.acosh,
    "atanh": mp.atanh,
    "sin": mp.sin,
    "cos": mp.cos,
    "tan": mp.tan,
    "asin": mp.asin,
    "acos": mp.acos,
    "atan": mp.atan,
    "pow": mp.power,
    "erf": mp.erf,
    "erfc": mp.erfc,
    "lgamma": lambda x: mp.loggamma(x) if x > 100 else mp.log(abs(mp.gamma(x))),
    "psi": lambda x: mp.psi(0, x),
}

# What overflows or underflows beyond 2000, mpmath need not work out, and for some cannot.
_LIMITS: dict[str, tuple[float, float]] = {
    "exp": (0.0, math.inf),
    "exp2": (0.0, math.inf),
    "expm1": (-1.0, math.inf),
    "sinh": (-math.inf, math.inf),
    "cosh": (math.inf, math.inf),
    "erfc": (2.0, 0.0),
}

_LOOP = """
define void @apply(ptr %x, ptr %y, ptr %out, i64 %n) {{
entry:
  br label %loop
loop:
  %i = phi i64 [0, %entry], [%next, %loop]
  %x.at = getelementptr {kind}, ptr %x, i64 %i
  %y.at = getelementptr {kind}, ptr %y, i64 %i
  %to = getelementptr {kind}, ptr %out, i64 %i
  %x.given = load {kind}, ptr %x.at, align 8
  %y.given = load {kind}, ptr %y.at, align 8
  %answer = call {kind} @{symbol}({arguments})
  store {kind} %answer, ptr %to, align 8
  %next = add i64 %i, 1
  %more = icmp slt i64 %next, %n
  br i1 %more, label %loop, label %end
end:
  ret void
}}
"""


COMPOSED: dict[str, Any] = {"sigmoid": psm.sigmoid, "softplus": psm.softplus}
"""Functions that a program builds of several instructions."""


def arguments_of(name: str) -> int:
    """How many arguments a function has."""
    return 1 if name in COMPOSED else arity(name)


def _composed(name: str, width: int) -> tuple[list[str], set[str]]:
    """Definitions and declarations of one of `COMPOSED`."""
    program = Program((("x", 1),))
    given = program.input("x", 0)
    answer = scalar_operation(program, COMPOSED[name], [given], ["float64", "float64"])
    registers: list[str] = []
    lines: list[str] = []
    called: set[str] = set()
    for number, (operation, operands, payload) in enumerate(program.instructions):
        register, given_to = f"%v{number}", [registers[operand] for operand in operands]
        if operation == "input":
            register = "%x"
        elif operation == "const":
            assert isinstance(payload, float)
            register = constant(payload, width)
        elif operation in ELEMENTARY:
            called.add(operation)
            kinds = ", ".join(f"{type_of(width)} {operand}" for operand in given_to)
            call = f"call {type_of(width)} @{symbol(operation, width)}({kinds})"
            lines.append(f"{register} = {call}")
        else:
            lines += expression(operation, given_to, register, width)
        registers.append(register)
    kind = type_of(width)
    head = f"define private {kind} @{symbol(name, width)}({kind} %x) {{"
    body = "\n".join([head, *lines, f"ret {kind} {registers[answer]}", "}"])
    parts = [definition(function, width) for function in sorted(called)]
    needed = declarations(body).union(*(part[1] for part in parts))
    return [*(part[0] for part in parts), body], needed


@functools.cache
def _compiled(name: str, width: int) -> Callable[..., None]:
    if name in COMPOSED:
        bodies, needed = _composed(name, width)
    else:
        body, frozen = definition(name, width)
        bodies, needed = [body], set(frozen)
    kind = type_of(width)
    arguments = ", ".join(
        f"{kind} {given}" for given in ("%x.given", "%y.given")[: arguments_of(name)]
    )
    loop = _LOOP.format(kind=kind, symbol=symbol(name, width), arguments=arguments)
    source = "\n".join([*sorted(needed), *bodies, loop])
    address = compile_ir(source, ("apply",)).addresses["apply"]
    return ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 3, ctypes.c_int64)(address)


def evaluate(name: str, *arguments: Any, width: int = 4) -> Array:
    """The function at each element of its one or two arguments, `width` at a time."""
    n = len(arguments[0])
    filled = np.ones((3, n + -n % width))
    for row, argument in zip(filled, arguments, strict=False):
        row[:n] = argument
    _compiled(name, width)(*(row.ctypes.data for row in filled), filled.shape[1] // width)
    return filled[2, :n]


def true_value(name: str, *arguments: float) -> Any:
    """The function at doubles; 60 digits in use, so that 50 are good."""
    x = arguments[0]
    if abs(x) > 2000 and name in _LIMITS:
        return mp.mpf(_LIMITS[name][x > 0])
    if abs(x) > 2000 and name == "softplus":
        return mp.mpf(max(x, 0.0))
    return mp.re(REFERENCE[name](*map(mp.mpf, arguments)))


def errors(name: str, found: Array, *arguments: Array, least: float = 0.0) -> Iterator[float]:
    """Distances from the true values, in units in the last place of the true value.

    ``least`` is the smallest number whose unit is used: next to a zero, that of 1.
    """
    for given in zip(found.tolist(), *(a.tolist() for a in arguments), strict=True):
        with mp.workdps(60):
            true = true_value(name, *given[1:])
            if abs(true) > mp.mpf(LARGEST):
                right = given[0] == math.copysign(math.inf, float(mp.sign(true)))
                yield 0.0 if right else math.inf
            elif not math.isfinite(given[0]):
                yield math.inf
            else:
                unit = math.ulp(max(abs(float(true)), least))
                yield float(abs(mp.mpf(given[0]) - true) / unit)
