"""Limited-memory BFGS that keeps its path and steps back from where the function is not finite."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Function = Callable[[Vector], tuple[float, Vector]]

_SUFFICIENT, _CURVATURE = 1e-4, 0.9
_MAX_TRIALS = 40


@dataclass(frozen=True, eq=False)
class Optimum:
    """Where a minimisation ended, and how it came there.

    Attributes
    ----------
    x, gradient : ndarray (n,)
    value : float
    converged : bool
        Whether the gradient is within the tolerance.
    path, gradients : ndarray (iterations + 1, n)
        The accepted points, the first and last included, and the gradients there.
    evaluations : int
    """

    x: Vector
    value: float
    gradient: Vector
    converged: bool
    path: NDArray[np.float64]
    gradients: NDArray[np.float64]
    evaluations: int

    @property
    def iterations(self) -> int:
        """Steps taken."""
        return len(self.path) - 1


def minimise(
    function: Function,
    start: Vector,
    *,
    max_iterations: int = 500,
    tolerance: float = 1e-6,
    relative: float = 0.0,
    history: int = 10,
) -> Optimum:
    """Minimise a smooth function.

    Steps satisfy the weak Wolfe conditions, found by bisection (Lewis and Overton 2013,
    doi:10.1007/s10107-012-0514-2), which needs no finite value beyond the bracket: where a solve
    fails, the step is halved.

    Parameters
    ----------
    function
        Value and gradient.
    start : ndarray (n,)
        With a finite value and gradient.
    max_iterations
        Of steps.
    tolerance
        For the largest component of the gradient.
    relative
        Stop when a step lowers the value by less than this share of its magnitude.
    history
        Pairs of steps that are remembered.

    Returns
    -------
    Optimum

    Raises
    ------
    ValueError
        When the function is not finite at `start`.
    """
    x = np.array(start, dtype=np.float64)
    value, gradient = function(x)
    if not (np.isfinite(value) and np.all(np.isfinite(gradient))):
        raise ValueError(f"minimise wants a start with a finite value; found {value}.")
    path, gradients, evaluations = [x], [gradient], 1
    steps: list[Vector] = []
    changes: list[Vector] = []
    for _ in range(max_iterations):
        if np.max(np.abs(gradient), initial=0.0) <= tolerance:
            break
        direction = -_apply_inverse(gradient, steps, changes)
        slope = float(direction @ gradient)
        if slope >= 0.0:
            steps, changes = [], []
            direction = -gradient
            slope = float(direction @ gradient)
        first = 1.0 if steps else min(1.0, 1.0 / float(np.max(np.abs(gradient))))
        found = _line_search(function, x, value, direction, slope, first)
        evaluations += found.trials
        if found.x is None:
            if not steps:
                break
            steps, changes = [], []  # once more, along the gradient itself
            continue
        step, change = found.x - x, found.gradient - gradient
        if float(step @ change) > 1e-10 * float(change @ change):
            steps, changes = [*steps, step][-history:], [*changes, change][-history:]
        lowered = value - found.value
        x, value, gradient = found.x, found.value, found.gradient
        path.append(x)
        gradients.append(gradient)
        if lowered <= relative * abs(value):
            break
    return Optimum(
        x=x,
        value=value,
        gradient=gradient,
        converged=bool(np.max(np.abs(gradient), initial=0.0) <= tolerance),
        path=np.array(path),
        gradients=np.array(gradients),
        evaluations=evaluations,
    )


def warn_unless_converged(method: str, found: Optimum, tolerance: float) -> None:
    """Say that the estimates of a fit's caller are no optimum.

    Warns
    -----
    UserWarning
        With the largest gradient and the tolerance.
    """
    if not found.converged:
        warnings.warn(
            f"{method}: not converged after {found.iterations} iterations; the largest component "
            f"of the gradient is {np.max(np.abs(found.gradient)):.3g}, wanted was {tolerance:g} or "
            "less. The estimates may be far from the optimum: give other start=, more "
            "max_iterations=, a tighter solver, or, if that gradient is small enough, a larger "
            "tolerance=.",
            stacklevel=5,  # the caller of fit
        )


@dataclass(frozen=True, eq=False)
class _Found:
    x: Vector | None
    value: float
    gradient: Vector
    trials: int


def _line_search(
    function: Function, x: Vector, value: float, direction: Vector, slope: float, first: float
) -> _Found:
    low, high, length = 0.0, np.inf, first
    best: _Found | None = None
    for trial in range(1, _MAX_TRIALS + 1):
        tried = x + length * direction
        new, gradient = function(tried)
        finite = np.isfinite(new) and bool(np.all(np.isfinite(gradient)))
        if not finite or new > value + _SUFFICIENT * length * slope:
            high = length
        else:
            best = _Found(tried, new, gradient, trial)
            if float(gradient @ direction) >= _CURVATURE * slope:
                return best
            low = length
        length = 0.5 * (low + high) if np.isfinite(high) else 2.0 * low
        if np.isfinite(high) and high - low < 1e-14 * high:
            break
    if best is not None:
        return _Found(best.x, best.value, best.gradient, _MAX_TRIALS)
    return _Found(None, value, direction, _MAX_TRIALS)


def _apply_inverse(gradient: Vector, steps: list[Vector], changes: list[Vector]) -> Vector:
    """The two-loop recursion (Nocedal and Wright 2006, algorithm 7.4)."""
    result = gradient.copy()
    weights = []
    for step, change in zip(reversed(steps), reversed(changes), strict=True):
        weight = float(step @ result) / float(step @ change)
        result -= weight * change
        weights.append(weight)
    if steps:
        result *= float(steps[-1] @ changes[-1]) / float(changes[-1] @ changes[-1])
    for step, change, weight in zip(steps, changes, reversed(weights), strict=True):
        result += step * (weight - float(change @ result) / float(step @ change))
    return result
