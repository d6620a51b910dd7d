"""A linear mixed model whose posterior and marginal likelihood have closed forms."""

from __future__ import annotations

import numpy as np
import pymc as pm
from numpy.typing import NDArray

SUBJECTS, REPEATS, SIGMA, OMEGA, PRIOR_SD = 5, 3, 0.5, 0.8, 2.0

DATA: NDArray[np.float64] = (
    1.3
    + OMEGA * np.array([-1.1, 0.4, 0.9, -0.2, 0.3])[:, None]
    + SIGMA * np.random.default_rng(11).normal(size=(SUBJECTS, REPEATS))
)


def linear_mixed(*, omega: float | None = OMEGA, centred: bool = False) -> pm.Model:
    """y_ij = m + omega z_i + noise; omega known, or with a half-normal prior."""
    coords = {"subject": np.arange(1, SUBJECTS + 1), "repeat": np.arange(REPEATS)}
    with pm.Model(coords=coords) as model:
        m = pm.Normal("m", 0.0, PRIOR_SD)
        sd = pm.HalfNormal("omega", 1.0) if omega is None else omega
        if centred:
            effect = pm.Normal("eta", 0.0, sd, dims="subject")
        else:
            effect = sd * pm.Normal("z", dims="subject")
        pm.Normal("y", (m + effect)[:, None], SIGMA, observed=DATA, dims=("subject", "repeat"))
    return model


def exact_posterior() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean (1 + subjects,) and covariance of (m, z_1, ..., z_S) with omega known."""
    n = 1 + SUBJECTS
    design = np.zeros((SUBJECTS * REPEATS, n))
    design[:, 0] = 1.0
    for subject in range(SUBJECTS):
        design[subject * REPEATS : (subject + 1) * REPEATS, 1 + subject] = OMEGA
    prior = np.diag([1.0 / PRIOR_SD**2, *np.ones(SUBJECTS)])
    covariance = np.linalg.inv(prior + design.T @ design / SIGMA**2)
    return covariance @ design.T @ DATA.ravel() / SIGMA**2, covariance


def exact_objective(m: float, omega: float) -> float:
    """Minus twice the log-likelihood with the effects integrated out, less N log(2 pi)."""
    covariance = SIGMA**2 * np.eye(REPEATS) + omega**2 * np.ones((REPEATS, REPEATS))
    residuals = DATA - m
    quadratic = np.einsum("ij,jk,ik->", residuals, np.linalg.inv(covariance), residuals)
    return float(SUBJECTS * np.linalg.slogdet(covariance)[1] + quadratic)
