"""A learned function with its bands, beside what it replaces."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from bnode_nlme.plots.bands import CLASSICAL, DATA, LEARNED, draw_band


def plot_function_band(
    values: xr.DataArray,
    *,
    xlabel: str,
    ylabel: str,
    title: str = "",
    classical: xr.DataArray | None = None,
    classical_label: str = "classical model",
    visited: ArrayLike | None = None,
    figure: Figure | None = None,
) -> Figure:
    """Draw the posterior of a function of one input.

    Parameters
    ----------
    values : xarray.DataArray (chain, draw, grid)
        The function's values; the last dimension's coordinate is the input.
    xlabel, ylabel, title
        Labels, with units.
    classical : xarray.DataArray (chain, draw), optional
        A constant that the function stands in place of.
    classical_label
        Its name in the legend.
    visited : array_like, optional
        Inputs at which the data speak, drawn as ticks along the axis.
    figure
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure = figure or Figure(figsize=(6.4, 4.2), layout="constrained")
    axes = figure.add_subplot()
    grid = values.dims[-1]
    x = values[grid].to_numpy()
    draws = values.transpose("chain", "draw", grid).to_numpy().reshape(-1, x.size)
    if classical is not None:
        constant = classical.to_numpy().reshape(-1, 1)
        draw_band(axes, x, np.repeat(constant, x.size, 1), colour=CLASSICAL, label=classical_label)
    draw_band(axes, x, draws, colour=LEARNED, label="learned, with 50 % and 90 % bands")
    if visited is not None:
        axes.plot(
            np.asarray(visited),
            np.zeros(np.size(visited)),
            "|",
            color=DATA,
            ms=9,
            alpha=0.5,
            transform=axes.get_xaxis_transform(),
            clip_on=False,
            label="where the data were measured",
        )
    axes.set(xlabel=xlabel, ylabel=ylabel, title=title, xlim=(x.min(), x.max()))
    axes.set_ylim(bottom=0.0 if draws.min() >= 0.0 else None)
    axes.legend(frameon=False)
    return figure
