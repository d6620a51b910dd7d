"""Tight solutions that contenders are checked against."""

from __future__ import annotations

from functools import cache

import numpy as np

from benchmarks.contenders.bn_method import bn_method
from benchmarks.contenders.contender import Result
from benchmarks.problems import problem

RTOL = 1e-10


@cache
def reference(name: str) -> Result:
    """CVODES at 1e-10 and 1e-13; `bench_reference.py` checks it against SciPy."""
    contender = bn_method(problem(name), RTOL, 1e-3 * RTOL, method="bdf", max_steps=10**6)
    found = contender.result(contender.call())
    if not (np.isfinite(found.value) and np.isfinite(found.gradient).all()):
        raise RuntimeError(f"the reference of {name} failed")
    return found


@cache
def reference_of_first(name: str, subjects: int) -> Result:
    """The same for the first subjects alone."""
    whole = problem(name)
    if subjects == whole.study.n_subjects:
        return reference(name)
    contender = bn_method(whole.head(subjects), RTOL, 1e-3 * RTOL, method="bdf", max_steps=10**6)
    return contender.result(contender.call())


def errors(found: Result, exact: Result) -> tuple[float, float]:
    """Error of the value, relative, and of the gradient, in norm relative to its own."""
    to_value = abs(found.value - exact.value) / abs(exact.value)
    to_gradient = np.linalg.norm(found.gradient - exact.gradient) / np.linalg.norm(exact.gradient)
    return float(to_value), float(to_gradient)
