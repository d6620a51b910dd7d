"""Draws of an approximation, moved by Hamiltonian Monte Carlo to see whether they spread."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bnode_nlme.inference.flat_model import FlatModel, Vector

_DRAWS, _TRANSITIONS, _STEPS = 128, 30, 8


def moved_by_hmc(
    flat: FlatModel, positions: NDArray[np.float64], rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Move some draws by a few transitions that leave the posterior as it is.

    Draws of the posterior would keep their spread. Where it grows, the draws were too narrow, and
    the posterior is at least that wide in tendency: the transitions are few, so that the spread
    need not have grown to its end.

    Parameters
    ----------
    flat
        The model.
    positions : ndarray (draws, size)
        With finite log-density.
    rng
        For momenta.

    Returns
    -------
    ndarray, ndarray (chosen draws, size)
        Before and after.
    """
    before = positions[rng.permutation(len(positions))[:_DRAWS]]
    scale = np.maximum(positions.std(axis=0), 1e-8)
    points = [(x, *flat.logp_and_gradient(x)) for x in before]
    length = 0.5 / flat.size**0.25
    for _ in range(_TRANSITIONS):
        accepted = 0.0
        for place, (x, logp, gradient) in enumerate(points):
            step = length * rng.uniform(0.8, 1.2) * scale
            momentum = rng.normal(size=x.size)
            moved, end = _leapfrog(flat, x, momentum, gradient, step)
            with np.errstate(over="ignore"):  # a path that diverges is refused
                change = moved[1] - logp - 0.5 * (end @ end - momentum @ momentum)
            probability = float(np.exp(min(change, 0.0))) if np.isfinite(change) else 0.0
            accepted += probability
            if rng.random() < probability:
                points[place] = moved
        rate = accepted / len(points)
        length *= 1.3 if rate > 0.9 else 0.7 if rate < 0.6 else 1.0
    return before, np.array([x for x, _, _ in points])


def _leapfrog(
    flat: FlatModel, x: Vector, momentum: Vector, gradient: Vector, step: Vector
) -> tuple[tuple[Vector, float, Vector], Vector]:
    logp = -np.inf
    momentum = momentum + 0.5 * step * gradient
    for place in range(_STEPS):
        x = x + step * momentum
        logp, gradient = flat.logp_and_gradient(x)
        if not (np.isfinite(logp) and np.all(np.isfinite(gradient))):
            return (x, -np.inf, gradient), momentum
        momentum = momentum + (0.5 if place == _STEPS - 1 else 1.0) * step * gradient
    return (x, logp, gradient), momentum
