"""The covariance of random effects beside their covariates, drawn given all else."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bnode_nlme.discovery.effect_likelihood import EffectLikelihood

Array = NDArray[np.float64]

_PRIOR_SUBJECTS = 4.0
"""Weight of the prior of the unexplained covariance, in subjects."""


def draw_unexplained(
    given: EffectLikelihood, fitted: Array, unexplained: Array, rng: np.random.Generator
) -> Array:
    """Draw the effects themselves, then their covariance around what the covariates explain.

    Parameters
    ----------
    given
        What the measurements say of the effects.
    fitted : ndarray (S, K)
        What the covariates explain.
    unexplained : ndarray (K, K)
        The covariance before.
    rng

    Returns
    -------
    ndarray (K, K)
    """
    n, k = fitted.shape
    precision = given.precision + np.linalg.inv(unexplained)
    pull = given.shift - np.einsum("sij,sj->si", given.precision, fitted)
    centre = np.linalg.solve(precision, pull[..., None])[..., 0]
    factor = np.linalg.cholesky(precision)
    noise = rng.standard_normal((n, k, 1))
    rest = centre + np.linalg.solve(np.swapaxes(factor, 1, 2), noise)[..., 0]
    freedom = _PRIOR_SUBJECTS + k + 1.0
    scale = 0.5 * _PRIOR_SUBJECTS * given.population + rest.T @ rest
    return _inverse_wishart(freedom + n, scale, rng)


def _inverse_wishart(freedom: float, scale: Array, rng: np.random.Generator) -> Array:
    """One draw, by Bartlett's decomposition."""
    k = scale.shape[0]
    lower = np.tril(rng.standard_normal((k, k)), -1)
    lower[np.diag_indices(k)] = np.sqrt(rng.chisquare(freedom - np.arange(k)))
    half = np.linalg.solve(lower, np.linalg.cholesky(scale).T)
    return np.asarray(half.T @ half)
