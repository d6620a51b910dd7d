"""The error function and its complement.

``(1 + 2 a) exp(a**2) erfc(a)`` lies between 1 and 1.3 for every ``a >= 0`` and is a polynomial of
``t = (a - 3.75) / (a + 3.75)`` to the last bits (Shepherd and Laframboise 1981, Mathematics of
Computation 36, 249-253). What ``a**2`` loses by rounding is put back in the exponential. Near zero
``erf(x) = x + x E(x**2)``.
"""

from __future__ import annotations

from bnode_nlme.engine.elementary.double_double import product
from bnode_nlme.engine.elementary.exponentials import expm1_reduced, power_of_two, reduced
from bnode_nlme.engine.vector_writer import ROUNDER, VectorWriter

_CENTRE = 3.75  # where t is zero

ERFC_SCALED = (
    1.2375126308378275,
    -0.14024059858554702,
    0.0035854154854636808,
    0.08227673849015016,
    -0.10880393014170783,
    0.09230432116023737,
    -0.05869339859050634,
    0.028362277420699165,
    -0.009746579548700698,
    0.0017556258418865147,
    0.000293713608584616,
    -0.0002901540462518365,
    5.1649305678801864e-05,
    2.2384216318210148e-05,
    -1.1444574032456396e-05,
    -9.737574771290147e-07,
    1.7520081475733786e-06,
    -5.648904869187642e-08,
    -2.5832346889449716e-07,
    2.2092854208507273e-08,
    3.7455288631304044e-08,
    -2.8004060823514013e-09,
    -3.98117048572562e-09,
)
"""``(1 + 2 a) exp(a**2) erfc(a)`` as a function of t for ``0.54 <= a <= 28``."""

ERF_TAIL = (
    0.1283791670955126,
    -0.3761263890318374,
    0.11283791670953969,
    -0.02686617064464117,
    0.005223977614894688,
    -0.0008548325718380983,
    0.00012055234532936303,
    -1.4921042483193666e-05,
    1.6331139069503052e-06,
    -1.4279445870317297e-07,
)
"""``erf(x) / x - 1`` as a function of ``x**2`` for ``|x| <= 0.55``."""

# Up to it, where either function is about a half, the error function is a polynomial of its own.
_NEAR = 0.55
# So many steps are taken by Horner's scheme: their rounding is what decides the result's.
_LEAD = 2


def _near(w: VectorWriter, x: str) -> str:
    return w.muladd(x, w.polynomial(w.mul(x, x), ERF_TAIL), x)


def _complement(w: VectorWriter, a: str) -> tuple[str, str]:
    """``n`` and ``v`` with ``erfc(a) = 2**n v``, for ``0.54 <= a <= 28``."""
    t = w.div(w.sub(a, _CENTRE), w.add(a, _CENTRE))
    scaled = w.polynomial(t, ERFC_SCALED[_LEAD:])
    for coefficient in ERFC_SCALED[:_LEAD][::-1]:
        scaled = w.muladd(scaled, t, coefficient)
    scaled = w.div(scaled, w.muladd(a, 2.0, 1.0))
    square, rest = product(w, a, a)
    n, r = reduced(w, w.neg(square))
    return n, w.muladd(scaled, expm1_reduced(w, w.sub(r, rest)), scaled)


def erf(w: VectorWriter, x: str) -> str:
    """The error function, ``2 / sqrt(pi)`` times the integral of ``exp(-u**2)`` from 0 to x."""
    a = w.absolute(x)
    # From 6 on it is 1 to the last bit.
    n, v = _complement(w, w.at_most(a, 6.0))
    far = w.copysign(w.sub(1.0, w.mul(v, power_of_two(w, n))), x)
    return w.select(w.compare("olt", a, _NEAR), _near(w, x), far)


def erfc(w: VectorWriter, x: str) -> str:
    """``1 - erf(x)``, small results to the last bits too."""
    a = w.absolute(x)
    # From 28 on it is zero, below the smallest double.
    n, v = _complement(w, w.at_most(a, 28.0))
    half = w.sub(w.muladd(n, 0.5, ROUNDER), ROUNDER)
    value = w.mul(w.mul(v, power_of_two(w, half)), power_of_two(w, w.sub(n, half)))
    value = w.select(w.compare("olt", x, 0.0), w.sub(2.0, value), value)
    return w.select(w.compare("olt", a, _NEAR), w.sub(1.0, _near(w, x)), value)
