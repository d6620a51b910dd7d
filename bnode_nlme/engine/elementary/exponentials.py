"""Exponentials, and the range reduction that the functions built on them share.

``x = n log 2 + r`` with n an integer and ``|r| <= log(2) / 2``; log 2 is split in two doubles so
that ``n`` times the first is exact (Cody and Waite 1980, Software Manual for the Elementary
Functions). ``expm1(r) = r + r**2 q(r)`` with q a polynomial of degree 9.
"""

from __future__ import annotations

import math

from bnode_nlme.engine.vector_writer import ROUNDER, VectorWriter

EXP_TAIL = (
    0.5000000000000001,
    0.16666666666666669,
    0.04166666666662413,
    0.008333333333330062,
    0.0013888888917213717,
    0.00019841269863053618,
    2.4801521295954376e-05,
    2.7557268459997064e-06,
    2.7620088445409746e-07,
    2.510038549551032e-08,
)
"""``(exp(r) - 1 - r) / r**2`` for ``|r| <= log(2) / 2``, the constant term first."""

# The upper part ends in twenty zero bits: an exponent times it is exact. The lower is the rest.
LOG_2, LOG_2_REST = 0.6931471804855391, 7.440617110012397e-11
BIAS = 1023 << 52
"""The bits of 1.0: the exponent that stands for ``2**0``."""
NEGLIGIBLE = 2.0**-54
"""Below it, expm1(x), log1p(x) and their like are x to the last bit."""


def reduced(w: VectorWriter, x: str) -> tuple[str, str]:
    """``n`` and ``r`` with ``x = n log 2 + r``."""
    n = w.sub(w.muladd(x, 1.0 / math.log(2.0), ROUNDER), ROUNDER)
    r = w.muladd(n, -LOG_2, x)
    return n, w.muladd(n, -LOG_2_REST, r)


def expm1_reduced(w: VectorWriter, r: str) -> str:
    """``exp(r) - 1`` for ``|r| <= log(2) / 2``."""
    return w.muladd(w.mul(r, r), w.polynomial(r, EXP_TAIL), r)


def power_of_two(w: VectorWriter, n: str, shift: int = 0) -> str:
    """``2**(n + shift)`` for an integer n held in a double, the result normal."""
    exponent = w.on_bits("shl", w.bits(w.add(n, ROUNDER)), 52)
    return w.from_bits(w.on_bits("add", exponent, BIAS + (shift << 52)))


def scaled_exp(w: VectorWriter, n: str, r: str) -> str:
    """``2**n exp(r)``, in two steps so that a denormal or infinite result is rounded once."""
    half = w.sub(w.muladd(n, 0.5, ROUNDER), ROUNDER)
    value = w.add(expm1_reduced(w, r), 1.0)
    return w.mul(w.mul(value, power_of_two(w, half)), power_of_two(w, w.sub(n, half)))


def exp_of_negative(w: VectorWriter, x: str) -> str:
    """``exp(x)`` for x <= 0."""
    return scaled_exp(w, *reduced(w, w.at_least(x, -746.0)))


def exp(w: VectorWriter, x: str) -> str:
    """``e**x``."""
    return exp_of_negative(w, w.at_most(x, 710.0))


def exp2(w: VectorWriter, x: str) -> str:
    """``2**x``."""
    bounded = w.at_least(w.at_most(x, 1025.0), -1076.0)
    n = w.sub(w.add(bounded, ROUNDER), ROUNDER)
    return scaled_exp(w, n, w.mul(w.sub(bounded, n), math.log(2.0)))


def expm1(w: VectorWriter, x: str) -> str:
    """``e**x - 1``, small results to the last bits too."""
    n, r = reduced(w, w.at_least(w.at_most(x, 710.0), -40.0))
    # Half of it, since 2**1024 is no double.
    scale = power_of_two(w, n, shift=-1)
    half = w.muladd(scale, expm1_reduced(w, r), w.sub(scale, 0.5))
    tiny = w.compare("olt", w.absolute(x), NEGLIGIBLE)
    return w.select(tiny, x, w.add(half, half))
