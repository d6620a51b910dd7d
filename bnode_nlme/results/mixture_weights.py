"""Samples of several distributions, weighted for each of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

Array = NDArray[np.float64]

_ROUNDS = 500


def mixture_weights(density: Array, counts: NDArray[np.int64]) -> Array:
    """Weigh samples of T distributions, pooled, as samples of each of them.

    Parameters
    ----------
    density : ndarray (T, N)
        Log-density of every sample under every distribution, not normalised.
    counts : ndarray (T,)
        How many of the samples came from each.

    Returns
    -------
    ndarray (T, N)
        The weight of each sample for each distribution. They sum to 1 over all, and over the
        samples to the distribution's share of all normalising constants.

    Notes
    -----
    Constants and weights solve the equations of the multistate Bennett acceptance ratio (Shirts
    and Chodera 2008, doi:10.1063/1.2978177).
    """
    constants = np.zeros(len(counts))
    log_counts = np.log(counts)
    for _ in range(_ROUNDS):
        mixture = logsumexp(density + (log_counts - constants)[:, None], axis=0)
        new = logsumexp(density - mixture, axis=1)
        new -= new[0]
        settled = np.max(np.abs(new - constants)) < 1e-8
        constants = new
        if settled:
            break
    log_weights = density - logsumexp(density + (log_counts - constants)[:, None], axis=0)
    weights = np.exp(log_weights - log_weights.max())
    return np.asarray(weights / weights.sum())
