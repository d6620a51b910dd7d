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
        NaN where a solve failed: medians and bands are over the others, and there is a gap where
        there are none.
    colour, label
        Of the median; bands share the colour.
    mass
        Probabilities of the bands.
    """
    solved = ~np.isnan(draws).all(axis=0)

    def quantiles(shares: list[float]) -> NDArray[np.float64]:
        result = np.full((len(shares), draws.shape[1]), np.nan)
        result[:, solved] = np.nanquantile(draws[:, solved], shares, axis=0)
        return result

    axes.plot(x, quantiles([0.5])[0], color=colour, lw=1.8, label=label)
    for probability in sorted(mass, reverse=True):
        tail = 0.5 * (1.0 - probability)
        low, high = quantiles([tail, 1.0 - tail])
        # The wider the band, the fainter; overlaid bands add up.
        axes.fill_between(x, low, high, color=colour, alpha=0.18, lw=0)
