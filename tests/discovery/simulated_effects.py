"""Posteriors of random effects, simulated: candidates, some of which matter, measured with error."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bnode_nlme.discovery import EffectLikelihood, effect_likelihood

Array = NDArray[np.float64]

UNEXPLAINED, STRENGTH, ERROR = 0.25, 0.17, 0.12
"""Standard deviations: beside the covariates, of each real term, of the measurement (median)."""


@dataclass(frozen=True, eq=False)
class SimulatedEffects:
    covariates: dict[str, Array]
    likelihood: EffectLikelihood
    truth: Array


def simulated_effects(
    seed: int,
    *,
    subjects: int = 100,
    candidates: int = 20,
    real: bool = True,
    collinear: float | None = None,
) -> SimulatedEffects:
    """One effect: linear in X0, in the category X1, U-shaped in X2; X3, ... do nothing.

    With `collinear`, X3 has that correlation with X0. Candidates from X4 on are normal, log-normal
    (as weight and creatinine are) and binary in turn, with correlations of 0.3 between neighbours.
    """
    rng = np.random.default_rng([17, seed])
    z = rng.normal(size=(subjects, candidates))
    for j in range(5, candidates):
        z[:, j] = 0.3 * z[:, j - 1] + np.sqrt(1 - 0.3**2) * z[:, j]
    if collinear is not None:
        z[:, 3] = collinear * z[:, 0] + np.sqrt(1 - collinear**2) * z[:, 3]
    columns = {}
    for j in range(candidates):
        kind = "binary" if j == 1 else "normal" if j < 4 else ("normal", "log", "binary")[j % 3]
        columns[f"X{j}"] = {
            "normal": z[:, j],
            "log": 70.0 * np.exp(0.25 * z[:, j]),
            "binary": (z[:, j] > 0.0).astype(float),
        }[kind]
    terms = np.stack([z[:, 0], 2.0 * columns["X1"] - 1.0, (z[:, 2] ** 2 - 1.0) / np.sqrt(2.0)])
    fixed = STRENGTH * terms.sum(axis=0) if real else np.zeros(subjects)
    effect = fixed + UNEXPLAINED * rng.normal(size=subjects)
    error = ERROR * np.exp(0.5 * rng.normal(size=subjects))
    measured = effect + error * rng.normal(size=subjects)
    # What a fit without covariates knows: the posterior under the population's whole variance.
    population = UNEXPLAINED**2 + (3 * STRENGTH**2 if real else 0.0)
    variance = 1.0 / (1.0 / population + 1.0 / error**2)
    mean = variance * measured / error**2
    noise = rng.normal(size=(400, subjects, 1))
    draws = mean[:, None] + np.sqrt(variance)[:, None] * noise
    return SimulatedEffects(
        columns,
        effect_likelihood(draws, [[population]], np.arange(subjects), ("CL",)),
        effect,
    )
