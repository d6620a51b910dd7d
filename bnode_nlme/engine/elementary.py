"""Elementary functions as branch-free LLVM IR over vectors of any width.

Calls of libm cannot be vectorised, and cost 20 ns each; these take about as long for four or eight
arguments as for one. Each is within 4 ulp of the true value for every double, denormal results,
signed zeros, infinities and NaN included; nothing raises or branches.

Two range reductions carry them all.

*Exponentials.* ``x = n log 2 + r`` with n an integer and ``|r| <= log(2) / 2``; log 2 is split in
two doubles so that ``n`` times the first is exact (Cody and Waite 1980, Software Manual for the
Elementary Functions). ``expm1(r) = r + r**2 q(r)`` with q a polynomial of degree 9.

*Logarithms.* ``x = 2**k m`` with ``sqrt(1/2) <= m < sqrt(2)``, and with ``f = m - 1`` and
``s = f / (2 + f)``: ``log(m) = 2 atanh(s) = f - (f**2 / 2 - s (f**2 / 2 + z g(z)))``, ``z = s**2``,
g a polynomial of degree 6 (the arrangement that loses no bits of f is that of Ng's FDLIBM, 1993).

`tools/elementary_coefficients.py` computes the coefficients. References for the rest: Muller 2016,
Elementary Functions, 3rd ed., doi:10.1007/978-1-4899-7983-4.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

from bnode_nlme.engine.vector_writer import ROUNDER, VectorWriter, bits_of

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

# Upper parts end in twenty zero bits: an exponent times them is exact. Lower parts are the rest.
_LOG_2, _LOG_2_REST = 0.6931471804855391, 7.440617110012397e-11
_LOG10_2, _LOG10_2_REST = 0.30102999560767785, 5.630334806675098e-11
_BIAS = 1023 << 52
_TWO_52 = 2.0**52
_SMALLEST_NORMAL = 2.0**-1022
# Below it, expm1(x), log1p(x) and tanh(x) are x to the last bit.
_NEGLIGIBLE = 2.0**-54


def _reduced(w: VectorWriter, x: str) -> tuple[str, str]:
    """``n`` and ``r`` with ``x = n log 2 + r``."""
    n = w.sub(w.muladd(x, 1.0 / math.log(2.0), ROUNDER), ROUNDER)
    r = w.muladd(n, -_LOG_2, x)
    return n, w.muladd(n, -_LOG_2_REST, r)


def _expm1_reduced(w: VectorWriter, r: str) -> str:
    return w.muladd(w.mul(r, r), w.polynomial(r, EXP_TAIL), r)


def _power_of_two(w: VectorWriter, n: str, shift: int = 0) -> str:
    """``2**(n + shift)`` for an integer n held in a double, the result normal."""
    exponent = w.on_bits("shl", w.bits(w.add(n, ROUNDER)), 52)
    return w.from_bits(w.on_bits("add", exponent, _BIAS + (shift << 52)))


def _scaled_exp(w: VectorWriter, n: str, r: str) -> str:
    """``2**n exp(r)``, in two steps so that a denormal or infinite result is rounded once."""
    half = w.sub(w.muladd(n, 0.5, ROUNDER), ROUNDER)
    value = w.add(_expm1_reduced(w, r), 1.0)
    return w.mul(w.mul(value, _power_of_two(w, half)), _power_of_two(w, w.sub(n, half)))


def _exp_of_negative(w: VectorWriter, x: str) -> str:
    """``exp(x)`` for x <= 0."""
    return _scaled_exp(w, *_reduced(w, w.at_least(x, -746.0)))


def _exp(w: VectorWriter, x: str) -> str:
    return _exp_of_negative(w, w.at_most(x, 710.0))


def _exp2(w: VectorWriter, x: str) -> str:
    bounded = w.at_least(w.at_most(x, 1025.0), -1076.0)
    n = w.sub(w.add(bounded, ROUNDER), ROUNDER)
    return _scaled_exp(w, n, w.mul(w.sub(bounded, n), math.log(2.0)))


def _expm1(w: VectorWriter, x: str) -> str:
    n, r = _reduced(w, w.at_least(w.at_most(x, 710.0), -40.0))
    # Half of it, since 2**1024 is no double.
    scale = _power_of_two(w, n, shift=-1)
    half = w.muladd(scale, _expm1_reduced(w, r), w.sub(scale, 0.5))
    tiny = w.compare("olt", w.absolute(x), _NEGLIGIBLE)
    return w.select(tiny, x, w.add(half, half))


def _tanh(w: VectorWriter, x: str) -> str:
    """``e / (e + 2)`` with ``e = expm1(2 |x|)``; from 20 on it is 1 to the last bit."""
    magnitude = w.at_most(w.absolute(x), 20.0)
    n, r = _reduced(w, w.add(magnitude, magnitude))
    scale = _power_of_two(w, n)
    e = w.muladd(scale, _expm1_reduced(w, r), w.sub(scale, 1.0))
    return w.copysign(w.div(e, w.add(e, 2.0)), x)


def _sigmoid(w: VectorWriter, x: str) -> str:
    """``1 / (1 + e)`` or ``e / (1 + e)`` with ``e = exp(-|x|)``, which cannot overflow."""
    e = _exp_of_negative(w, w.neg(w.absolute(x)))
    return w.div(w.select(w.compare("olt", x, 0.0), e, 1.0), w.add(e, 1.0))


def _split(w: VectorWriter, x: str) -> tuple[str, str]:
    """``k`` (a double) and ``f`` with ``x = 2**k (1 + f)`` for a positive normal x."""
    bits = w.bits(x)
    # An offset keeps the number positive: AVX2 has no arithmetic shift of 64-bit integers.
    biased = w.on_bits("add", bits, _BIAS - bits_of(math.sqrt(0.5)))
    exponent = w.on_bits("lshr", biased, 52)
    k = w.sub(w.from_bits(w.on_bits("or", exponent, bits_of(_TWO_52))), _TWO_52 + 1023.0)
    m = w.on_bits("sub", bits, w.on_bits("shl", exponent, 52))
    return k, w.sub(w.from_bits(w.on_bits("add", m, _BIAS)), 1.0)


def _log_parts(w: VectorWriter, f: str) -> tuple[str, str]:
    """``h`` and ``p`` with ``log(1 + f) = f - (h - p)``."""
    s = w.div(f, w.add(f, 2.0))
    z = w.mul(s, s)
    h = w.mul(w.mul(f, 0.5), f)
    return h, w.mul(s, w.muladd(z, w.polynomial(z, LOG_TAIL), h))


def _with_log_edges(w: VectorWriter, x: str, pole: float, value: str) -> str:
    """Minus infinity at the pole, NaN below it, x itself where it is NaN or plus infinity."""
    value = w.select(w.compare("oeq", x, pole), -math.inf, value)
    value = w.select(w.compare("olt", x, pole), math.nan, value)
    return w.select(w.compare("olt", x, math.inf), value, x)


def _normalised(w: VectorWriter, x: str) -> tuple[str, str]:
    """As `_split`, for denormal x too."""
    denormal = w.compare("olt", x, _SMALLEST_NORMAL)
    k, f = _split(w, w.select(denormal, w.mul(x, 2.0**54), x))
    return w.select(denormal, w.sub(k, 54.0), k), f


def _log(w: VectorWriter, x: str) -> str:
    k, f = _normalised(w, x)
    h, p = _log_parts(w, f)
    tail = w.sub(w.sub(h, w.muladd(k, _LOG_2_REST, p)), f)
    return _with_log_edges(w, x, 0.0, w.sub(w.mul(k, _LOG_2), tail))


def _log2(w: VectorWriter, x: str) -> str:
    k, f = _normalised(w, x)
    h, p = _log_parts(w, f)
    value = w.muladd(w.sub(f, w.sub(h, p)), 1.0 / math.log(2.0), k)
    return _with_log_edges(w, x, 0.0, value)


def _log10(w: VectorWriter, x: str) -> str:
    k, f = _normalised(w, x)
    h, p = _log_parts(w, f)
    rest = w.muladd(w.sub(f, w.sub(h, p)), 1.0 / math.log(10.0), w.mul(k, _LOG10_2_REST))
    return _with_log_edges(w, x, 0.0, w.muladd(k, _LOG10_2, rest))


def _log1p_above(w: VectorWriter, x: str) -> str:
    """``log(1 + x)`` for finite x > -1; the rounding error of ``1 + x`` is put back.

    With ``u + d = 1 + x`` exactly (Knuth's two-sum), ``log(u + d) = log(u) + d / u`` to the last
    bit.
    """
    u = w.add(x, 1.0)
    shift = w.sub(u, x)
    d = w.add(w.sub(1.0, shift), w.sub(x, w.sub(u, shift)))
    k, f = _split(w, u)
    h, p = _log_parts(w, f)
    lower = w.muladd(k, _LOG_2_REST, w.add(p, w.div(d, u)))
    return w.sub(w.mul(k, _LOG_2), w.sub(w.sub(h, lower), f))


def _log1p(w: VectorWriter, x: str) -> str:
    value = _with_log_edges(w, x, -1.0, _log1p_above(w, x))
    return w.select(w.compare("olt", w.absolute(x), _NEGLIGIBLE), x, value)


def _softplus(w: VectorWriter, x: str) -> str:
    """``max(x, 0) + log1p(exp(-|x|))``, which neither overflows nor loses a small result."""
    e = _exp_of_negative(w, w.neg(w.absolute(x)))
    positive = w.select(w.compare("ogt", x, 0.0), x, 0.0)
    return w.add(positive, _log1p_above(w, e))


_FUNCTIONS: dict[str, Callable[[VectorWriter, str], str]] = {
    "exp": _exp,
    "exp2": _exp2,
    "expm1": _expm1,
    "log": _log,
    "log2": _log2,
    "log10": _log10,
    "log1p": _log1p,
    "tanh": _tanh,
    "sigmoid": _sigmoid,
    "softplus": _softplus,
}

ELEMENTARY = frozenset(_FUNCTIONS)
"""Names of the functions that are available here; any other is libm's."""


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
        A private definition of ``@elementary.<name>.<width>``, from a vector to a vector, to be
        inlined where it is called.
    declarations : frozenset of str
        The declarations of the intrinsics that it uses.
    """
    w = VectorWriter(width)
    result = _FUNCTIONS[name](w, "%x")
    head = f"define private {w.doubles} @{symbol(name, width)}({w.doubles} %x)"
    lines = [f"  {line}" for line in [*w.lines, f"ret {w.doubles} {result}"]]
    head += " alwaysinline nounwind willreturn memory(none) {"
    return "\n".join([head, "entry:", *lines, "}"]), frozenset(w.declarations)
