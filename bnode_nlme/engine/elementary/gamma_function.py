"""The logarithm of the gamma function, and its derivative, the digamma function.

*Between 0 and 8* the recurrence ``gamma(x + 1) = x gamma(x)`` leads to ``[2, 3)``, where a
polynomial serves; one logarithm of a product, or one fraction, takes all steps at once, and nothing
cancels but where the function is small. ``log(gamma(2 + u)) = u L(u)`` keeps the zero at 2 exact.

*From 8 on* Stirling's series (Abramowitz and Stegun 1964, 6.1.40 and 6.3.18), as a polynomial of
``1 / x**2``.

*Below 0*, behind a branch: the C library's ``lgamma``, and for the derivative the reflection
``psi(x) = psi(1 - x) - pi / tan(pi x)`` (6.3.7).

Next to their zeros both are good to the last bits of 1, not of themselves.
"""

from __future__ import annotations

import functools
import math

from bnode_nlme.engine.elementary.double_double import product
from bnode_nlme.engine.elementary.logarithms import log_in_two
from bnode_nlme.engine.elementary.trigonometric import HALF_PI, sine_and_cosine
from bnode_nlme.engine.vector_writer import VectorWriter

LGAMMA_NEAR = (
    0.42278433509846713,
    0.32246703342411276,
    -0.06735230105315392,
    0.020580808426093205,
    -0.007385550994468451,
    0.0028905099092988804,
    -0.0011927504708616357,
    0.0005096498775058962,
    -0.00022307340973614113,
    9.920719737440423e-05,
    -4.434429266466537e-05,
    1.9474032684790926e-05,
    -8.029176213047633e-06,
    2.886878253165098e-06,
    -8.157095534193105e-07,
    1.5540880982714287e-07,
    -1.4586003484400256e-08,
)
"""``log(gamma(2 + u)) / u`` for ``0 <= u <= 1``."""

LGAMMA_FAR = (
    0.0833333333333333,
    -0.002777777777606244,
    0.0007936506649488252,
    -0.0005952025951802712,
    0.0008372834512071336,
    -0.0016526004455595122,
)
"""``x`` times what Stirling's formula leaves of ``log(gamma(x))``, of ``1 / x**2``, for x >= 8."""

DIGAMMA_NEAR = (
    0.42278433509846713,
    0.6449340668482256,
    -0.20205690315951003,
    0.08232323370751725,
    -0.036927755061036543,
    0.017343060841021076,
    -0.00834926682314622,
    0.004077287704514827,
    -0.002008068852951708,
    0.0009934284706785163,
    -0.0004910966617199718,
    0.00023965618273252254,
    -0.0001123135258167968,
    4.809049607535952e-05,
    -1.7484080881862782e-05,
    4.890876324267818e-06,
    -9.096401848018681e-07,
    8.267815845287522e-08,
)
"""``psi(2 + u)`` for ``0 <= u <= 1``."""

DIGAMMA_FAR = (
    0.08333333333333287,
    -0.008333333331168558,
    0.003968252342841619,
    -0.004166217650696842,
    0.007519088230747095,
    -0.017711160415846534,
)
"""``x**2 (log(x) - 1 / (2 x) - psi(x))`` as a function of ``1 / x**2`` for x >= 8."""

_FAR = 8.0
# log(2 pi) / 2 - 1 / 2
_STIRLING = 0.4189385332046727


def _steps(w: VectorWriter, x: str) -> list[tuple[str, str]]:
    """The factors ``x - 1``, ``x - 2``, ... that lead down to ``[2, 3)``, and where each counts."""
    return [(w.compare("oge", x, down + 2.0), w.sub(x, down)) for down in (1.0, 2.0, 3.0, 4.0, 5.0)]


def lgamma(w: VectorWriter, x: str) -> str:
    """``log|gamma(x)|``; plus infinity at 0 and the negative whole numbers."""
    far = w.compare("oge", x, _FAR)
    below_1, below_2 = w.compare("olt", x, 1.0), w.compare("olt", x, 2.0)
    down = functools.reduce(w.mul, (w.select(test, factor, 1.0) for test, factor in _steps(w, x)))
    up = w.select(below_1, w.mul(x, w.add(x, 1.0)), x)
    argument = w.select(far, x, w.select(below_2, up, down))
    upper, tail = log_in_two(w, argument)
    log = w.sub(upper, tail)
    u = w.sub(x, w.floor(x))
    near = w.muladd(u, w.polynomial(u, LGAMMA_NEAR), w.select(below_2, w.neg(log), log))
    inverse = w.div(1.0, x)
    series = w.mul(inverse, w.polynomial(w.mul(inverse, inverse), LGAMMA_FAR))
    slope = w.sub(w.sub(upper, 1.0), tail)
    stirling = w.muladd(w.sub(x, 0.5), slope, w.add(series, _STIRLING))
    value = w.select(far, stirling, near)
    return w.rarely(w.compare("ole", x, 0.0), value, lambda: w.by_library("lgamma", [x]))


def _reflected(w: VectorWriter, x: str, value: str) -> str:
    """``value - pi / tan(pi x)`` for x <= 0; not a number at a negative whole number."""
    d = w.sub(x, w.nearest(x))
    magnitude = w.absolute(d)
    steep = w.compare("ole", magnitude, 0.25)
    r, rest = product(w, w.select(steep, magnitude, w.sub(0.5, magnitude)), 2 * HALF_PI[0])
    rest = w.muladd(r, HALF_PI[1] / HALF_PI[0], rest)
    sine, cosine = sine_and_cosine(w, r, rest)
    cotangent = w.div(w.select(steep, cosine, sine), w.select(steep, sine, cosine))
    whole = w.compare("oeq", d, 0.0)
    sign = w.select(whole, x, d)
    result = w.sub(value, w.copysign(w.mul(cotangent, math.pi), sign))
    return w.select(w.both(whole, w.compare("olt", x, 0.0)), math.nan, result)


def digamma(w: VectorWriter, x: str) -> str:
    """The derivative of ``log|gamma(x)|``; minus or plus infinity at 0 or -0."""
    negative = w.compare("ole", x, 0.0)
    y = w.select(negative, w.sub(1.0, x), x)
    far = w.compare("oge", y, _FAR)
    below_1, below_2 = w.compare("olt", y, 1.0), w.compare("olt", y, 2.0)
    # The sum of the inverses of all steps as one fraction; below 2 the steps lead up.
    up, up_2 = w.mul(y, w.add(y, 1.0)), w.neg(w.muladd(y, 2.0, 1.0))
    above = w.select(below_1, up_2, w.select(below_2, -1.0, 0.0))
    below = w.select(below_1, up, w.select(below_2, y, 1.0))
    for test, factor in _steps(w, y):
        above = w.select(test, w.muladd(above, factor, below), above)
        below = w.select(test, w.mul(below, factor), below)
    fraction = w.div(w.select(far, -0.5, above), w.select(far, y, below))
    u = w.sub(y, w.floor(y))
    near = w.add(w.polynomial(u, DIGAMMA_NEAR), fraction)
    inverse = w.add(fraction, fraction)
    square = w.mul(inverse, inverse)
    upper, tail = log_in_two(w, y)
    rest = w.muladd(square, w.polynomial(square, DIGAMMA_FAR), tail)
    value = w.select(far, w.add(w.sub(upper, rest), fraction), near)
    value = w.select(w.compare("olt", y, math.inf), value, y)
    return w.rarely(negative, value, lambda: _reflected(w, x, value))
