"""Arguments at which elementary functions are tested: all over the doubles, and where it is hard."""

from __future__ import annotations

import math

import mpmath as mp
import numpy as np
from numpy.typing import NDArray

type Array = NDArray[np.float64]

DOMAINS: dict[str, tuple[float, float]] = {
    "log": (5e-324, math.inf),
    "log2": (5e-324, math.inf),
    "log10": (5e-324, math.inf),
    "log1p": (math.nextafter(-1.0, 0.0), math.inf),
    "log1p_unit": (0.0, 1.0),
    "log1mexp": (-math.inf, -5e-324),
    "acosh": (1.0, math.inf),
    "atanh": (math.nextafter(-1.0, 0.0), math.nextafter(1.0, 0.0)),
    "asin": (-1.0, 1.0),
    "acos": (-1.0, 1.0),
    "lgamma": (5e-324, math.inf),
    "psi": (5e-324, math.inf),
}
"""Smallest and largest arguments with a finite value, or a value of its own, in closed form."""


def _neighbours(x: Array) -> Array:
    return np.concatenate([x, np.nextafter(x, np.inf), np.nextafter(x, -np.inf)])


def _everywhere(rng: np.random.Generator, n: int) -> Array:
    sign = rng.choice([-1.0, 1.0], n)
    return np.concatenate(
        [
            rng.uniform(-800, 800, n),
            rng.uniform(-40, 40, n),
            rng.uniform(-8, 8, n),
            rng.uniform(-2, 2, n),
            sign * 10.0 ** rng.uniform(-323, 308, n),
            sign * 10.0 ** rng.uniform(-18, 1, n),
            1 + sign * 10.0 ** rng.uniform(-16, 0, n),
            -1 + sign * 10.0 ** rng.uniform(-16, 0, n),
        ]
    )


def _multiples_of_half_pi(rng: np.random.Generator, n: int) -> Array:
    """Doubles next to multiples of pi / 4, small ones and ones as far as the vector code goes."""
    whole = np.concatenate([np.arange(1, n), np.floor(2.0 ** rng.uniform(10, 40, n))])
    with mp.workdps(60):
        return _neighbours(np.array([float(mp.mpf(k) * mp.pi / 4) for k in whole.tolist()]))


def _hard(name: str, rng: np.random.Generator, n: int) -> Array:
    """Ends of reduced ranges, and of what can be represented."""
    if name in {"sin", "cos", "tan"}:
        near = _multiples_of_half_pi(rng, n)
        far = 10.0 ** rng.uniform(4, 13, n)
        return np.concatenate([near, -near, far, rng.uniform(-1e5, 1e5, n)])
    if name in {"atan", "asin", "acos"}:
        ends = np.array([math.sqrt(2) - 1, math.sqrt(2) + 1, 0.5])
        return np.concatenate([sign * _neighbours(ends) for sign in (-1, 1)])
    if name in {"asinh", "acosh"}:
        return rng.uniform(2**27, 2**29, n)
    if name in {"erf", "erfc"}:
        return np.concatenate([rng.uniform(0.4, 0.8, 2 * n), rng.uniform(5.5, 28.0, 2 * n)])
    if name in {"lgamma", "psi"}:
        whole = _neighbours(np.arange(1, 20).astype(np.float64))
        return np.concatenate([rng.uniform(0, 12, 4 * n), whole, 10.0 ** rng.uniform(0, 306, n)])
    ties = np.arange(-1100, 1100) * np.float64(math.log(2) / 2)  # ends of the reduced range
    return np.concatenate(
        [
            rng.uniform(-746, -700, n),  # denormal exponentials
            rng.uniform(709, 711, n),  # the last finite exponentials
            _neighbours(ties),
            np.exp2(np.arange(-1074.0, 1024.0)),
            np.sqrt(2) * np.exp2(np.arange(-300.0, 300.0)),
        ]
    )


def arguments(name: str, n: int = 400) -> Array:
    """Arguments within the domain of a function of one argument; several times n of them."""
    rng = np.random.default_rng(7)
    x = np.concatenate([_everywhere(rng, n), _hard(name, rng, n)])
    low, high = DOMAINS.get(name, (-math.inf, math.inf))
    if low > 0:
        x = np.abs(x)
    elif high < 0:
        x = -np.abs(x)
    if low == -1.0 or high == 1.0:
        x = np.concatenate([x, [-1.0, 1.0]])
    return x[(x >= low) & (x <= high)]


def powers(n: int = 400) -> tuple[Array, Array]:
    """Bases and exponents, most of them such that the power is neither zero nor infinite."""
    rng = np.random.default_rng(8)
    bases = [
        10.0 ** rng.uniform(-307, 308, n),
        10.0 ** rng.uniform(-323, -307, n),  # denormal
        1 + rng.choice([-1.0, 1.0], n) * 10.0 ** rng.uniform(-15.9, -0.5, n),
        np.sqrt(2) * np.exp2(rng.integers(-1000, 1000, n)),  # the end of the reduced range
    ]
    results = [
        rng.uniform(-745, 709.7, n),
        rng.uniform(-746, -700, n),  # denormal
        rng.uniform(705, 710, n),  # the last finite ones
    ]
    x = np.concatenate([base for base in bases for _ in results])
    y = np.concatenate([result / np.log(base) for base in bases for result in results])
    usual = rng.uniform(0, 20, n), rng.uniform(-10, 10, n)
    hill = 10.0 ** rng.uniform(-4, 4, n), rng.uniform(0.1, 8, n)
    whole = rng.integers(-50, 50, n) + 0.5, rng.integers(-40, 40, n)
    tiny = 10.0 ** rng.uniform(-3, 3, n), 10.0 ** rng.uniform(-320, -5, n)
    pairs = [(x, y), usual, hill, whole, tiny]
    return np.concatenate([p[0] for p in pairs]), np.concatenate([p[1] for p in pairs])
