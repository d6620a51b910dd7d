"""Importance weights: how far an approximation is from the posterior, and the way back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from arviz_stats.base.array import array_stats
from numpy.typing import NDArray

RELIABLE = 0.7
"""Pareto k up to which importance weights can be used (Vehtari et al. 2024, arXiv 1507.02646)."""


@dataclass(frozen=True, eq=False)
class Importance:
    """Pareto-smoothed importance weights.

    Attributes
    ----------
    weights : ndarray (draws,)
        Normalised to 1.
    pareto_k : float
    """

    weights: NDArray[np.float64]
    pareto_k: float

    @property
    def reliable(self) -> bool:
        """Whether the weights may be used."""
        return bool(self.pareto_k < RELIABLE)

    @property
    def effective(self) -> float:
        """Effective number of draws, as the weights have it."""
        return effective_count(self.weights)


def effective_count(weights: NDArray[np.float64]) -> float:
    """How many equal weights are worth as much: one over the sum of squares of shares (Kish)."""
    return float(np.sum(weights) ** 2 / np.sum(weights**2))


def importance(log_target: NDArray[np.float64], log_proposal: NDArray[np.float64]) -> Importance:
    """Smooth the importance weights of draws.

    Parameters
    ----------
    log_target, log_proposal : ndarray (draws,)
        Log-densities at the draws, the target's up to a constant; -inf where it is not defined.

    Returns
    -------
    Importance
    """
    ratio = np.where(np.isfinite(log_target), log_target - log_proposal, -np.inf)
    possible = np.isfinite(ratio)
    weights = np.zeros(ratio.shape)
    if not possible.any():
        return Importance(np.full(ratio.shape, 1.0 / ratio.size), np.inf)
    shifted = ratio[possible] - np.max(ratio[possible])
    if np.ptp(shifted) < 1e-8:  # the approximation is exact, and the tail has no shape
        weights[possible] = 1.0 / possible.sum()
        return Importance(weights, -np.inf)
    smoothed, pareto_k = array_stats.psislw(-shifted)
    weights[possible] = np.exp(smoothed - np.max(smoothed))
    # Where all but one or a few weights are 0 to rounding, there is no tail to fit: NaN.
    found = np.inf if np.isnan(pareto_k) else float(pareto_k)
    return Importance(weights / weights.sum(), found)


def resample(
    weights: NDArray[np.float64], count: int, rng: np.random.Generator
) -> NDArray[np.intp]:
    """Draw indices in proportion to weights, systematically, in random order.

    Systematic resampling repeats a draw no more often than its weight asks for.
    """
    edges = np.cumsum(weights)
    points = (rng.random() + np.arange(count)) / count * edges[-1]
    chosen = np.searchsorted(edges, points, side="right").clip(max=weights.size - 1)
    return rng.permutation(chosen)
