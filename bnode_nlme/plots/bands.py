"""Pointwise bands of draws: the one way in which uncertainty is drawn."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike, NDArray

LEARNED, CLASSICAL, DATA = "#1f5fa8", "#c8641c", "#222222"
"""Colours, the same in every plot; told apart by readers who do not see red and green."""


def draw_band(
    axes: Axes,
    x: ArrayLike,
    draws: NDArray[np.float64],
    *,
    colour: str,
    label: str,
    mass: tuple[float, ...] = (0.5, 0.9),
) -> None:
    """Draw the median and central bands of draws.

    Parameters
    ----------
    axes
        Where to draw.
    x : array_like (points,)
    draws : ndarray (draws, points)
    colour, label
        Of the median; bands share the colour.
    mass
        Probabilities of the bands.
    """
    axes.plot(x, np.median(draws, axis=0), color=colour, lw=1.8, label=label)
    for probability in sorted(mass, reverse=True):
        tail = 50.0 * (1.0 - probability)
        low, high = np.percentile(draws, [tail, 100.0 - tail], axis=0)
        # The wider the band, the fainter; overlaid bands add up.
        axes.fill_between(x, low, high, color=colour, alpha=0.18, lw=0)
