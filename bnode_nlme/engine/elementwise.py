"""PyTensor's scalar operations as instructions of a scalar program."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import pytensor.scalar as ps
import pytensor.scalar.math as psm
from pytensor.tensor.math import MulWithoutZeros

from bnode_nlme.engine.program import Program


class LoweringError(NotImplementedError):
    """A PyTensor operation has no counterpart in native code."""


# Operations that are one instruction.
_NAMES: dict[type, str] = {
    ps.Sub: "sub",
    ps.TrueDiv: "div",
    ps.Neg: "neg",
    ps.Exp: "exp",
    ps.Exp2: "exp2",
    ps.Expm1: "expm1",
    ps.Log: "log",
    ps.Log2: "log2",
    ps.Log10: "log10",
    ps.Log1p: "log1p",
    ps.Sqrt: "sqrt",
    ps.Tanh: "tanh",
    ps.Sin: "sin",
    ps.Cos: "cos",
    ps.Tan: "tan",
    ps.Sinh: "sinh",
    ps.Cosh: "cosh",
    ps.ArcSin: "asin",
    ps.ArcCos: "acos",
    ps.ArcTan: "atan",
    ps.ArcTan2: "atan2",
    ps.ArcSinh: "asinh",
    ps.ArcCosh: "acosh",
    ps.ArcTanh: "atanh",
    ps.Abs: "abs",
    ps.Floor: "floor",
    ps.Ceil: "ceil",
    ps.RoundHalfToEven: "rint",
    ps.RoundHalfAwayFromZero: "round",
    ps.Sign: "sign",
    psm.Erf: "erf",
    psm.Erfc: "erfc",
    psm.Gamma: "tgamma",
    psm.GammaLn: "lgamma",
    psm.Psi: "psi",
    psm.Log1mexp: "log1mexp",
    ps.LT: "lt",
    ps.LE: "le",
    ps.GT: "gt",
    ps.GE: "ge",
    ps.EQ: "eq",
    ps.NEQ: "neq",
    ps.Switch: "switch",
}

# Operations of two or more operands, taken two at a time.
_CHAINED: dict[type, str] = {
    ps.Add: "add",
    ps.Mul: "mul",
    ps.Maximum: "maximum",
    ps.Minimum: "minimum",
    ps.AND: "mul",
    ps.OR: "maximum",
    ps.XOR: "neq",
}

_BITWISE = (ps.AND, ps.OR, ps.XOR, ps.Invert)


def _is_zero(program: Program, x: int) -> int:
    return program.append("eq", (x, program.constant(0.0)))


def _truncated(program: Program, x: int) -> int:
    down, up = program.append("floor", (x,)), program.append("ceil", (x,))
    return program.append("switch", (program.append("lt", (x, program.constant(0.0))), up, down))


def _modulo(program: Program, a: int, b: int) -> int:
    """Python's remainder, which has the sign of the divisor."""
    rest, zero = program.append("fmod", (a, b)), program.constant(0.0)
    signs = [program.append("lt", (x, zero)) for x in (rest, b)]
    differ = program.append("neq", signs)
    wrong = program.append("mul", (differ, program.append("neq", (rest, zero))))
    return program.append("switch", (wrong, program.append("add", (rest, b)), rest))


def _floor_division(program: Program, a: int, b: int) -> int:
    whole = program.append("sub", (a, _modulo(program, a, b)))
    return program.append("rint", (program.append("div", (whole, b)),))


def _clipped(program: Program, x: int, low: int, high: int) -> int:
    above = program.append("switch", (program.append("gt", (x, high)), high, x))
    return program.append("switch", (program.append("lt", (x, low)), low, above))


def _power(program: Program, base: int, exponent: int) -> int:
    known = program.value_of(exponent)
    if known is not None and known in range(1, 9):
        return _whole_power(program, base, int(known))
    return program.append("pow", (base, exponent))


def _whole_power(program: Program, base: int, exponent: int) -> int:
    if exponent == 1:
        return base
    half = _whole_power(program, base, exponent // 2)
    square = program.append("mul", (half, half))
    return program.append("mul", (square, base)) if exponent % 2 else square


# A sigmoid and a softplus, its integral, are built on one exponential, which cannot overflow: where
# both are wanted, as in a layer and its derivative, it is computed once.


def _exp_of_minus_magnitude(program: Program, x: int) -> int:
    return program.append("exp", (program.append("neg", (program.append("abs", (x,)),)),))


def _sigmoid(program: Program, x: int) -> int:
    e, one = _exp_of_minus_magnitude(program, x), program.constant(1.0)
    negative = program.append("lt", (x, program.constant(0.0)))
    upper = program.append("switch", (negative, e, one))
    return program.append("div", (upper, program.append("add", (e, one))))


def _softplus(program: Program, x: int) -> int:
    zero = program.constant(0.0)
    positive = program.append("switch", (program.append("gt", (x, zero)), x, zero))
    logarithm = program.append("log1p_unit", (_exp_of_minus_magnitude(program, x),))
    return program.append("add", (positive, logarithm))


# Operations that take several instructions.
_COMPOSED: dict[type, Callable[..., int]] = {
    ps.Pow: _power,
    ps.Mod: _modulo,
    ps.IntDiv: _floor_division,
    ps.Clip: _clipped,
    psm.Sigmoid: _sigmoid,
    psm.Softplus: _softplus,
    ps.Trunc: _truncated,
    ps.Sqr: lambda program, x: program.append("mul", (x, x)),
    ps.Reciprocal: lambda program, x: program.append("div", (program.constant(1.0), x)),
    ps.Identity: lambda program, x: x,
    ps.Second: lambda program, shape, x: x,
    MulWithoutZeros: lambda program, a, b: program.append(
        "switch",
        (
            _is_zero(program, a),
            b,
            program.append("switch", (_is_zero(program, b), a, program.append("mul", (a, b)))),
        ),
    ),
    ps.Invert: lambda program, x: program.append("eq", (x, program.constant(0.0))),
    ps.IsNan: lambda program, x: program.append("neq", (x, x)),
    ps.IsInf: lambda program, x: program.append(
        "eq", (program.append("abs", (x,)), program.constant(math.inf))
    ),
}


def _cast(program: Program, x: int, given: str, wanted: str) -> int:
    if wanted == "bool" and given != "bool":
        return program.append("neq", (x, program.constant(0.0)))
    if wanted.startswith(("int", "uint")) and given.startswith("float"):
        return _truncated(program, x)
    return x


def scalar_operation(
    program: Program, op: ps.ScalarOp, operands: Sequence[int], kinds: Sequence[str]
) -> int:
    """Append a scalar operation to a program.

    Parameters
    ----------
    program
        What the operation is added to.
    op
        PyTensor's scalar operation.
    operands
        Numbers of the instructions that are its inputs.
    kinds
        PyTensor's dtypes of its inputs and then of its output.

    Returns
    -------
    int
        The number of the instruction that holds its value.

    Raises
    ------
    LoweringError
        When it has no native counterpart.
    """
    kind = type(op)
    if "complex" in "".join(kinds):
        raise LoweringError("The right-hand side computes with complex numbers; write it in reals.")
    if isinstance(op, _BITWISE) and set(kinds) != {"bool"}:
        raise LoweringError(
            f"The right-hand side applies the bitwise operation {kind.__name__} to whole numbers. "
            "Apply it to comparisons, or compute with floats."
        )
    if kind in _CHAINED:
        name = _CHAINED[kind]
        if kind is ps.Add and kinds[-1] == "bool":
            name = "maximum"
        result = operands[0]
        for operand in operands[1:]:
            result = program.append(name, (result, operand))
        return result
    if isinstance(op, ps.Cast):
        return _cast(program, operands[0], kinds[0], kinds[-1])
    if kind in _COMPOSED:
        return _COMPOSED[kind](program, *operands)
    if kind not in _NAMES:
        raise LoweringError(
            f"The right-hand side uses the elementwise operation {kind.__name__}, which has no "
            f"native counterpart. Available: {available_operations()}."
        )
    return program.append(_NAMES[kind], operands)


def available_operations() -> str:
    """The elementwise operations that have a native counterpart, by PyTensor's names."""
    return ", ".join(sorted(kind.__name__ for kind in {*_NAMES, *_CHAINED, *_COMPOSED}))
