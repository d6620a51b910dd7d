"""Where along a patient's time a target looks at an output."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_EDGES = np.array([0.0, 1.0 / 64.0, 1.0 / 16.0, 0.25, 1.0])
_NODES = 8
_STEPS = 64


@dataclass(frozen=True, eq=False)
class Places:
    """T places.

    Attributes
    ----------
    times : ndarray (T,)
    before : ndarray (T,), bool
        Whether a dose at that very time has not been given yet.
    weights : ndarray (T,)
        For a sum over the places; what it means is the target's affair.
    """

    times: Array
    before: NDArray[np.bool_]
    weights: Array


def at(time: float) -> Places:
    """One place, just before what happens then."""
    return Places(np.array([time]), np.array([True]), np.ones(1))


def quadrature(start: float, end: float, breaks: Sequence[float]) -> Places:
    """Places and weights whose weighted sum is the integral over a window.

    Gauss-Legendre rules of 8 nodes on panels that are short after each break, where solutions
    change fastest.
    """
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    times, all_weights = [], []
    for begin, stop in _pieces(start, end, breaks):
        edges = begin + (stop - begin) * _EDGES
        for low, high in pairwise(edges):
            times.append(0.5 * (low + high) + 0.5 * (high - low) * nodes)
            all_weights.append(0.5 * (high - low) * weights)
    found = np.concatenate(times)
    return Places(found, np.zeros(found.size, dtype=np.bool_), np.concatenate(all_weights))


def grid(start: float, end: float, breaks: Sequence[float]) -> Places:
    """A fine grid with both sides of every break.

    Weights are the lengths from each place to the next: 0 from the near to the far side of a break,
    and for the last place.
    """
    times, before = [], []
    for begin, stop in _pieces(start, end, breaks):
        # Denser after a break.
        shares = np.unique(
            np.concatenate([np.linspace(0.0, 1.0, _STEPS + 1), np.linspace(0.0, 0.125, 33)])
        )
        times.append(begin + (stop - begin) * shares)
        times[-1][-1] = stop
        before.append(np.append(np.zeros(shares.size - 1, dtype=np.bool_), True))
    found = np.concatenate(times)
    return Places(found, np.concatenate(before), np.append(np.diff(found), 0.0))


def _pieces(start: float, end: float, breaks: Sequence[float]) -> list[tuple[float, float]]:
    inside = sorted({b for b in breaks if start < b < end})
    edges = [start, *inside, end]
    return list(pairwise(edges))
