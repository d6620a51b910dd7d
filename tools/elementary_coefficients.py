"""Print the polynomial coefficients of `bnode_nlme/engine/elementary.py`.

Chebyshev fits at 40 digits (mpmath's ``chebyfit``, Tchebycheff's economised interpolation, within a
small factor of the minimax polynomial), rounded to doubles. Run it after changing a degree or an
interval, and paste the output; the tests compare what is pasted with what this computes.
"""

from __future__ import annotations

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


def coefficients() -> dict[str, tuple[float, ...]]:
    """Coefficients of both polynomials, the constant term first."""
    with mp.workdps(40):
        # A little wider than the reduced ranges, whose ends move by rounding.
        half = mp.log(2) / 2 * mp.mpf("1.0001")
        exp = mp.chebyfit(_exp_tail, [-half, half], EXP_TERMS)
        edge = ((mp.sqrt(2) - 1) / (mp.sqrt(2) + 1)) ** 2 * mp.mpf("1.0001")
        log = mp.chebyfit(_log_tail, [0, edge], LOG_TERMS)
        return {
            "EXP_TAIL": tuple(float(c) for c in reversed(exp)),
            "LOG_TAIL": tuple(float(c) for c in reversed(log)),
        }


if __name__ == "__main__":
    for name, values in coefficients().items():
        print(f"{name} = (")  # noqa: T201
        for value in values:
            print(f"    {value!r},")  # noqa: T201
        print(")")  # noqa: T201
