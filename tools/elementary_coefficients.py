"""Print the polynomial coefficients of `bnode_nlme/engine/elementary.py`.

Polynomials through the function at Chebyshev's nodes, which are within a small factor of the minimax
polynomial, computed at 60 digits and rounded to doubles. Run it after changing a degree or an
interval, and paste the output; the tests compare what is pasted with what this computes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath as mp

EXP_TERMS, LOG_TERMS = 10, 7


def _exp_tail(r: Any) -> Any:
    """``(exp(r) - 1 - r) / r**2``, the Taylor series near 0."""
    if abs(r) < mp.mpf("1e-6"):
        return mp.fsum(r**k / mp.factorial(k + 2) for k in range(8))
    return (mp.expm1(r) - r) / r**2


def _log_tail(z: Any) -> Any:
    """``(2 atanh(s) / s - 2) / s**2`` for ``z = s**2``, the Taylor series near 0."""
    if abs(z) < mp.mpf("1e-6"):
        return mp.fsum(2 * z**k / (2 * k + 3) for k in range(10))
    s = mp.sqrt(z)
    return (2 * mp.atanh(s) / s - 2) / z


def _fit(function: Callable[[Any], Any], low: Any, high: Any, terms: int) -> tuple[float, ...]:
    nodes = [
        (low + high) / 2 + (high - low) / 2 * mp.cos(mp.pi * (2 * k + 1) / (2 * terms))
        for k in range(terms)
    ]
    powers = mp.matrix([[node**k for k in range(terms)] for node in nodes])
    values = mp.matrix([function(node) for node in nodes])
    return tuple(float(coefficient) for coefficient in mp.lu_solve(powers, values))


def coefficients() -> dict[str, tuple[float, ...]]:
    """Coefficients of both polynomials, the constant term first."""
    with mp.workdps(60):
        # A little wider than the reduced ranges, whose ends move by rounding.
        half = mp.log(2) / 2 * mp.mpf("1.0001")
        edge = ((mp.sqrt(2) - 1) / (mp.sqrt(2) + 1)) ** 2 * mp.mpf("1.0001")
        return {
            "EXP_TAIL": _fit(_exp_tail, -half, half, EXP_TERMS),
            "LOG_TAIL": _fit(_log_tail, mp.mpf(0), edge, LOG_TERMS),
        }


if __name__ == "__main__":
    for name, values in coefficients().items():
        print(f"{name} = (")  # noqa: T201
        for value in values:
            print(f"    {value!r},")  # noqa: T201
        print(")")  # noqa: T201
