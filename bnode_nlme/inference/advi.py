"""Automatic differentiation variational inference, mean-field and full-rank."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bnode_nlme.inference.draws import Draws
from bnode_nlme.inference.flat_model import FlatModel, Vector
from bnode_nlme.inference.gaussian import Gaussian
from bnode_nlme.inference.random_effects import effect_variables
from bnode_nlme.inference.variational_check import Candidates, checked_draws

_RATES = (0.05, 0.015, 0.005, 0.0015)
_WINDOW, _PATIENCE = 100, 5
_POOL = 4


@dataclass(frozen=True)
class ADVISettings:
    """How the variational posterior is found.

    Attributes
    ----------
    family : {"mean-field", "full-rank"}
    max_steps : int
        Of the optimiser, in all.
    gradients : int
        Draws whose gradients make a step.
    """

    family: Literal["mean-field", "full-rank"] = "mean-field"
    max_steps: int = 20_000
    gradients: int = 4

    def __post_init__(self) -> None:
        if self.family not in ("mean-field", "full-rank"):
            raise ValueError(
                f"advi: family= wants 'mean-field' or 'full-rank'; found {self.family!r}."
            )
        for name in ("max_steps", "gradients"):
            if getattr(self, name) < 1:
                raise ValueError(f"advi: {name}= wants 1 or more; found {getattr(self, name)!r}.")


def advi(
    flat: FlatModel,
    start: Vector,
    draws: int,
    rng: np.random.Generator,
    settings: ADVISettings,
    note: Callable[[int, float], None],
) -> Draws:
    """Fit a normal distribution on the unconstrained scale, and draw from it.

    Kucukelbir et al. 2017 (JMLR 18:14), with the gradient of Roeder, Wu and Duvenaud (2017, arXiv
    1703.09194), whose noise goes to zero where the family holds the posterior, Adam with falling
    step sizes, and the mean of the last steps (Dhaka et al. 2020, arXiv 2009.00666).

    Parameters
    ----------
    flat
        The model.
    start : ndarray (size,)
        First mean.
    draws
        How many to draw.
    rng
        For steps and draws.
    settings
        See there.
    note
        Called with the number of steps made and the present ELBO.

    Returns
    -------
    Draws
        One chain, checked by importance weights.
    """
    optimiser = _Optimiser(flat, start, settings, rng)
    steps = optimiser.run(_RATES, note)
    if settings.family == "full-rank":
        # From the mean-field fit on, with small steps: hundreds of entries move at a time.
        optimiser.make_full_rank()
        steps += optimiser.run(_RATES[1:], note)
    fitted = optimiser.averaged()
    z = rng.normal(size=(_POOL * draws, start.size))
    positions = fitted.transform(z)
    target = np.array([flat.logp_and_gradient(x)[0] for x in positions])
    proposal = fitted.log_density(z)
    usable = np.isfinite(target)
    return checked_draws(
        flat,
        Candidates(positions, target, proposal),
        draws,
        rng,
        method=f"advi ({settings.family})",
        attributes={
            "family": settings.family,
            "steps": steps,
            "elbo": float(np.mean(target[usable] - proposal[usable])) if usable.any() else -np.inf,
            "failed_draws": int(np.sum(~usable)),
        },
    )


class _Optimiser:
    """Adam over the mean, the logarithms of the diagonal, and where full-rank what is below it.

    The factor is that of the variables divided by `_scale`.
    """

    def __init__(
        self, flat: FlatModel, start: Vector, settings: ADVISettings, rng: np.random.Generator
    ) -> None:
        self._flat, self._settings, self._rng = flat, settings, rng
        self._size = start.size
        sd = np.full(self._size, 0.1)
        for name in effect_variables(flat.model):
            sd[flat.slices[name]] = 0.3
        self._scale = np.ones(self._size)
        self._below: tuple[NDArray[np.intp], ...] | None = None
        self._values = np.concatenate([start, np.log(sd)])
        self._mean_values = self._values

    def make_full_rank(self) -> None:
        """Go on from the mean-field posterior with a full factor, in units of its scales."""
        mean, log_sd = np.split(self._mean_values, 2)
        self._scale = np.exp(log_sd)
        self._below = np.tril_indices(self._size, -1)
        n_below = self._below[0].size
        self._values = np.concatenate([mean / self._scale, np.zeros(self._size + n_below)])
        self._mean_values = self._values

    def run(self, rates: tuple[float, ...], note: Callable[[int, float], None]) -> int:
        """Step until the ELBO rises no more at the smallest rate; returns the number of steps.

        Each rate begins at the mean of the best window of steps so far.
        """
        taken, best = 0, -np.inf
        for place, rate in enumerate(rates):
            budget = self._settings.max_steps * (place + 1) // len(rates)
            self._values = self._mean_values
            first, second, age = np.zeros_like(self._values), np.zeros_like(self._values), 0
            since = 0
            while taken < budget and since < _PATIENCE:
                total, bounds = np.zeros_like(self._values), []
                for _ in range(_WINDOW):
                    bound, gradient = self._gradient()
                    age += 1
                    first = 0.9 * first + 0.1 * gradient
                    second = 0.999 * second + 0.001 * gradient**2
                    scale = np.sqrt(second / (1.0 - 0.999**age)) + 1e-8
                    self._values = self._values + rate * first / (1.0 - 0.9**age) / scale
                    total += self._values
                    bounds.append(bound)
                taken += _WINDOW
                now = float(np.mean(bounds))  # -inf where a step found no draw that solves
                note(taken, now)
                since += 1
                if now > best:
                    best, since = now, 0
                    self._mean_values = total / _WINDOW
        return taken

    def averaged(self) -> Gaussian:
        """The mean of the best window's steps."""
        return self._gaussian(self._mean_values)

    def _gaussian(self, values: Vector) -> Gaussian:
        mean, sd = values[: self._size], np.exp(values[self._size : 2 * self._size])
        if self._below is None:
            return Gaussian(mean, sd)
        factor = np.diag(sd)
        factor[self._below] = values[2 * self._size :]
        return Gaussian(mean * self._scale, factor * self._scale[:, None])

    def _gradient(self) -> tuple[float, Vector]:
        """An estimate of the ELBO and of its gradient."""
        q = self._gaussian(self._values)
        z = self._rng.normal(size=(self._settings.gradients, self._size))
        total, used, bound = np.zeros_like(self._values), 0, 0.0
        for row, x, log_q in zip(z, q.transform(z), q.log_density(z), strict=True):
            logp, gradient = self._flat.logp_and_gradient(x)
            if not (np.isfinite(logp) and np.all(np.isfinite(gradient))):
                continue
            total += self._pulled_back(q, row, gradient)
            bound += logp - log_q
            used += 1
        if not used:
            return -np.inf, total
        return bound / used, total / used

    def _pulled_back(self, q: Gaussian, z: Vector, gradient: Vector) -> Vector:
        """Gradient of log p - log q along the path of the draw, q's own parameters held."""
        if self._below is None:
            along = gradient + z / q.factor
            return np.concatenate([along, along * z * q.factor])
        along = (gradient + np.linalg.solve(q.factor.T, z)) * self._scale
        outer: NDArray[np.float64] = np.outer(along, z)
        diagonal = np.diag(q.factor) / self._scale
        return np.concatenate([along, np.diag(outer) * diagonal, outer[self._below]])
