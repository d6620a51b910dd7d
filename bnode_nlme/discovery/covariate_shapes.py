"""Shapes that the dependence on a covariate may have: straight, power, curve, categories."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
ShapeName = Literal["linear", "power", "curve", "categories"]

_KNOTS = (0.0, 1.0 / 3.0, 2.0 / 3.0, 1.0)
_LEVELS_OF_A_CURVE = 6
_RATIO_OF_A_POWER = 1.5


@dataclass(frozen=True, eq=False)
class Shape:
    """Functions of one covariate whose weighted sum is its term.

    Attributes
    ----------
    name
        ``"linear"`` in x, ``"power"`` (linear in log x), ``"curve"`` (linear, and a natural cubic
        spline), ``"categories"``.
    reference : ndarray (n,)
        The covariate's values in the study, over which the functions have mean 0.
    levels : tuple of float
        Of categories.
    """

    name: ShapeName
    reference: Array
    levels: tuple[float, ...] = ()

    @property
    def size(self) -> int:
        """Number of functions."""
        return int(self.basis(self.reference[:1]).shape[1])

    def basis(self, x: Array) -> Array:
        """The functions at values of the covariate, (values, size).

        Over the study's subjects each is centred. ``linear`` and ``power`` have a mean square of 1;
        what a ``curve`` adds to its straight line is orthogonal to it and has, all functions
        together, a mean square of 1, so that one prior serves every shape.
        """
        if self.name == "categories":
            at, of = (
                (values[:, None] == np.array(self.levels)).astype(float)
                for values in (x, self.reference)
            )
            return np.asarray((at - of.mean(axis=0)) / np.sqrt(_mean_square(of) / of.shape[1]))
        if self.name == "power":
            return _standardised(np.log(x), np.log(self.reference))
        line = _standardised(x, self.reference)
        if self.name == "linear":
            return line
        return np.column_stack([line, self._bends(x)])

    def _bends(self, x: Array) -> Array:
        of = self.reference
        knots = np.quantile(of, _KNOTS)
        raw_of, raw_at = _natural_spline(of, knots), _natural_spline(x, knots)
        straight_of = np.column_stack([np.ones_like(of), of])
        straight_at = np.column_stack([np.ones_like(x), x])
        slope, *_ = np.linalg.lstsq(straight_of, raw_of, rcond=None)
        rest_of, rest_at = raw_of - straight_of @ slope, raw_at - straight_at @ slope
        triangle = np.linalg.qr(rest_of, mode="r")
        # Each of q functions has a mean square of 1 / q.
        factor = np.sqrt(of.size / rest_of.shape[1])
        return np.asarray(factor * np.linalg.solve(triangle.T, rest_at.T).T)


def shapes_of(name: str, values: Array, *, curves: bool, categorical: bool) -> tuple[Shape, ...]:
    """The shapes that a covariate's values allow.

    Parameters
    ----------
    name
        Of the covariate.
    values : ndarray (S,)
    curves
        Whether more than straight lines and powers are wanted.
    categorical
        Whether the values are codes of categories.

    Returns
    -------
    tuple of Shape
        The straight line first.

    Raises
    ------
    ValueError
        When the covariate does not vary or has missing values.
    """
    if not np.isfinite(values).all():
        raise ValueError(
            f"discover_covariates: the covariate {name!r} is missing in some subjects. Fill it in, "
            "or leave it out of candidates=."
        )
    levels = np.unique(values)
    if levels.size < 2:
        raise ValueError(
            f"discover_covariates: the covariate {name!r} is {levels[0]:g} in every subject. Leave "
            "it out of candidates=."
        )
    if categorical and levels.size > 2:
        return (Shape("categories", values, tuple(float(level) for level in levels[1:])),)
    found = [Shape("linear", values)]
    if levels.size > 2 and levels[0] > 0.0 and levels[-1] / levels[0] > _RATIO_OF_A_POWER:
        found.append(Shape("power", values))
    knots = np.quantile(values, _KNOTS)
    if curves and levels.size >= _LEVELS_OF_A_CURVE and np.all(np.diff(knots) > 0.0):
        found.append(Shape("curve", values))
    return tuple(found)


def _mean_square(columns: Array) -> Array:
    return np.asarray(np.mean((columns - columns.mean(axis=0)) ** 2, axis=0).sum())


def _standardised(x: Array, of: Array) -> Array:
    return np.asarray(((x - of.mean()) / of.std())[:, None])


def _natural_spline(x: Array, knots: Array) -> Array:
    """The functions of a natural cubic spline beside the constant and the line (Hastie et al.)."""

    def above(knot: float) -> Array:
        return np.asarray(np.maximum(x - knot, 0.0) ** 3)

    last = above(knots[-1])
    parts = [(above(knot) - last) / (knots[-1] - knot) for knot in knots[:-1]]
    width = (knots[-1] - knots[0]) ** 2
    return np.column_stack([part - parts[-1] for part in parts[:-1]]) / width
