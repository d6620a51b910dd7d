"""Where a learned function was asked for its value: there the data speak of it."""

from __future__ import annotations

from dataclasses import dataclass

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
    """

    inputs: Array

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
        """Distance between the ends, (inputs,); 1 where an input does not vary."""
        width = self.ends[1] - self.ends[0]
        return np.where(width > 0.0, width, 1.0)

    def grid(self, place: int, points: int) -> Array:
        """Values of one input from a tenth of its range below the ends to a tenth above, (points,).

        An input that is never negative stays so.
        """
        first, last = self.ends[:, place] + np.array([-_BEYOND, _BEYOND]) * self.ranges[place]
        if self.inputs[:, place].min() >= 0.0:
            first = max(first, 0.0)
        return np.linspace(first, last, points)

    def density(self, place: int, values: Array) -> Array:
        """Density of one visited input at some values, by a normal kernel of Silverman's width."""
        own = self.inputs[:, place]
        spread = min(own.std(), np.subtract(*np.quantile(own, [0.75, 0.25])) / 1.34) or own.std()
        width = 0.9 * (spread or 0.01 * self.ranges[place]) * own.size**-0.2
        apart = (values[:, None] - own) / width
        return np.asarray(np.exp(-0.5 * apart**2).mean(axis=1) / (width * np.sqrt(2.0 * np.pi)))

    def extrapolated(self, points: Array) -> NDArray[np.bool_]:
        """Whether less than one in a hundred visited inputs is near a point, (points,).

        Near: in each input within a tenth of its range, times the square root of their number.
        """
        reach = _NEAR * np.sqrt(self.inputs.shape[1]) * self.ranges
        near = np.empty(len(points))
        for place, point in enumerate(points):
            near[place] = np.mean(np.all(np.abs(self.inputs - point) <= reach, axis=1))
        return np.asarray(near < _ENOUGH)
