"""Fitting with the random effects integrated out."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from bnode_nlme.inference.draws import Draws
from bnode_nlme.inference.flat_model import FlatModel, Vector
from bnode_nlme.inference.gaussian import Gaussian
from bnode_nlme.inference.importance import importance
from bnode_nlme.inference.laplace.individual_terms import individual_terms
from bnode_nlme.inference.laplace.marginal import Marginal
from bnode_nlme.inference.laplace.modes import ModeError, Modes
from bnode_nlme.inference.laplace.objective import chosen_form
from bnode_nlme.inference.laplace.settings import LaplaceSettings
from bnode_nlme.inference.lbfgs import minimise, warn_unless_converged
from bnode_nlme.study.study import Study

_HESSIAN_STEPS = 5e-3, 5e-4
"""The second where modes are not found at the first."""
_STEP = 1e-3
_MOST_CHANGE = 3.0
"""Of the logarithm of a curvature, with the population parameters: variances a twentieth or 20 times."""


def laplace(
    flat: FlatModel,
    study: Study | None,
    start: Vector,
    draws: int,
    rng: np.random.Generator,
    settings: LaplaceSettings,
    note: Callable[[int, float], None],
) -> Draws:
    """Maximise the approximate marginal posterior, or likelihood, of the population parameters.

    Parameters
    ----------
    flat
        The model.
    study
        That tells the subject of each measurement.
    start : ndarray (size,)
    draws
        How many to draw from the normal approximation: population parameters from the inverse
        curvature at the optimum, then random effects around their modes with each subject's
        inverse curvature; modes, and logarithms of curvatures, move with the population parameters
        to first order.
    rng
        For drawing.
    settings
        See there.
    note
        Called with the number of evaluations and the present objective.

    Returns
    -------
    Draws
        One chain; the first attributes are ``objective`` (of the likelihood alone, comparable to
        NONMEM's), ``form``, ``converged``. With priors also ``pareto_k`` of the draws.

    Warns
    -----
    UserWarning
        Where the curvature of the marginal is not positive definite, or cannot be had because modes
        are not found beside the optimum: some direction is not determined, and its standard
        deviation is that of the floor. Where modes are not found so near to it that their slope
        cannot be had: it is taken for 0. Where the gradient is not within the tolerance.
    """
    terms = individual_terms(flat, study)
    marginal = Marginal(terms, chosen_form(terms, settings.form))
    goal = _Goal(marginal, start, settings.priors, note)
    found = minimise(
        goal.value_and_gradient,
        start[terms.population],
        max_iterations=settings.max_iterations,
        tolerance=settings.tolerance,
        relative=1e-10,
    )
    warn_unless_converged("laplace", found, settings.tolerance)
    modes = goal.at(found.x)
    names = [flat.labels[place] for place in terms.population]
    covariance, repaired = _covariance(goal, found.x, names)
    positions, log_proposal = _drawn(marginal, modes, covariance, draws, rng)
    target = np.array([flat.logp_and_gradient(x)[0] for x in positions])
    attributes = {
        "objective": float(marginal.subjects(modes).sum()),
        "form": marginal.form,
        "priors": settings.priors,
        "converged": found.converged,
        "iterations": found.iterations,
        "largest_gradient": float(np.max(np.abs(found.gradient))),
        "repaired_curvature": repaired,
    }
    if settings.priors:
        weighing = importance(target, log_proposal)
        attributes |= {"pareto_k": weighing.pareto_k, "importance_resampled": False}
    # The optimum itself comes first, so that point estimates can be read off.
    positions[0] = modes.x
    target[0] = flat.logp_and_gradient(modes.x)[0]
    return Draws(positions[None], {"lp": target[None]}, attributes)


class _Goal:
    """What is minimised over the population parameters; keeps the last modes to start from."""

    def __init__(
        self, marginal: Marginal, start: Vector, priors: bool, note: Callable[[int, float], None]
    ) -> None:
        self._marginal, self._priors, self._note = marginal, priors, note
        self._last: Modes | None = None
        self._start, self._evaluations = start, 0

    def at(self, population: Vector) -> Modes:
        """The modes at some population parameters."""
        x = (self._start if self._last is None else self._last.x).copy()
        x[self._marginal.terms.population] = population
        try:
            return self._marginal.modes(x, near=self._last)
        except ModeError:
            # The effects of the last point may be impossible here; zero rarely is.
            for block in self._marginal.terms.blocks:
                x[block] = self._start[block]
            return self._marginal.modes(x)

    def value_and_gradient(self, population: Vector) -> tuple[float, Vector]:
        """As `known`; infinite, for a line search to step back from, where modes are not found."""
        try:
            return self.known(population)
        except ModeError:
            return np.inf, np.zeros_like(population)

    def known(self, population: Vector) -> tuple[float, Vector]:
        """The objective, with minus twice the log-prior where it counts, and its gradient.

        Raises
        ------
        ModeError
            When the modes of the random effects are not found.
        """
        modes = self.at(population)
        value = float(self._marginal.subjects(modes).sum())
        gradient = self._marginal.gradient(modes)
        self._evaluations += 1
        self._note(self._evaluations, value)
        self._last = modes
        if self._priors:
            log_prior, slope = self._marginal.terms.prior(modes.x, jacobian=True)
            value -= 2.0 * log_prior
            gradient = gradient - 2.0 * slope[self._marginal.terms.population]
        return value, gradient


def _covariance(
    goal: _Goal, population: Vector, names: Sequence[str]
) -> tuple[NDArray[np.float64], bool]:
    """Twice the inverse Hessian of the objective, by central differences of its gradient."""
    size = population.size
    hessian = np.empty((size, size))
    lost = []
    for place in range(size):
        column = _second_derivatives(goal, population, place)
        if column is None:
            lost.append(place)
        else:
            hessian[:, place] = column
    # What is not known of them counts as no curvature at all.
    hessian[:, lost] = hessian[lost] = 0.0
    if lost:
        warnings.warn(
            f"laplace: beside the optimum, the modes of the random effects are not found for "
            f"{len(lost)} of {size} population parameters "
            f"({', '.join(names[place] for place in lost)}; steps of "
            f"{' and '.join(map(str, _HESSIAN_STEPS))} on the unconstrained scale); their curvature "
            "is unknown, and draws of them mean nothing.",
            stacklevel=4,
        )
    values, vectors = np.linalg.eigh(0.25 * (hessian + hessian.T))
    floor = 1e-6 * max(float(values.max()), 1e-6)
    repaired = bool(values.min() < floor)
    if repaired and not lost:
        warnings.warn(
            "laplace: the curvature of the marginal is not positive definite at the optimum; the "
            f"smallest eigenvalue is {values.min():.3g}. Some combination of population parameters "
            "is not determined by the data and priors, and draws of it mean nothing.",
            stacklevel=4,
        )
    return (vectors / np.maximum(values, floor)) @ vectors.T, repaired


def _second_derivatives(goal: _Goal, population: Vector, place: int) -> Vector | None:
    """A column of the Hessian; None where modes are not found at any step."""
    for length in _HESSIAN_STEPS:
        step = np.zeros(population.size)
        step[place] = length
        try:
            ends = [goal.known(population + sign * step)[1] for sign in (1.0, -1.0)]
        except ModeError:
            continue
        return np.asarray((ends[0] - ends[1]) / (2.0 * length))
    return None


def _drawn(
    marginal: Marginal,
    modes: Modes,
    covariance: NDArray[np.float64],
    draws: int,
    rng: np.random.Generator,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    terms = marginal.terms
    population = Gaussian(np.zeros(len(covariance)), np.linalg.cholesky(covariance))
    z = rng.normal(size=(draws, len(covariance)))
    moved = population.transform(z)
    log_density = population.log_density(z)
    positions = np.tile(modes.x, (draws, 1))
    positions[:, terms.population] += moved
    logarithms = [symmetric_log(matrix) for matrix in modes.curvature]
    changes = [np.zeros((draws, *matrix.shape)) for matrix in modes.curvature]
    held = []
    for place, index in enumerate(terms.population):
        try:
            ahead, behind = (marginal.shifted(modes, index, sign * _STEP) for sign in (1.0, -1.0))
        except ModeError:
            held.append(terms.flat.labels[index])
            continue
        slope = (ahead.x - behind.x) / (2.0 * _STEP)
        slope[terms.population] = 0.0
        positions += moved[:, place, None] * slope
        for change, one, other in zip(changes, ahead.curvature, behind.curvature, strict=True):
            rise = (symmetric_log(one) - symmetric_log(other)) / (2.0 * _STEP)
            if np.isfinite(rise).all():
                change += moved[:, place, None, None] * rise
    if held:
        warnings.warn(
            f"laplace: beside the optimum (steps of {_STEP} on the unconstrained scale), the modes "
            f"of the random effects are not found for {len(held)} of {len(covariance)} population "
            f"parameters ({', '.join(held)}); the optimum stands, but random effects and individual "
            "parameters of the draws do not move with them.",
            stacklevel=4,
        )
    for block, logarithm, change in zip(terms.blocks, logarithms, changes, strict=True):
        # To first order as well, but no further: a wide population would make it anything.
        size = np.linalg.norm(change, axis=(1, 2), keepdims=True)
        values, vectors = np.linalg.eigh(
            logarithm + change * np.minimum(1.0, _MOST_CHANGE / np.maximum(size, _MOST_CHANGE))
        )
        z = rng.normal(size=(draws, len(block)))
        positions[:, block] += np.einsum("dij,dj->di", vectors, np.exp(-0.5 * values) * z)
        own = Gaussian(np.zeros(len(block)), np.ones(len(block)))
        log_density = log_density + own.log_density(z) + 0.5 * values.sum(axis=1)
    return positions, log_density


def symmetric_log(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Logarithm of a symmetric matrix; NaN where it is not positive definite."""
    values, vectors = np.linalg.eigh(matrix)
    if values.size and values[0] <= 0.0:
        return np.full(matrix.shape, np.nan)
    result: NDArray[np.float64] = (vectors * np.log(values)) @ vectors.T
    return result
