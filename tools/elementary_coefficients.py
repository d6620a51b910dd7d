"""Print the coefficients of `bnode_nlme/engine/elementary`, module by module.

Polynomials through the function at Chebyshev's nodes, which are within a small factor of the minimax
polynomial, computed at 80 digits and rounded to doubles. Run it after changing a degree or an
interval, and paste the output; the tests compare what is pasted with what this computes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import mpmath as mp

type Function = Callable[[Any], Any]


class Polynomial(NamedTuple):
    """A function of a real number to be fitted between two others by so many coefficients."""

    function: Function
    low: Any
    high: Any
    terms: int


def _series(function: Function, terms: Callable[[int], Any], *, even: bool = True) -> Function:
    """The function of ``x**2`` or of x; by its Taylor series where the formula would cancel."""

    def value(x: Any) -> Any:
        if abs(x) < mp.mpf("1e-6"):
            return mp.fsum(terms(k) * x**k for k in range(12))
        return function(mp.sqrt(x) if even else x)

    return value


def _erfc_scaled(t: Any) -> Any:
    """``(1 + 2 a) exp(a**2) erfc(a)`` where ``t = (a - 3.75) / (a + 3.75)``."""
    a = mp.mpf("3.75") * (1 + t) / (1 - t)
    return (1 + 2 * a) * mp.exp(a**2) * mp.erfc(a)


def _stirling_rest(u: Any) -> Any:
    """``x`` times ``log(gamma(x))`` less Stirling's formula, for ``u = 1 / x**2``."""
    x = 1 / mp.sqrt(u)
    return x * (mp.loggamma(x) - (x - mp.mpf("0.5")) * mp.log(x) + x - mp.log(2 * mp.pi) / 2)


def _digamma_rest(u: Any) -> Any:
    """``x**2 (log(x) - 1 / (2 x) - psi(x))`` for ``u = 1 / x**2``."""
    x = 1 / mp.sqrt(u)
    return x**2 * (mp.log(x) - 1 / (2 * x) - mp.psi(0, x))


def _polynomials() -> dict[str, Polynomial]:
    # A little wider than the reduced ranges, whose ends move by rounding.
    wide = mp.mpf("1.0001")
    half_log_2 = mp.log(2) / 2 * wide
    log_edge = ((mp.sqrt(2) - 1) / (mp.sqrt(2) + 1)) ** 2 * wide
    eighth, atan_edge = (mp.pi / 4) ** 2 * wide, (mp.sqrt(2) - 1) ** 2 * wide
    exp_tail = _series(
        lambda r: (mp.expm1(r) - r) / r**2, lambda k: 1 / mp.factorial(k + 2), even=False
    )
    log_tail = _series(
        lambda s: (2 * mp.atanh(s) / s - 2) / s**2, lambda k: mp.mpf(2) / (2 * k + 3)
    )
    power_tail = _series(
        lambda s: (mp.atanh(s) / s - 1 - s**2 / 3) / s**4, lambda k: mp.mpf(1) / (2 * k + 5)
    )
    sin_tail = _series(
        lambda r: (mp.sin(r) / r - 1) / r**2, lambda k: -(mp.mpf(-1) ** k) / mp.factorial(2 * k + 3)
    )
    cos_tail = _series(
        lambda r: (mp.cos(r) - 1 + r**2 / 2) / r**4,
        lambda k: mp.mpf(-1) ** k / mp.factorial(2 * k + 4),
    )
    atan_tail = _series(
        lambda t: (mp.atan(t) / t - 1) / t**2, lambda k: -(mp.mpf(-1) ** k) / (2 * k + 3)
    )
    asin_tail = _series(
        lambda t: (mp.asin(t) / t - 1) / t**2,
        lambda k: mp.binomial(2 * k + 2, k + 1) / mp.mpf(4) ** (k + 1) / (2 * k + 3),
    )
    erf_tail = _series(
        lambda x: mp.erf(x) / x - 1,
        lambda k: 2 / mp.sqrt(mp.pi) * mp.mpf(-1) ** k / mp.factorial(k) / (2 * k + 1) - (k == 0),
    )
    centre, first, last, zero = mp.mpf("3.75"), mp.mpf("0.54"), mp.mpf(28), mp.mpf(0)
    return {
        "exponentials.EXP_TAIL": Polynomial(exp_tail, -half_log_2, half_log_2, 10),
        "logarithms.LOG_TAIL": Polynomial(log_tail, zero, log_edge, 7),
        "logarithms.LOG1P_UNIT_TAIL": Polynomial(log_tail, zero, mp.mpf(1) / 9 * wide, 11),
        "hyperbolic.TANH_TAIL": Polynomial(
            lambda r: 2 * exp_tail(2 * r), -half_log_2 / 2, half_log_2 / 2, 10
        ),
        "power.POWER_TAIL": Polynomial(power_tail, zero, log_edge, 8),
        "trigonometric.SIN_TAIL": Polynomial(sin_tail, zero, eighth, 7),
        "trigonometric.COS_TAIL": Polynomial(cos_tail, zero, eighth, 6),
        "inverse_trigonometric.ATAN_TAIL": Polynomial(atan_tail, zero, atan_edge, 11),
        "inverse_trigonometric.ASIN_TAIL": Polynomial(asin_tail, zero, mp.mpf(1) / 4 * wide, 12),
        "error_function.ERF_TAIL": Polynomial(erf_tail, zero, mp.mpf("0.3026"), 10),
        "error_function.ERFC_SCALED": Polynomial(
            _erfc_scaled, (first - centre) / (first + centre), (last - centre) / (last + centre), 23
        ),
        # The nodes miss the ends, where these formulas have no value.
        "gamma_function.LGAMMA_NEAR": Polynomial(
            lambda u: mp.loggamma(2 + u) / u, zero, mp.mpf(1), 17
        ),
        "gamma_function.LGAMMA_FAR": Polynomial(_stirling_rest, zero, mp.mpf(1) / 64, 6),
        "gamma_function.DIGAMMA_NEAR": Polynomial(lambda u: mp.psi(0, 2 + u), zero, mp.mpf(1), 18),
        "gamma_function.DIGAMMA_FAR": Polynomial(_digamma_rest, zero, mp.mpf(1) / 64, 6),
    }


def _fit(wanted: Polynomial) -> tuple[float, ...]:
    function, low, high, terms = wanted
    nodes = [
        (low + high) / 2 + (high - low) / 2 * mp.cos(mp.pi * (2 * k + 1) / (2 * terms))
        for k in range(terms)
    ]
    powers = mp.matrix([[node**k for k in range(terms)] for node in nodes])
    values = mp.matrix([function(node) for node in nodes])
    return tuple(float(coefficient) for coefficient in mp.lu_solve(powers, values))


def _in_doubles(number: Any, count: int) -> tuple[float, ...]:
    """Doubles whose sum is the number, each the nearest to what the ones before leave."""
    parts: list[float] = []
    for _ in range(count):
        parts.append(float(number - mp.fsum(parts)))
    return tuple(parts)


def coefficients() -> dict[str, tuple[float, ...]]:
    """Coefficients by module and name, the constant term of a polynomial first."""
    with mp.workdps(80):
        fitted = {name: _fit(wanted) for name, wanted in _polynomials().items()}
        return {**fitted, "trigonometric.HALF_PI": _in_doubles(mp.pi / 2, 3)}


if __name__ == "__main__":
    for name, values in coefficients().items():
        print(f"{name} = (")  # noqa: T201
        for value in values:
            print(f"    {value!r},")  # noqa: T201
        print(")")  # noqa: T201
