"""Hyperbolic functions, by one exponential each, and their inverses, by one logarithm each."""

from __future__ import annotations

import math

from bnode_nlme.engine.elementary.exponentials import (
    LOG_2,
    LOG_2_REST,
    NEGLIGIBLE,
    expm1_reduced,
    power_of_two,
    reduced,
)
from bnode_nlme.engine.elementary.logarithms import log_of_sum
from bnode_nlme.engine.vector_writer import ROUNDER, VectorWriter

TANH_TAIL = (
    1.0000000000000002,
    0.6666666666666667,
    0.33333333333299303,
    0.13333333333328098,
    0.044444444535083893,
    0.012698412712354315,
    0.00317459472588216,
    0.0007054660725759248,
    0.0001414148528404979,
    2.5702794747402568e-05,
)
"""``(expm1(2 r) / 2 - r) / r**2`` for ``|r| <= log(2) / 4``, the constant term first."""

_BIASED = ROUNDER + 1023.0
_LARGE = 2.0**28
# Beyond it the results are infinite, and 2**-2 times the exponential is still finite.
_LAST = 710.5


def tanh(w: VectorWriter, x: str) -> str:
    """``e / (e + 1)`` with ``e = expm1(2 |x|) / 2``; from 20 on it is 1 to the last bit.

    The most frequent function of a network is spared every instruction: the argument is reduced
    without being doubled, and the rounder holds the exponent's bias.
    """
    magnitude = w.at_most(w.absolute(x), 20.0)
    rounded = w.muladd(magnitude, 2.0 / math.log(2.0), _BIASED)
    n = w.sub(rounded, _BIASED)
    scale = w.from_bits(w.on_bits("shl", w.bits(rounded), 52))
    r = w.muladd(n, -LOG_2_REST / 2.0, w.muladd(n, -LOG_2 / 2.0, magnitude))
    half = w.muladd(w.mul(r, r), w.polynomial(r, TANH_TAIL), r)
    e = w.muladd(scale, half, w.muladd(scale, 0.5, -0.5))
    return w.copysign(w.div(e, w.add(e, 1.0)), x)


def sinh(w: VectorWriter, x: str) -> str:
    """``(e + e / (e + 1)) / 2`` with ``e = expm1(|x|)``, of which a quarter cannot overflow."""
    magnitude = w.absolute(x)
    n, r = reduced(w, w.at_most(magnitude, _LAST))
    scale = power_of_two(w, n, shift=-2)
    quarter = w.muladd(scale, expm1_reduced(w, r), w.sub(scale, 0.25))
    half = w.add(quarter, w.div(quarter, w.muladd(quarter, 4.0, 1.0)))
    tiny = w.compare("olt", magnitude, NEGLIGIBLE)
    return w.copysign(w.select(tiny, magnitude, w.add(half, half)), x)


def cosh(w: VectorWriter, x: str) -> str:
    """``(e + 1 / e) / 2`` with ``e = exp(|x|)``, of which a quarter cannot overflow."""
    n, r = reduced(w, w.at_most(w.absolute(x), _LAST))
    scale = power_of_two(w, n, shift=-2)
    quarter = w.muladd(scale, expm1_reduced(w, r), scale)
    half = w.add(quarter, w.div(1.0, w.mul(quarter, 16.0)))
    return w.add(half, half)


def asinh(w: VectorWriter, x: str) -> str:
    """``log(a + sqrt(1 + a**2))`` with ``a = |x|``; ``log(2 a)`` where it is large."""
    a = w.absolute(x)
    large = w.compare("ogt", a, _LARGE)
    b = w.select(large, 1.0, a)
    square = w.mul(b, b)
    root = w.sqrt(w.add(square, 1.0))
    above = w.add(b, w.div(square, w.add(root, 1.0)))
    value = log_of_sum(w, w.select(large, a, above), large)
    tiny = w.compare("olt", a, NEGLIGIBLE)
    finite = w.compare("olt", a, math.inf)
    return w.copysign(w.select(finite, w.select(tiny, a, value), a), x)


def acosh(w: VectorWriter, x: str) -> str:
    """``log(x + sqrt(x**2 - 1))``; ``log(2 x)`` where it is large, NaN below 1."""
    large = w.compare("ogt", x, _LARGE)
    t = w.sub(w.select(large, 1.0, x), 1.0)
    above = w.add(t, w.sqrt(w.muladd(t, t, w.add(t, t))))
    value = log_of_sum(w, w.select(large, x, above), large)
    value = w.select(w.compare("olt", x, 1.0), math.nan, value)
    return w.select(w.compare("olt", x, math.inf), value, x)


def atanh(w: VectorWriter, x: str) -> str:
    """``log1p(2 a / (1 - a)) / 2`` with ``a = |x|``; NaN beyond -1 and 1."""
    a = w.absolute(x)
    ratio = w.div(w.add(a, a), w.sub(1.0, a))
    value = w.mul(log_of_sum(w, ratio), 0.5)
    value = w.select(w.compare("olt", a, NEGLIGIBLE), a, value)
    value = w.select(w.compare("olt", a, 1.0), value, math.nan)
    value = w.select(w.compare("oeq", a, 1.0), math.inf, value)
    return w.copysign(value, x)
