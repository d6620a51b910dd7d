"""Pathfinder: normal approximations along the way to the mode, the best of which is kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bnode_nlme.inference.draws import Draws
from bnode_nlme.inference.flat_model import FlatModel, Vector
from bnode_nlme.inference.gaussian import Gaussian
from bnode_nlme.inference.lbfgs import Optimum, minimise
from bnode_nlme.inference.variational_check import Candidates, checked_draws

_ENOUGH = 1e-12


@dataclass(frozen=True)
class PathfinderSettings:
    """How paths are followed.

    Attributes
    ----------
    paths : int
        Runs from different starting values; their draws are pooled.
    max_iterations : int
        Of L-BFGS on each path.
    history : int
        Steps that make an estimate of the inverse Hessian.
    elbo_draws : int
        Draws that estimate the ELBO at each point of a path.
    """

    paths: int = 4
    max_iterations: int = 200
    history: int = 20
    elbo_draws: int = 15

    def __post_init__(self) -> None:
        for name in ("paths", "max_iterations", "history", "elbo_draws"):
            if getattr(self, name) < 1:
                raise ValueError(
                    f"pathfinder: {name}= wants 1 or more; found {getattr(self, name)!r}."
                )


@dataclass(frozen=True, eq=False)
class Fitted:
    """The approximation with the largest ELBO on a path, and at which iteration it was."""

    gaussian: Gaussian
    elbo: float
    iteration: int


def pathfinder(
    flat: FlatModel,
    starts: NDArray[np.float64],
    draws: int,
    rng: np.random.Generator,
    settings: PathfinderSettings,
    note: Callable[[int], None],
) -> Draws:
    """Multi-path Pathfinder (Zhang, Carpenter, Gelman and Vehtari 2022, JMLR 23:306).

    Differences, since models here have hundreds of variables, not millions: the covariance is a
    dense matrix, so that more steps of the path may make it; and draws are weighed against the
    mixture of all paths' approximations (Veach and Guibas 1995, doi:10.1145/218380.218498), so that
    a path whose approximation is narrow does no harm where another one is not.

    Parameters
    ----------
    flat
        The model.
    starts : ndarray (paths, size)
    draws
        How many to draw.
    rng
        For ELBOs and draws.
    settings
        See there.
    note
        Called with the number of paths that are done.

    Returns
    -------
    Draws
        One chain, checked by importance weights.

    Raises
    ------
    RuntimeError
        When no path has a point with a finite ELBO.
    """
    fitted = []
    for done, start in enumerate(starts, start=1):
        best = best_on_path(flat, start, rng, settings)
        if best is not None:
            fitted.append(best)
        note(done)
    if not fitted:
        raise RuntimeError(
            f"pathfinder: on none of {len(starts)} paths was an approximation found whose draws "
            'have a finite log-probability. Give other starting values, or use method="nuts".'
        )
    each = max(draws, 1000)
    parts = []
    for path in fitted:
        z = rng.normal(size=(each, starts.shape[1]))
        parts.append(path.gaussian.transform(z))
    positions = rng.permutation(np.concatenate(parts))
    target = np.array([flat.logp_and_gradient(x)[0] for x in positions])
    densities = np.array([path.gaussian.log_density_at(positions) for path in fitted])
    proposal = np.logaddexp.reduce(densities, axis=0) - np.log(len(fitted))
    return checked_draws(
        flat,
        Candidates(positions, target, proposal),
        draws,
        rng,
        method="pathfinder",
        attributes={
            "paths": len(fitted),
            "elbo": max(path.elbo for path in fitted),
            "failed_draws": int(np.sum(~np.isfinite(target))),
        },
    )


def best_on_path(
    flat: FlatModel, start: Vector, rng: np.random.Generator, settings: PathfinderSettings
) -> Fitted | None:
    """Follow one path to the mode; None where no approximation has a finite ELBO."""

    def function(x: Vector) -> tuple[float, Vector]:
        value, gradient = flat.logp_and_gradient(x)
        return -value, -gradient

    optimum = minimise(
        function,
        start,
        max_iterations=settings.max_iterations,
        relative=1e-9,
        history=settings.history,
    )
    best: Fitted | None = None
    for iteration, gaussian in _approximations(optimum, settings.history):
        z = rng.normal(size=(settings.elbo_draws, start.size))
        target = np.array([flat.logp_and_gradient(x)[0] for x in gaussian.transform(z)])
        elbo = float(np.mean(target - gaussian.log_density(z)))
        if np.isfinite(elbo) and (best is None or elbo > best.elbo):
            best = Fitted(gaussian, elbo, iteration)
    return best


def _approximations(optimum: Optimum, history: int) -> list[tuple[int, Gaussian]]:
    """A normal approximation at each point of a path but the first."""
    size = optimum.x.size
    diagonal = np.ones(size)
    pairs: list[tuple[Vector, Vector]] = []
    made = []
    steps, changes = np.diff(optimum.path, axis=0), np.diff(optimum.gradients, axis=0)
    for iteration, (step, change) in enumerate(zip(steps, changes, strict=True), start=1):
        # As the paper has it: only where curvature is positive and not vanishing.
        if step @ change > _ENOUGH * (change @ change):
            diagonal = _next_diagonal(diagonal, step, change)
            pairs = [*pairs, (step, change)][-history:]
        covariance = np.diag(diagonal)
        for s, y in pairs:
            scaled = covariance @ y
            weight = 1.0 / (s @ y)
            covariance = (
                covariance
                - weight * (np.outer(s, scaled) + np.outer(scaled, s))
                + weight * (1.0 + weight * (y @ scaled)) * np.outer(s, s)
            )
        try:
            factor = np.linalg.cholesky(0.5 * (covariance + covariance.T))
        except np.linalg.LinAlgError:
            continue
        mean = optimum.path[iteration] - covariance @ optimum.gradients[iteration]
        made.append((iteration, Gaussian(mean, factor)))
    return made


def _next_diagonal(diagonal: Vector, step: Vector, change: Vector) -> Vector:
    """The initial inverse Hessian from the last one (Gilbert and Lemaréchal 1989; algorithm 3)."""
    a = float(change @ (diagonal * change))
    b = float(change @ step)
    c = float(step @ (step / diagonal))
    inverse = a / (b * diagonal) + change**2 / b - a * step**2 / (b * c * diagonal**2)
    updated = 1.0 / inverse
    return updated if np.all(np.isfinite(updated) & (updated > 0.0)) else diagonal
