"""Random effects drawn by importance sampling around their modes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, logsumexp

from bnode_nlme.results.effect_modes import effect_modes
from bnode_nlme.results.individual_likelihood import IndividualLikelihood

Array = NDArray[np.float64]

_FREEDOM, _WIDENING = 5.0, 1.1
_PRIOR_SHARE = 0.25


@dataclass(frozen=True, eq=False)
class WeightedEffects:
    """Standardised random effects with importance weights.

    Attributes
    ----------
    z : ndarray (D, J, S, q)
        J vectors for each subject at each draw of the population.
    log_likelihood : ndarray (D, J, S)
        Of the subject's measurements there.
    log_prior, log_proposal : ndarray (D, J, S)
        Log-densities of the vectors: standard normal, and what they were drawn from.
    of_prior : int
        How many of the J were drawn from the population's own distribution: the first ones.
    """

    z: Array
    log_likelihood: Array
    log_prior: Array
    log_proposal: Array
    of_prior: int

    @property
    def log_weight(self) -> Array:
        """Logarithm of likelihood times prior over proposal, (D, J, S)."""
        return self.log_likelihood + self.log_prior - self.log_proposal

    @property
    def log_evidence(self) -> Array:
        """Logarithm of the density of each subject's measurements at each draw, (D, S)."""
        return np.asarray(logsumexp(self.log_weight, axis=1) - np.log(self.z.shape[1]))


def weighted_effects(
    likelihood: IndividualLikelihood, points: int, rng: np.random.Generator
) -> WeightedEffects:
    """Draw random effects of every subject at every draw of the population.

    Parameters
    ----------
    likelihood
        Of the subjects' measurements.
    points
        Vectors for each subject and draw, J.
    rng
        For drawing.

    Returns
    -------
    WeightedEffects
        From the mixture, in fixed parts, of the population's own distribution (a quarter) and of a
        t distribution with the mode and the curvature of each draw and subject (Laplace), whose
        tails are wider than the posterior's: weights are bounded by the first part and even by
        the second.
    """
    modes = effect_modes(likelihood, rng)
    draws, subjects, size = modes.z.shape
    of_prior = int(np.clip(round(_PRIOR_SHARE * points), 1, max(1, points - 1)))
    share = of_prior / points
    # Of the curvature and not of its inverse, in which rounding loses the steepest direction.
    root = np.swapaxes(np.linalg.cholesky(modes.curvature), -1, -2) / _WIDENING
    factor = np.linalg.solve(root, np.eye(size))
    standard = rng.standard_normal((draws, points - of_prior, subjects, size))
    standard *= np.sqrt(_FREEDOM / rng.chisquare(_FREEDOM, size=(*standard.shape[:3], 1)))
    near = modes.z[:, None] + np.einsum("dsij,dpsj->dpsi", factor, standard)
    z = np.concatenate([rng.standard_normal((draws, of_prior, subjects, size)), near], axis=1)
    log_prior = -0.5 * np.sum(z**2, axis=-1) - 0.5 * size * np.log(2.0 * np.pi)
    back = np.einsum("dsij,dpsj->dpsi", root, z - modes.z[:, None])
    log_near = (
        gammaln(0.5 * (_FREEDOM + size))
        - gammaln(0.5 * _FREEDOM)
        - 0.5 * size * np.log(_FREEDOM * np.pi)
        - 0.5 * (_FREEDOM + size) * np.log1p(np.sum(back**2, axis=-1) / _FREEDOM)
        + np.sum(np.log(np.diagonal(root, axis1=-2, axis2=-1)), axis=-1)[:, None]
    )
    near_share = np.log1p(-share) if share < 1.0 else -np.inf
    log_proposal = np.logaddexp(np.log(share) + log_prior, near_share + log_near)
    every = np.arange(draws)
    return WeightedEffects(
        z, likelihood.log_likelihood(z, every), log_prior, log_proposal, of_prior
    )
