"""Logarithms, and the functions that end in one.

``x = 2**k m`` with ``sqrt(1/2) <= m < sqrt(2)``, and with ``f = m - 1`` and ``s = f / (2 + f)``:
``log(m) = 2 atanh(s) = f - (f**2 / 2 - s (f**2 / 2 + z g(z)))``, ``z = s**2``, g a polynomial of
degree 6 (the arrangement that loses no bits of f is that of Ng's FDLIBM, 1993).
"""

from __future__ import annotations

import math

from bnode_nlme.engine.elementary.exponentials import (
    BIAS,
    LOG_2,
    LOG_2_REST,
    NEGLIGIBLE,
    expm1_reduced,
    reduced,
    scaled_exp,
)
from bnode_nlme.engine.vector_writer import VectorWriter, bits_of

LOG_TAIL = (
    0.666666666666667,
    0.39999999999899444,
    0.2857142862600327,
    0.22222211130259878,
    0.18182889455674947,
    0.15331710618210773,
    0.14616585424888623,
)
"""``(2 atanh(s) / s - 2) / s**2`` as a function of ``s**2``, the constant term first."""

LOG1P_UNIT_TAIL = (
    0.6666666666666666,
    0.3999999999999952,
    0.28571428571600266,
    0.22222222198216113,
    0.1818181989926796,
    0.15384543917753166,
    0.13335179661515711,
    0.11734265179376593,
    0.10845291032779812,
    0.07491639460673266,
    0.15631534707431224,
)
"""As `LOG_TAIL`, for ``s`` up to 1/3."""

_LOG10_2, _LOG10_2_REST = 0.30102999560767785, 5.630334806675098e-11
_TWO_52 = 2.0**52
_SMALLEST_NORMAL = 2.0**-1022


def split(w: VectorWriter, x: str) -> tuple[str, str]:
    """``k`` (a double) and ``f`` with ``x = 2**k (1 + f)`` for a positive normal x."""
    bits = w.bits(x)
    # An offset keeps the number positive: AVX2 has no arithmetic shift of 64-bit integers.
    biased = w.on_bits("add", bits, BIAS - bits_of(math.sqrt(0.5)))
    exponent = w.on_bits("lshr", biased, 52)
    k = w.sub(w.from_bits(w.on_bits("or", exponent, bits_of(_TWO_52))), _TWO_52 + 1023.0)
    m = w.on_bits("sub", bits, w.on_bits("shl", exponent, 52))
    return k, w.sub(w.from_bits(w.on_bits("add", m, BIAS)), 1.0)


def log_parts(w: VectorWriter, f: str) -> tuple[str, str]:
    """``h`` and ``p`` with ``log(1 + f) = f - (h - p)``."""
    s = w.div(f, w.add(f, 2.0))
    z = w.mul(s, s)
    h = w.mul(w.mul(f, 0.5), f)
    return h, w.mul(s, w.muladd(z, w.polynomial(z, LOG_TAIL), h))


def with_log_edges(w: VectorWriter, x: str, pole: float, value: str) -> str:
    """Minus infinity at the pole, NaN below it, x itself where it is NaN or plus infinity."""
    value = w.select(w.compare("oeq", x, pole), -math.inf, value)
    value = w.select(w.compare("olt", x, pole), math.nan, value)
    return w.select(w.compare("olt", x, math.inf), value, x)


def normalised(w: VectorWriter, x: str) -> tuple[str, str]:
    """As `split`, for denormal x too."""
    denormal = w.compare("olt", x, _SMALLEST_NORMAL)
    k, f = split(w, w.select(denormal, w.mul(x, 2.0**54), x))
    return w.select(denormal, w.sub(k, 54.0), k), f


def log_in_two(w: VectorWriter, x: str) -> tuple[str, str]:
    """``a`` and ``b`` with ``log(x) = a - b`` for positive finite x, a exact and b small."""
    k, f = normalised(w, x)
    h, p = log_parts(w, f)
    return w.mul(k, LOG_2), w.sub(w.sub(h, w.muladd(k, LOG_2_REST, p)), f)


def log(w: VectorWriter, x: str) -> str:
    """The natural logarithm."""
    upper, tail = log_in_two(w, x)
    return with_log_edges(w, x, 0.0, w.sub(upper, tail))


def log2(w: VectorWriter, x: str) -> str:
    """The logarithm to base 2."""
    k, f = normalised(w, x)
    h, p = log_parts(w, f)
    value = w.muladd(w.sub(f, w.sub(h, p)), 1.0 / math.log(2.0), k)
    return with_log_edges(w, x, 0.0, value)


def log10(w: VectorWriter, x: str) -> str:
    """The logarithm to base 10."""
    k, f = normalised(w, x)
    h, p = log_parts(w, f)
    rest = w.muladd(w.sub(f, w.sub(h, p)), 1.0 / math.log(10.0), w.mul(k, _LOG10_2_REST))
    return with_log_edges(w, x, 0.0, w.muladd(k, _LOG10_2, rest))


def log_of_sum(w: VectorWriter, x: str, doubled: str | None = None) -> str:
    """``log(1 + x)`` for finite x > -1; the rounding error of ``1 + x`` is put back.

    With ``u + d = 1 + x`` exactly (Knuth's two-sum), ``log(u + d) = log(u) + d / u`` to the last
    bit. Where the test `doubled` holds it is ``log(2 x)`` instead.
    """
    u = w.add(x, 1.0)
    shift = w.sub(u, x)
    d = w.add(w.sub(1.0, shift), w.sub(x, w.sub(u, shift)))
    if doubled is not None:
        u, d = w.select(doubled, x, u), w.select(doubled, 0.0, d)
    k, f = split(w, u)
    if doubled is not None:
        k = w.select(doubled, w.add(k, 1.0), k)
    h, p = log_parts(w, f)
    lower = w.muladd(k, LOG_2_REST, w.add(p, w.div(d, u)))
    return w.sub(w.mul(k, LOG_2), w.sub(w.sub(h, lower), f))


def log1p(w: VectorWriter, x: str) -> str:
    """``log(1 + x)``, small results to the last bits too."""
    value = with_log_edges(w, x, -1.0, log_of_sum(w, x))
    return w.select(w.compare("olt", w.absolute(x), NEGLIGIBLE), x, value)


def log1p_unit(w: VectorWriter, x: str) -> str:
    """``log(1 + x)`` for x in [0, 1], as ``2 atanh(s)`` with ``s = x / (x + 2)``: no reduction."""
    s = w.div(x, w.add(x, 2.0))
    z = w.mul(s, s)
    return w.muladd(w.mul(s, z), w.polynomial(z, LOG1P_UNIT_TAIL), w.add(s, s))


def log1mexp(w: VectorWriter, x: str) -> str:
    """``log(1 - exp(x))``: of ``-expm1(x)`` above ``-log(2)``, else by `log1p` (Maechler 2012).

    https://cran.r-project.org/package=Rmpfr/vignettes/log1mexp-note.pdf
    """
    n, r = reduced(w, w.at_least(w.at_most(x, 1.0), -746.0))
    near = w.compare("ogt", x, -math.log(2.0))
    # There n is 0 or -1, so that the scale is 1 or 1/2.
    scale = w.select(w.compare("olt", n, 0.0), 0.5, 1.0)
    complement = w.sub(w.sub(1.0, scale), w.mul(scale, expm1_reduced(w, r)))
    e = scaled_exp(w, n, r)
    u = w.sub(1.0, e)
    k, f = normalised(w, w.select(near, complement, u))
    h, p = log_parts(w, f)
    # The rounding error of 1 - e, relative to it; next to zero x itself is the argument.
    d = w.select(near, 0.0, w.div(w.sub(w.sub(1.0, u), e), u))
    lower = w.muladd(k, LOG_2_REST, w.add(p, d))
    value = w.sub(w.mul(k, LOG_2), w.sub(w.sub(h, lower), f))
    value = w.select(w.compare("olt", e, NEGLIGIBLE), w.neg(e), value)
    value = w.select(w.compare("oeq", x, 0.0), -math.inf, value)
    return w.select(w.compare("ole", x, 0.0), value, math.nan)
