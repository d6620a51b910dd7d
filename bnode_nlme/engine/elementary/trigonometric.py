"""Sine, cosine and tangent.

``|x| = n pi / 2 + r`` with n an integer and ``|r| <= pi / 4``. Pi / 2 is held in three doubles, and
with a fused multiply-add the first step, ``|x| - n c``, is exact; r is kept as two numbers (Cody and
Waite 1980, Software Manual for the Elementary Functions; Muller 2016, Elementary Functions, 3rd
ed., doi:10.1007/978-1-4899-7983-4). No double below `FARTHEST` is so near to a
multiple of pi / 2 that bits of r would be lost. Beyond it the C library takes over, element by
element, behind the one branch there is.

On the reduced range ``sin(r) = r + r**3 S(r**2)`` and ``cos(r) = 1 - r**2 / 2 + r**4 C(r**2)``; the
error of ``1 - r**2 / 2`` is put back (Ng's FDLIBM, 1993), so that neither exceeds 1.
"""

from __future__ import annotations

import math

from bnode_nlme.engine.elementary.double_double import difference, product
from bnode_nlme.engine.vector_writer import ROUNDER, VectorWriter

HALF_PI = (
    1.5707963267948966,
    6.123233995736766e-17,
    -1.4973849048591698e-33,
)
"""Three doubles whose sum is pi / 2 to 160 bits."""

SIN_TAIL = (
    -0.16666666666666666,
    0.008333333333333331,
    -0.00019841269841265063,
    2.7557319219337312e-06,
    -2.5052106231802837e-08,
    1.6058531516797758e-10,
    -7.586691094197958e-13,
)
"""``(sin(r) / r - 1) / r**2`` as a function of ``r**2`` for ``|r| <= pi / 4``."""

COS_TAIL = (
    0.041666666666666664,
    -0.0013888888888887398,
    2.480158729876456e-05,
    -2.7557317271145144e-07,
    2.087614614655861e-09,
    -1.1382623647474604e-11,
)
"""``(cos(r) - 1 + r**2 / 2) / r**4`` as a function of ``r**2`` for ``|r| <= pi / 4``."""

FARTHEST = 2.0**40
"""Above it, arguments go to the C library."""


def _reduced(w: VectorWriter, x: str) -> tuple[str, str, str]:
    """An integer whose lowest bits are those of n, and r in two parts, for x >= 0."""
    shifted = w.muladd(x, 2.0 / math.pi, ROUNDER)
    n = w.sub(shifted, ROUNDER)
    first = w.fma(n, -HALF_PI[0], x)
    upper, lower = product(w, n, HALF_PI[1])
    r, error = difference(w, first, upper)
    rest = w.muladd(n, -HALF_PI[2], w.sub(error, lower))
    total = w.add(r, rest)
    return w.bits(shifted), total, w.add(w.sub(r, total), rest)


def sine_and_cosine(w: VectorWriter, r: str, rest: str) -> tuple[str, str]:
    """Sine and cosine of ``r + rest``, where ``|r| <= pi / 4``."""
    z = w.mul(r, r)
    half = w.mul(z, 0.5)
    base = w.sub(1.0, half)
    cubic = w.mul(w.mul(r, z), w.polynomial(z, SIN_TAIL))
    sine = w.add(r, w.muladd(rest, base, cubic))
    quartic = w.muladd(w.mul(z, z), w.polynomial(z, COS_TAIL), w.neg(w.mul(r, rest)))
    return sine, w.add(base, w.add(w.sub(w.sub(1.0, base), half), quartic))


def _with_library(w: VectorWriter, name: str, x: str, magnitude: str, value: str) -> str:
    far = w.compare("ogt", magnitude, FARTHEST)
    return w.rarely(far, value, lambda: w.by_library(name, [x]))


def sin(w: VectorWriter, x: str) -> str:
    """The sine."""
    magnitude = w.absolute(x)
    n, r, rest = _reduced(w, magnitude)
    sine, cosine = sine_and_cosine(w, r, rest)
    sign = w.on_bits("xor", w.on_bits("shl", n, 62), w.bits(x))
    value = w.with_sign_of_bit(w.on_parity(n, cosine, sine), sign)
    return _with_library(w, "sin", x, magnitude, value)


def cos(w: VectorWriter, x: str) -> str:
    """The cosine."""
    magnitude = w.absolute(x)
    n, r, rest = _reduced(w, magnitude)
    sine, cosine = sine_and_cosine(w, r, rest)
    sign = w.on_bits("shl", w.on_bits("add", n, 1), 62)
    value = w.with_sign_of_bit(w.on_parity(n, sine, cosine), sign)
    return _with_library(w, "cos", x, magnitude, value)


def tan(w: VectorWriter, x: str) -> str:
    """The tangent."""
    magnitude = w.absolute(x)
    n, r, rest = _reduced(w, magnitude)
    sine, cosine = sine_and_cosine(w, r, rest)
    value = w.div(w.on_parity(n, cosine, sine), w.on_parity(n, sine, cosine))
    sign = w.on_bits("xor", w.on_bits("shl", n, 63), w.bits(x))
    return _with_library(w, "tan", x, magnitude, w.with_sign_of_bit(value, sign))
