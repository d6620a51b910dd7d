"""The functions by name, and their definitions for a module."""

from __future__ import annotations

import functools
from collections.abc import Callable

from bnode_nlme.engine.elementary import (
    error_function,
    exponentials,
    gamma_function,
    hyperbolic,
    inverse_trigonometric,
    logarithms,
    power,
    trigonometric,
)
from bnode_nlme.engine.vector_writer import VectorWriter

_FUNCTIONS: dict[str, Callable[..., str]] = {
    "exp": exponentials.exp,
    "exp2": exponentials.exp2,
    "expm1": exponentials.expm1,
    "log": logarithms.log,
    "log2": logarithms.log2,
    "log10": logarithms.log10,
    "log1p": logarithms.log1p,
    "log1mexp": logarithms.log1mexp,
    "log1p_unit": logarithms.log1p_unit,
    "tanh": hyperbolic.tanh,
    "sinh": hyperbolic.sinh,
    "cosh": hyperbolic.cosh,
    "asinh": hyperbolic.asinh,
    "acosh": hyperbolic.acosh,
    "atanh": hyperbolic.atanh,
    "sin": trigonometric.sin,
    "cos": trigonometric.cos,
    "tan": trigonometric.tan,
    "asin": inverse_trigonometric.asin,
    "acos": inverse_trigonometric.acos,
    "atan": inverse_trigonometric.atan,
    "pow": power.power,
    "erf": error_function.erf,
    "erfc": error_function.erfc,
    "lgamma": gamma_function.lgamma,
    "psi": gamma_function.digamma,
}

ELEMENTARY = frozenset(_FUNCTIONS)
"""Names of the functions that are available here; any other is libm's."""

# Long, or with a branch: copies of them would slow a kernel's compilation, and blocks within it
# would keep its arithmetic from being vectorised.
_CALLED = frozenset({"sin", "cos", "tan", "pow", "erf", "erfc", "lgamma", "psi"})
# One at a time the C library, with its tables, is twice as fast, and as exact.
_LIBRARY_ALONE = frozenset({"pow"})


def arity(name: str) -> int:
    """Number of arguments of one of `ELEMENTARY`."""
    return 2 if name == "pow" else 1


def symbol(name: str, width: int) -> str:
    """Symbol of a function over vectors of a width."""
    return f"elementary.{name}.{width}"


@functools.cache
def definition(name: str, width: int) -> tuple[str, frozenset[str]]:
    """LLVM IR of one function.

    Parameters
    ----------
    name
        One of `ELEMENTARY`.
    width
        Number of doubles side by side; 1 for the scalar.

    Returns
    -------
    body : str
        A private definition of ``@elementary.<name>.<width>``, from as many vectors as its `arity`
        to a vector. A short one is to be inlined where it is called, a long one never is.
    declarations : frozenset of str
        The declarations of the intrinsics and functions of the C library that it uses.
    """
    w = VectorWriter(width)
    registers = ("%x", "%y")[: arity(name)]
    alone = width == 1 and name in _LIBRARY_ALONE
    result = w.by_library(name, registers) if alone else _FUNCTIONS[name](w, *registers)
    arguments = ", ".join(f"{w.doubles} {register}" for register in registers)
    head = f"define private {w.doubles} @{symbol(name, width)}({arguments})"
    head += " noinline" if name in _CALLED and not alone else " alwaysinline"
    lines = [f"  {line}" for line in [*w.lines, f"ret {w.doubles} {result}"]]
    head += " nounwind willreturn memory(none) {"
    return "\n".join([head, "entry:", *lines, "}"]), frozenset(w.declarations)
