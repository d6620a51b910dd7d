"""A population model simple enough to be simulated thousands of times."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

TIMES = np.array([0.5, 1.0, 2.0, 4.0, 8.0, 12.0, 24.0])


def oral_dose(
    rng: np.random.Generator,
    shape: tuple[int, ...],
    *,
    omega: float = 0.3,
    sigma: float = 0.15,
    floor: float = 0.05,
    dose: float | NDArray[np.float64] = 100.0,
) -> NDArray[np.float64]:
    """Concentrations (*shape, subject by subject times `TIMES`) after one oral dose.

    One compartment: ka 1.2/h, CL 3 L/h, V 30 L, all log-normal with standard deviation `omega`;
    combined error with the proportional part `sigma` and the additive part `floor` mg/L.
    """
    ka, clearance, volume = (
        typical * np.exp(omega * rng.normal(size=(*shape, 1))) for typical in (1.2, 3.0, 30.0)
    )
    k = clearance / volume
    mean = np.asarray(dose)[..., None] / volume * ka / (ka - k)
    mean = mean * (np.exp(-k * TIMES) - np.exp(-ka * TIMES))
    values = mean + np.hypot(sigma * mean, floor) * rng.normal(size=mean.shape)
    return values.reshape(*shape[:-1], -1)


def straight_line(
    rng: np.random.Generator, shape: tuple[int, ...], *, sigma: float = 0.5
) -> NDArray[np.float64]:
    """A mixed model that is linear: intercept and slope normal, as is the error, at `TIMES`."""
    intercept, slope = rng.normal(size=(2, *shape, 1))
    mean = 5.0 + intercept + (0.2 + 0.1 * slope) * TIMES
    values = mean + sigma * rng.normal(size=mean.shape)
    return values.reshape(*shape[:-1], -1)
