"""Inverse trigonometric functions.

*Arctangent.* One division brings every argument to ``|t| <= tan(pi / 8)``: t is x itself,
``(x - 1) / (x + 1)`` or ``-1 / x``, and pi / 4 or pi / 2 is added (Cody and Waite 1980, Software
Manual for the Elementary Functions). ``atan(t) = t + t**3 A(t**2)``.

*Arcsine.* ``asin(x) = x + x**3 B(x**2)`` up to 1 / 2, and beyond it
``asin(x) = pi / 2 - 2 asin(sqrt((1 - x) / 2))``.
"""

from __future__ import annotations

import math

from bnode_nlme.engine.elementary.trigonometric import HALF_PI
from bnode_nlme.engine.vector_writer import VectorWriter

ATAN_TAIL = (
    -0.3333333333333333,
    0.19999999999995516,
    -0.14285714284665682,
    0.11111111015187018,
    -0.0909090457530649,
    0.07692183125376892,
    -0.06664510525508936,
    0.05858140904866328,
    -0.050854078345894844,
    0.03923044778479309,
    -0.019175404711104935,
)
"""``(atan(t) / t - 1) / t**2`` as a function of ``t**2`` for ``|t| <= tan(pi / 8)``."""

ASIN_TAIL = (
    0.1666666666666665,
    0.0750000000002079,
    0.044642857103377696,
    0.03038194737020906,
    0.022372047524402985,
    0.017355262105297833,
    0.013929626191818987,
    0.011875706674578072,
    0.007801869497108294,
    0.016038914937744318,
    -0.010755083992272393,
    0.0281738290384165,
)
"""``(asin(t) / t - 1) / t**2`` as a function of ``t**2`` for ``|t| <= 1 / 2``."""

_TAN_EIGHTH = math.sqrt(2.0) - 1.0


def atan(w: VectorWriter, x: str) -> str:
    """The arctangent."""
    a = w.absolute(x)
    middle = w.compare("ogt", a, _TAN_EIGHTH)
    high = w.compare("ogt", a, 1.0 / _TAN_EIGHTH)
    above = w.select(high, -1.0, w.select(middle, w.sub(a, 1.0), a))
    below = w.select(high, a, w.select(middle, w.add(a, 1.0), 1.0))
    t = w.div(above, below)
    z = w.mul(t, t)
    rest = w.select(high, HALF_PI[1], w.select(middle, HALF_PI[1] / 2, 0.0))
    rest = w.muladd(w.mul(t, z), w.polynomial(z, ATAN_TAIL), rest)
    base = w.select(high, HALF_PI[0], w.select(middle, HALF_PI[0] / 2, 0.0))
    return w.copysign(w.add(base, w.add(t, rest)), x)


def _asin_parts(w: VectorWriter, a: str) -> tuple[str, str, str]:
    """Whether ``a > 1 / 2``, and ``t`` with ``asin(t) = t + t * tail`` for the reduced argument."""
    high = w.compare("ogt", a, 0.5)
    half = w.mul(w.sub(1.0, a), 0.5)
    z = w.select(high, half, w.mul(a, a))
    t = w.select(high, w.sqrt(half), a)
    return high, t, w.mul(z, w.polynomial(z, ASIN_TAIL))


def asin(w: VectorWriter, x: str) -> str:
    """The arcsine; NaN beyond -1 and 1."""
    high, t, tail = _asin_parts(w, w.absolute(x))
    near = w.muladd(t, tail, t)
    far = w.sub(HALF_PI[0], w.sub(w.add(near, near), HALF_PI[1]))
    return w.copysign(w.select(high, far, near), x)


def acos(w: VectorWriter, x: str) -> str:
    """The arccosine; NaN beyond -1 and 1."""
    high, t, tail = _asin_parts(w, w.absolute(x))
    near = w.muladd(t, tail, t)
    twice = w.add(near, near)
    negative = w.compare("olt", x, 0.0)
    far = w.select(negative, w.sub(2 * HALF_PI[0], w.sub(twice, 2 * HALF_PI[1])), twice)
    signed = w.copysign(near, x)
    return w.select(high, far, w.sub(HALF_PI[0], w.sub(signed, HALF_PI[1])))
