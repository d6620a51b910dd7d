"""A writer of LLVM IR over vectors of doubles of one width: the alphabet of `elementary`."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence

ROUNDER = 1.5 * 2.0**52
"""Adding and then subtracting it rounds to an integer, which its lowest bits hold in between."""


def bits_of(value: float) -> int:
    """The 64 bits of a double, as an unsigned integer."""
    return int(struct.unpack("<Q", struct.pack("<d", value))[0])


def double(value: float) -> str:
    """A scalar double literal, exact to the last bit."""
    return f"0x{bits_of(value):016X}"


def type_of(width: int) -> str:
    """The LLVM type of `width` doubles side by side; width 1 is the scalar."""
    return "double" if width == 1 else f"<{width} x double>"


def library_declaration(name: str, arity: int) -> str:
    """Declaration of a function of the C library, free of side effects."""
    # A module may hold it once only: all who declare it must use the same words.
    arguments = ", ".join(["double"] * arity)
    return f"declare double @{name}({arguments}) nounwind willreturn memory(none)"


class VectorWriter:
    """Writes one function of vector arguments, an instruction a line.

    Every method that names an operation returns the register of its result. Operands are registers
    of arguments. A Python float stands for its constant.

    Parameters
    ----------
    width
        Number of doubles side by side.
    """

    def __init__(self, width: int) -> None:
        self.width = width
        self.lines: list[str] = []
        self.declarations: set[str] = set()
        self._registers = 0
        self._forks = 0
        self._block = "entry"
        self.doubles = type_of(width)
        self.integers = self.doubles.replace("double", "i64")
        self.tests = self.doubles.replace("double", "i1")

    def _line(self, text: str) -> str:
        register = f"%{self._registers}"
        self._registers += 1
        self.lines.append(f"{register} = {text}")
        return register

    def _splat(self, scalar: str, kind: str) -> str:
        return scalar if self.width == 1 else f"splat ({kind} {scalar})"

    def _operand(self, value: str | float) -> str:
        return value if isinstance(value, str) else self._splat(double(value), "double")

    def _binary(self, name: str, a: str | float, b: str | float) -> str:
        # No fast-math flag: what a function gives must not depend on where it is inlined.
        return self._line(f"{name} {self.doubles} {self._operand(a)}, {self._operand(b)}")

    def _intrinsic(self, name: str, *operands: str | float) -> str:
        suffix = "f64" if self.width == 1 else f"v{self.width}f64"
        symbol = f"@llvm.{name}.{suffix}"
        types = ", ".join([self.doubles] * len(operands))
        self.declarations.add(f"declare {self.doubles} {symbol}({types})")
        given = ", ".join(f"{self.doubles} {self._operand(operand)}" for operand in operands)
        return self._line(f"call {self.doubles} {symbol}({given})")

    def add(self, a: str | float, b: str | float) -> str:
        """``a + b``."""
        return self._binary("fadd", a, b)

    def sub(self, a: str | float, b: str | float) -> str:
        """``a - b``."""
        return self._binary("fsub", a, b)

    def mul(self, a: str | float, b: str | float) -> str:
        """``a * b``."""
        return self._binary("fmul", a, b)

    def div(self, a: str | float, b: str | float) -> str:
        """``a / b``."""
        return self._binary("fdiv", a, b)

    def neg(self, a: str) -> str:
        """``-a``."""
        return self._line(f"fneg {self.doubles} {a}")

    def muladd(self, a: str | float, b: str | float, c: str | float) -> str:
        """``a * b + c``, in one rounding where the machine has such an instruction."""
        return self._intrinsic("fmuladd", a, b, c)

    def fma(self, a: str | float, b: str | float, c: str | float) -> str:
        """``a * b + c`` in one rounding on every machine, if slowly where it has no such one."""
        return self._intrinsic("fma", a, b, c)

    def sqrt(self, a: str) -> str:
        """The square root."""
        return self._intrinsic("sqrt", a)

    def floor(self, a: str) -> str:
        """The largest whole number that is no larger."""
        return self._intrinsic("floor", a)

    def nearest(self, a: str) -> str:
        """The nearest whole number, the even one of two."""
        return self._intrinsic("rint", a)

    def absolute(self, a: str) -> str:
        """``|a|``."""
        return self._intrinsic("fabs", a)

    def copysign(self, magnitude: str, sign: str) -> str:
        """`magnitude` with the sign bit of `sign`."""
        return self._intrinsic("copysign", magnitude, sign)

    def compare(self, order: str, a: str, b: str | float) -> str:
        """A comparison by LLVM's name: ``olt``, ``ogt``, ``oeq``, ``uno``, ..."""
        return self._line(f"fcmp {order} {self.doubles} {a}, {self._operand(b)}")

    def both(self, test: str, other: str) -> str:
        """Where two tests hold."""
        return self._line(f"and {self.tests} {test}, {other}")

    def either(self, test: str, other: str) -> str:
        """Where one of two tests holds."""
        return self._line(f"or {self.tests} {test}, {other}")

    def select(self, test: str, a: str | float, b: str | float) -> str:
        """``a`` where the test holds, else ``b``."""
        return self._line(
            f"select {self.tests} {test}, {self.doubles} {self._operand(a)}, "
            f"{self.doubles} {self._operand(b)}"
        )

    def at_least(self, a: str, bound: float) -> str:
        """`a` or the bound, whichever is larger; NaN stays NaN."""
        return self.select(self.compare("olt", a, bound), bound, a)

    def at_most(self, a: str, bound: float) -> str:
        """`a` or the bound, whichever is smaller; NaN stays NaN."""
        return self.select(self.compare("ogt", a, bound), bound, a)

    def bits(self, a: str) -> str:
        """The bits of doubles as integers."""
        return self._line(f"bitcast {self.doubles} {a} to {self.integers}")

    def from_bits(self, a: str) -> str:
        """Doubles of the given bits."""
        return self._line(f"bitcast {self.integers} {a} to {self.doubles}")

    def on_bits(self, operation: str, a: str, b: str | int) -> str:
        """An integer operation by LLVM's name: ``add``, ``sub``, ``and``, ``or``, ``shl``, ..."""
        operand = b if isinstance(b, str) else self._splat(str(b), "i64")
        return self._line(f"{operation} {self.integers} {a}, {operand}")

    def on_parity(self, a: str, odd: str | float, even: str | float) -> str:
        """``odd`` where the integer `a` is odd, else ``even``."""
        test = f"icmp slt {self.integers} {self.on_bits('shl', a, 63)}, {self._splat('0', 'i64')}"
        return self.select(self._line(test), odd, even)

    def with_sign_of_bit(self, a: str, integer: str) -> str:
        """`a`, negated where the highest bit of an integer is set."""
        sign = self.on_bits("and", integer, -(2**63))
        return self.from_bits(self.on_bits("xor", self.bits(a), sign))

    def rarely(self, test: str, value: str, other: Callable[[], str]) -> str:
        """`value`, but where a test holds, which is seldom, what `other` writes.

        `other` is computed only if the test holds for an element: the one branch there is.
        """
        self._forks += 1
        rare, usual = f"rare.{self._forks}", f"usual.{self._forks}"
        # An element that holds nothing must not decide a branch.
        frozen = self._line(f"freeze {self.tests} {test}")
        some = frozen
        if self.width > 1:
            reduction = f"@llvm.vector.reduce.or.v{self.width}i1"
            self.declarations.add(f"declare i1 {reduction}({self.tests})")
            some = self._line(f"call i1 {reduction}({self.tests} {frozen})")
        self.declarations.add("declare i1 @llvm.expect.i1(i1, i1)")
        some = self._line(f"call i1 @llvm.expect.i1(i1 {some}, i1 false)")
        before, self._block = self._block, rare
        self.lines += [f"br i1 {some}, label %{rare}, label %{usual}", f"{rare}:"]
        replaced = self.select(frozen, other(), value)
        after, self._block = self._block, usual
        self.lines += [f"br label %{usual}", f"{usual}:"]
        return self._line(f"phi {self.doubles} [{value}, %{before}], [{replaced}, %{after}]")

    def by_library(self, name: str, arguments: Sequence[str]) -> str:
        """A function of the C library, element after element."""
        self.declarations.add(library_declaration(name, len(arguments)))
        if self.width == 1:
            given = ", ".join(f"double {argument}" for argument in arguments)
            return self._line(f"call double @{name}({given})")
        result = "poison"
        for lane in range(self.width):
            parts = [
                self._line(f"extractelement {self.doubles} {argument}, i64 {lane}")
                for argument in arguments
            ]
            given = ", ".join(f"double {part}" for part in parts)
            value = self._line(f"call double @{name}({given})")
            result = self._line(
                f"insertelement {self.doubles} {result}, double {value}, i64 {lane}"
            )
        return result

    def polynomial(self, x: str, coefficients: tuple[float, ...]) -> str:
        """A polynomial, constant term first.

        By Estrin's scheme, whose pairs of terms the machine computes at once (Estrin 1960,
        doi:10.1145/1460361.1460365): a vector of one kernel has too few companions to hide the
        latency of Horner's chain. Where vectors are wide there are always two of them at least,
        and two chains, of even and odd powers, take fewer instructions.
        """
        if self.width > 4 and len(coefficients) > 3:
            square = self.mul(x, x)
            even, odd = (self._chain(square, coefficients[first::2]) for first in (0, 1))
            return self.muladd(odd, x, even)
        terms: list[str | float] = list(coefficients)
        power = x
        while len(terms) > 1:
            paired: list[str | float] = [
                self.muladd(terms[i + 1], power, terms[i]) for i in range(0, len(terms) - 1, 2)
            ]
            terms = paired + terms[len(paired) * 2 :]
            if len(terms) > 1:
                power = self.mul(power, power)
        return self._operand(terms[0])

    def _chain(self, x: str, coefficients: tuple[float, ...]) -> str:
        total: str | float = coefficients[-1]
        for coefficient in reversed(coefficients[:-1]):
            total = self.muladd(total, x, coefficient)
        return self._operand(total)
