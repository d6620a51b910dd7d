"""Tight solutions that contenders are checked against."""

from __future__ import annotations

from functools import cache

import numpy as np

from benchmarks.contenders.bn_method import bn_method
from benchmarks.contenders.contender import Result
from benchmarks.problems import problem


@cache
def reference_of_first(name: str, subjects: int) -> Result:
    """CVODES at 1e-12, for the first subjects; `bench_reference.py` checks it against SciPy.

    Tightened further, its gradient moves by 1e-9 of its norm, on the stiff problem by 6e-9.
    """
    given = problem(name).head(subjects)
    contender = bn_method(
        given,
        1e-12,
        1e-14,
        method="bdf" if given.stiff else "adams",
        adjoint_rtol=1e-12,
        adjoint_atol=1e-15,
        max_steps=10**6,
    )
    found = contender.result(contender.call())
    if not (np.isfinite(found.value) and np.isfinite(found.gradient).all()):
        raise RuntimeError(f"the reference of {name} failed")
    return found


def errors(found: Result, exact: Result) -> tuple[float, float]:
    """Error of the value, relative, and of the gradient, in norm relative to its own."""
    to_value = abs(found.value - exact.value) / abs(exact.value)
    to_gradient = np.linalg.norm(found.gradient - exact.gradient) / np.linalg.norm(exact.gradient)
    return float(to_value), float(to_gradient)
