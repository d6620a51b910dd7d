"""Powers.

``x**y = exp(y log|x|)``, signed. For a result good to its last bits the logarithm must be good to
68, so it is held in two doubles: with ``|x| = 2**k m``, ``s = (m - 1) / (m + 1)`` and ``z = s**2``,
``log(m) = 2 s (1 + z / 3 + z**2 g(z))``, where only g is an ordinary polynomial (Muller 2016,
Elementary Functions, 3rd ed., doi:10.1007/978-1-4899-7983-4).
"""

from __future__ import annotations

import math

from bnode_nlme.engine.elementary.double_double import ordered_sum, product
from bnode_nlme.engine.elementary.exponentials import LOG_2, LOG_2_REST, reduced, scaled_exp
from bnode_nlme.engine.elementary.logarithms import normalised
from bnode_nlme.engine.vector_writer import VectorWriter

POWER_TAIL = (
    0.2,
    0.14285714285714682,
    0.11111111110827943,
    0.09090909167696401,
    0.07692297481259215,
    0.06667402346923655,
    0.05853118169745603,
    0.05861589311938259,
)
"""``(atanh(s) / s - 1 - s**2 / 3) / s**4`` as a function of ``s**2``, the constant term first."""

_THIRD = 1.0 / 3.0
_THIRD_REST = 2.0**-54 / 3.0  # 1/3 - _THIRD, exactly, rounded once
# Any exponent beyond it gives zero, one or infinity, and a product with it is finite.
_LARGEST_EXPONENT = 2.0**65


def _accurate_log(w: VectorWriter, x: str) -> tuple[str, str]:
    """``log(x)`` in two parts, for positive finite x."""
    k, f = normalised(w, x)
    inverse = w.div(1.0, w.add(f, 2.0))
    s = w.mul(f, inverse)
    # f - 2 s is exact: the two are within a fifth of each other (Sterbenz 1974).
    s_rest = w.mul(w.fma(w.neg(s), f, w.muladd(s, -2.0, f)), inverse)
    z, z_rest = product(w, s, s)
    z_rest = w.muladd(w.add(s, s), s_rest, z_rest)
    # 1 + z / 3 + z**2 g(z), the leading terms with their errors.
    third, third_rest = product(w, z, _THIRD)
    third_rest = w.add(third_rest, w.muladd(z, _THIRD_REST, w.mul(z_rest, _THIRD)))
    sum_1, rest_1 = ordered_sum(w, third, w.mul(w.mul(z, z), w.polynomial(z, POWER_TAIL)))
    factor, factor_rest = ordered_sum(w, 1.0, sum_1)
    factor_rest = w.add(factor_rest, w.add(rest_1, third_rest))
    s, s_rest = w.add(s, s), w.add(s_rest, s_rest)
    log_m, log_m_rest = product(w, s, factor)
    log_m_rest = w.add(log_m_rest, w.muladd(s, factor_rest, w.mul(s_rest, factor)))
    upper, lower = ordered_sum(w, w.mul(k, LOG_2), log_m)
    return upper, w.add(lower, w.muladd(k, LOG_2_REST, log_m_rest))


def power(w: VectorWriter, x: str, y: str) -> str:
    """``x**y`` with every special case of C's ``pow``."""
    a = w.absolute(x)
    log, log_rest = _accurate_log(w, a)
    log = w.select(w.compare("oeq", a, 0.0), -math.inf, log)
    log = w.select(w.compare("oeq", a, math.inf), math.inf, log)
    factor = w.at_least(w.at_most(y, _LARGEST_EXPONENT), -_LARGEST_EXPONENT)
    upper, lower = product(w, log, factor)
    lower = w.muladd(log_rest, factor, lower)
    # What over- or underflows has no use for its lower part, which may be large or no number.
    lower = w.select(w.compare("olt", w.absolute(upper), 800.0), lower, 0.0)
    n, r = reduced(w, w.at_least(w.at_most(upper, 710.0), -746.0))
    value = scaled_exp(w, n, w.add(r, lower))
    # A negative base: the sign is that of an odd exponent, no number that of a fraction.
    half = w.mul(y, 0.5)
    whole = w.compare("oeq", w.nearest(y), y)
    odd = w.both(whole, w.compare("one", w.nearest(half), half))
    value = w.with_sign_of_bit(value, w.bits(w.select(odd, x, 1.0)))
    fraction = w.compare("one", w.nearest(y), y)
    negative = w.both(w.compare("olt", x, 0.0), w.compare("ogt", x, -math.inf))
    value = w.select(w.both(negative, fraction), math.nan, value)
    value = w.select(w.compare("uno", x, y), math.nan, value)
    one = w.either(w.compare("oeq", y, 0.0), w.compare("oeq", x, 1.0))
    return w.select(one, 1.0, value)
