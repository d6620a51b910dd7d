"""Forms fitted to posterior draws of a learned function, where data lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from bnode_nlme.discovery.forms import Form

Array = NDArray[np.float64]

BAND = 0.9
"""Probability of the band whose half width is the most that a form may be off, and the share of the
visited inputs at which it may not be."""

_STARTS, _FEW, _POLISHED = 400, 30, 6
_WORST = 1e10
_FAR = 12.0
"""Bounds of logarithms, around those of the function's and the inputs' scales."""

_CLOSE = 2.0
"""Posterior standard deviations of the function: forms within are not told apart by misfit, because
the median of a posterior is itself that far from the truth."""


@dataclass(frozen=True, eq=False)
class FunctionDraws:
    """Draws of a learned function at points where data lie.

    Attributes
    ----------
    points : ndarray (points, inputs)
    weight : ndarray (points,)
        Share of the visited inputs at each; sums to 1.
    values : ndarray (draws, points)
    prior_size
        How large the function was before the data; 0 where that is not known.
    """

    points: Array
    weight: Array
    values: Array
    prior_size: float = 0.0

    @property
    def size(self) -> float:
        """Root mean square of the median where data lie, or `prior_size` where that is larger."""
        return max(_root_mean_square(self.median, self.weight), self.prior_size)

    @property
    def median(self) -> Array:
        """Of each point's values, (points,)."""
        return np.asarray(np.median(self.values, axis=0))

    @property
    def band(self) -> Array:
        """Lower and upper end of the band, (2, points)."""
        tail = 0.5 * (1.0 - BAND)
        return np.asarray(np.quantile(self.values, [tail, 1.0 - tail], axis=0))

    @property
    def spread(self) -> Array:
        """Standard deviation at each point, (points,): not below 1 % of the function's size."""
        size = _root_mean_square(self.median, self.weight)
        return np.maximum(self.values.std(axis=0), 0.01 * size + 1e-300)


@dataclass(frozen=True, eq=False)
class FormFit:
    """A form fitted to draws of a function.

    Attributes
    ----------
    form
        What was fitted.
    median : ndarray (constants,)
        Constants that fit the median.
    constants : ndarray (draws, constants)
        Constants that fit each draw.
    misfit
        Root mean square distance of the form from the median, in posterior standard deviations of
        the function, weighted by where data lie.
    explained
        Share of the draws that the form, fitted to each, explains: at 90 % of the visited inputs
        it is off by no more than half the width of the function's 90 % band there. Its ceiling is
        1, of a form that can be what any draw is; a band that is wide lets much be explained.
    effect : ndarray (constants,)
        For each constant, by how much it has to differ for the form to differ by the function's
        size (root mean square where data lie).
    """

    form: Form
    median: Array
    constants: Array
    misfit: float
    explained: float
    effect: Array


def fit_form(form: Form, draws: FunctionDraws, rng: np.random.Generator) -> FormFit | None:
    """Fit a form to the median and to each draw, by weighted least squares from many starts.

    Distances are in posterior standard deviations of the function, so that it counts most where it
    is known best, and weighted by the share of visited inputs.

    Parameters
    ----------
    form
        What to fit.
    draws
        Of the function.
    rng
        For starting values.

    Returns
    -------
    FormFit, or None
        None where the form is not finite at any start.
    """
    problem = _Problem(form, draws)
    best = problem.best(draws.median, problem.starts(draws.median, rng, _STARTS))
    if best is None:
        return None
    fitted = []
    for values in draws.values:
        # The draw's own best start besides the median's constants: draws may lie elsewhere.
        own = problem.starts(values, rng, _FEW)[:1]
        fitted.append(problem.best(values, np.concatenate([best[None], own])))
    positions = np.array([best if own is None else own for own in fitted])
    low, high = draws.band
    curves = np.array([problem.value(one) for one in positions])
    # A draw that is met exactly is explained where the band has no width too.
    room = 0.5 * (high - low) + 1e-9 * (np.abs(low) + np.abs(high))
    inside = (np.abs(curves - draws.values) <= room) @ draws.weight
    distance = (problem.value(best) - draws.median) / draws.spread
    return FormFit(
        form,
        problem.constants(best),
        np.array([problem.constants(one) for one in positions]).reshape(len(positions), -1),
        float(np.sqrt(draws.weight @ distance**2)),
        float(np.mean(inside >= BAND)),
        problem.effect(best),
    )


def chosen_forms(fits: Sequence[FormFit], keep: int) -> list[FormFit]:
    """Choose forms to put back into the equations.

    The references, and of the others those within two posterior standard deviations: first the one
    of each size that comes clearly nearer than all smaller ones, then the simplest; where these are
    too few, the nearest of the rest.

    Parameters
    ----------
    fits
        In the order of size, then misfit.
    keep
        How many besides the references.
    """
    front, least = [], np.inf
    for found in fits:
        if found.misfit < 0.9 * least:
            front.append(found)
            least = found.misfit
    rest = [found for found in fits if not found.form.is_reference]
    close = [found for found in rest if found.misfit <= _CLOSE]
    far = [found for found in rest if found.misfit > _CLOSE]
    close.sort(key=lambda found: found not in front)
    kept = [*close, *sorted(far, key=lambda found: found.misfit)][:keep]
    return [found for found in fits if found.form.is_reference or found in kept]


class _Problem:
    """A form over unconstrained positions: logarithms of the positive constants."""

    def __init__(self, form: Form, draws: FunctionDraws) -> None:
        self._function, self._inputs = form.array_function(), list(draws.points.T)
        self._size, self._count = len(form.constants), len(draws.points)
        self._positive = np.array([name not in form.real for name in form.constants], dtype=bool)
        self._root, self._weight = np.sqrt(draws.weight) / draws.spread, draws.weight
        # What a constant may be: a value of the function, of an input, a number, or a quotient.
        value = _root_mean_square(draws.median, draws.weight) or 1.0
        across = np.abs(np.average(draws.points, axis=0, weights=draws.weight))
        across = np.where(across > 0.0, across, 1.0)
        self._scales = np.log(np.concatenate([[value, 1.0], across, 1.0 / across, value / across]))
        self._value, self._largest = value, draws.size or 1.0

    def constants(self, position: Array) -> Array:
        return np.where(self._positive, np.exp(np.where(self._positive, position, 0.0)), position)

    def value(self, position: Array) -> Array:
        return self._at(self.constants(position))

    def _at(self, constants: Array) -> Array:
        with np.errstate(all="ignore"):
            found = self._function(*self._inputs, *constants)
        return np.broadcast_to(np.asarray(found, dtype=np.float64), (self._count,))

    def effect(self, position: Array) -> Array:
        """See `FormFit.effect`."""
        constants = self.constants(position)
        found = np.empty(self._size)
        for place, value in enumerate(constants):
            found[place] = abs(value) or 1.0  # of one that changes nothing
            for step in (1e-4 * abs(value), 1e-4):
                moved = constants.copy()
                moved[place] += step
                change = _root_mean_square(self._at(moved) - self._at(constants), self._weight)
                if change > 1e-9 * self._largest:
                    found[place] = step * self._largest / change
                    break
        return found

    def residual(self, position: Array, values: Array) -> Array:
        found = np.nan_to_num((self.value(position) - values) * self._root, nan=_WORST)
        return np.clip(found, -_WORST, _WORST)

    def starts(self, values: Array, rng: np.random.Generator, count: int) -> Array:
        """The best of some random positions, the very best first, (_POLISHED, constants)."""
        shape = (count, self._size)
        logs = rng.choice(self._scales, size=shape) + rng.normal(size=shape)
        positions = np.where(self._positive, logs, self._value * rng.normal(size=shape))
        costs = np.array([np.sum(self.residual(one, values) ** 2) for one in positions])
        return np.asarray(positions[np.argsort(costs)[:_POLISHED]])

    def best(self, values: Array, starts: Array) -> Array | None:
        """The position of least squares, from some starts."""
        if not self._size:
            return np.zeros(0)
        lower = np.where(self._positive, self._scales.min() - _FAR, -np.inf)
        upper = np.where(self._positive, self._scales.max() + _FAR, np.inf)
        found, least = None, 0.1 * _WORST**2  # a form that is not finite costs more
        for start in starts:
            solved = least_squares(
                self.residual,
                np.clip(start, lower + 1e-6, upper - 1e-6),
                bounds=(lower, upper),
                args=(values,),
                max_nfev=60,
            )
            if solved.cost < least:
                found, least = solved.x, float(solved.cost)
        return found


def _root_mean_square(values: Array, weight: Array) -> float:
    return float(np.sqrt(np.average(values**2, weights=weight)))
