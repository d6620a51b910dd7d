"""Normal approximations of an unconstrained posterior."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular


@dataclass(frozen=True, eq=False)
class Gaussian:
    """A normal distribution by its mean and the lower factor of its covariance.

    Attributes
    ----------
    mean : ndarray (n,)
    factor : ndarray (n, n) or (n,)
        Lower triangular, or the standard deviations where it is diagonal.
    """

    mean: NDArray[np.float64]
    factor: NDArray[np.float64]

    def transform(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        """Turn standard normal numbers (draws, n) into draws (draws, n)."""
        return self.mean + (z * self.factor if self.factor.ndim == 1 else z @ self.factor.T)

    def log_density(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        """Log-density of ``transform(z)``, (draws,)."""
        diagonal = self.factor if self.factor.ndim == 1 else np.diag(self.factor)
        constant = 0.5 * self.mean.size * np.log(2.0 * np.pi) + np.sum(np.log(np.abs(diagonal)))
        return -0.5 * np.sum(z**2, axis=-1) - constant

    def log_density_at(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Log-density of draws x (draws, n)."""
        centred = x - self.mean
        if self.factor.ndim == 1:
            return self.log_density(centred / self.factor)
        return self.log_density(solve_triangular(self.factor, centred.T, lower=True).T)
