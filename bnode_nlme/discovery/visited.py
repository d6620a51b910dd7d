"""Where a learned function was asked for its value: there the data speak of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_NEAR = 0.1
"""Half-width of a neighbourhood, in ranges of the input."""
_ENOUGH = 0.01
"""Share of the visited inputs that makes a neighbourhood one where data lie."""
_TRIMMED = 0.01
_BEYOND = 0.1


@dataclass(frozen=True, eq=False)
class Visited:
    """Inputs that a network was given along the fitted paths.

    Attributes
    ----------
    inputs : ndarray (visited, inputs)
        Of a periodic input, reduced to one period: from 0 up to the period.
    periods : tuple of float or None
        Of each input; empty where none is periodic.
    """

    inputs: Array
    periods: tuple[float | None, ...] = ()

    def __post_init__(self) -> None:
        reduced = np.array(self.inputs, dtype=float)
        for place, period in self._periodic:
            reduced[:, place] %= period
        object.__setattr__(self, "inputs", reduced)

    @property
    def medians(self) -> Array:
        """Of each input, (inputs,)."""
        return np.asarray(np.median(self.inputs, axis=0))

    @property
    def ends(self) -> Array:
        """First and last percentile of each input, (2, inputs)."""
        return np.asarray(np.quantile(self.inputs, [_TRIMMED, 1.0 - _TRIMMED], axis=0))

    @property
    def ranges(self) -> Array:
        """Distance between the ends, or the period, (inputs,); 1 where an input does not vary."""
        width = self.ends[1] - self.ends[0]
        width = np.where(width > 0.0, width, 1.0)
        for place, period in self._periodic:
            width[place] = period
        return width

    def grid(self, place: int, points: int) -> Array:
        """Values of one input from a tenth of its range below the ends to a tenth above, (points,).

        An input that is never negative stays so; of a periodic one the grid is one period.
        """
        own = dict(self._periodic).get(place)
        if own is not None:
            return np.linspace(0.0, own, points)
        first, last = self.ends[:, place] + np.array([-_BEYOND, _BEYOND]) * self.ranges[place]
        if self.inputs[:, place].min() >= 0.0:
            first = max(first, 0.0)
        return np.linspace(first, last, points)

    def density(self, place: int, values: Array) -> Array:
        """Density of one visited input at some values, by a normal kernel of Silverman's width."""
        own = self.inputs[:, place]
        period = dict(self._periodic).get(place)
        if period is not None:
            # Spread around the mean direction: what lies around midnight is near, not far apart.
            turn = 2.0 * np.pi / period
            own = np.angle(np.exp(1j * turn * own) / np.exp(1j * turn * own).sum()) / turn
        spread = min(own.std(), np.subtract(*np.quantile(own, [0.75, 0.25])) / 1.34) or own.std()
        width = 0.9 * (spread or 0.01 * self.ranges[place]) * own.size**-0.2
        apart = self._apart(place, values[:, None]) / width
        return np.asarray(np.exp(-0.5 * apart**2).mean(axis=1) / (width * np.sqrt(2.0 * np.pi)))

    def extrapolated(self, points: Array) -> NDArray[np.bool_]:
        """Whether less than one in a hundred visited inputs is near a point, (points,).

        Near: in each input within a tenth of its range, times the square root of their number.
        """
        reach = _NEAR * np.sqrt(self.inputs.shape[1]) * self.ranges
        near = np.empty(len(points))
        for place, point in enumerate(points):
            apart = [self._apart(column, value) for column, value in enumerate(point)]
            near[place] = np.mean(np.all(np.stack(apart, axis=1) <= reach, axis=1))
        return np.asarray(near < _ENOUGH)

    @property
    def _periodic(self) -> list[tuple[int, float]]:
        return [(place, p) for place, p in enumerate(self.periods) if p is not None]

    def _apart(self, place: int, value: Any) -> Array:
        """Distance of every visited input from a value, on the circle where it is periodic."""
        apart = np.abs(value - self.inputs[:, place])
        period = dict(self._periodic).get(place)
        if period is None:
            return np.asarray(apart)
        apart = apart % period
        return np.asarray(np.minimum(apart, period - apart))
