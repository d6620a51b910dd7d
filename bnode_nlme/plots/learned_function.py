"""A learned function: its bands, its slope, and where data speak of it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure, FigureBase
from numpy.typing import NDArray

from bnode_nlme.discovery.learned_function import LearnedFunction, learned_function
from bnode_nlme.inference.fit_result import Fit
from bnode_nlme.plots.bands import CLASSICAL, DATA, LEARNED
from bnode_nlme.plots.given_numbers import given_numbers

Array = NDArray[np.float64]

_GREY = "#8a8a8a"


def plot_learned_function(
    found: Fit | LearnedFunction,
    network: str | None = None,
    *,
    reference: Callable[[Array], Any] | None = None,
    reference_label: str = "reference",
    xlabel: str | None = None,
    ylabel: str | None = None,
    prior: bool = True,
    **options: Any,
) -> Figure:
    """Draw what a network learned.

    Parameters
    ----------
    found : Fit or LearnedFunction
        A fit, or what `learned_function` gave of it.
    network
        Which, where a fit is given.
    reference : callable, optional
        A function of one input to compare with, such as a published curve; of an array.
    reference_label, xlabel, ylabel
        Labels, with units.
    prior
        Whether to show the prior's 90 % band.
    **options
        Of `bnode_nlme.learned_function`, where a fit is given.

    Returns
    -------
    matplotlib.figure.Figure
        Above: median, 50 % and 90 % bands, and between dotted lines the prior's 90 % band; below
        the derivative; below that the density of what the network was given. Extrapolation is
        shaded grey. Several inputs have a column each, and a surface of the median for each pair,
        hatched where extrapolated.

    Raises
    ------
    TypeError
        When options are given beside numbers that are worked out already.
    ValueError
        When the function was worked out at given points of several inputs, which are no grid.
    """
    if isinstance(found, Fit):
        return _drawn(
            learned_function(found, network, **options),
            reference, reference_label, xlabel, ylabel, prior,
        )  # fmt: skip
    found = given_numbers(found, options, "learned_function", LearnedFunction)
    return _drawn(found, reference, reference_label, xlabel, ylabel, prior)


def _drawn(
    found: LearnedFunction,
    reference: Callable[[Array], Any] | None,
    reference_label: str,
    xlabel: str | None,
    ylabel: str | None,
    prior: bool,
) -> Figure:
    table = found.data
    if "x" not in table.coords:
        raise ValueError(
            "plot_learned_function draws over a grid, and this function of several inputs was "
            "worked out at given points. Leave inputs= out."
        )
    if "along" not in table.dims:
        table = table.expand_dims("along").assign_coords(
            x=(("along", "point"), table["x"].to_numpy()[None])
        )
    pairs = list(combinations(found.input_names, 2)) if found.visited is not None else []
    columns = len(found.input_names)
    figure = Figure(
        figsize=(max(6.4, 3.9 * columns), 6.6 + 3.4 * bool(pairs)), layout="constrained"
    )
    above: FigureBase = figure
    below: FigureBase | None = None
    if pairs:
        above, below = figure.subfigures(2, 1, height_ratios=[2.0, 1.0])
    panels = above.subplots(
        3, columns, squeeze=False, sharex="col", sharey="row", height_ratios=[2.4, 1.2, 0.7]
    )
    for number, name in enumerate(found.input_names):
        own = table.isel(along=number)
        x = own["x"].to_numpy()
        value, slope, density = panels[:, number]
        _bands(value, x, table["band"].isel(along=number), "learned, 50 % and 90 % bands")
        if prior and "prior_band" in own:
            for quantile in (0.05, 0.95):
                value.plot(
                    x, own["prior_band"].sel(quantile=quantile), color=_GREY, lw=1.0, ls=":",
                    label="prior, 90 % band" if quantile < 0.5 else None,
                )  # fmt: skip
            _keep_in_view(value, own)
        if reference is not None and columns == 1:
            value.plot(
                x, np.broadcast_to(reference(x), x.shape), color=CLASSICAL, lw=1.6, ls="--",
                label=reference_label,
            )  # fmt: skip
        _bands(slope, x, own["derivative_band"], None)
        slope.axhline(0.0, color=DATA, lw=0.6)
        if "density" in own:
            density.fill_between(x, own["density"], color=DATA, alpha=0.35, lw=0)
            density.set_ylim(0.0, None)
            for axes in (value, slope, density):
                _shade(axes, x, own["extrapolated"].to_numpy())
        density.set_yticks([])
        density.set_xlabel(xlabel if xlabel is not None and columns == 1 else name)
        density.set_xlim(x[0], x[-1])
    panels[0, 0].set_ylabel(found.name if ylabel is None else ylabel)
    panels[1, 0].set_ylabel("slope")
    panels[2, 0].set_ylabel("visited")
    panels[0, 0].legend(frameon=False, fontsize=8)
    if below is not None:
        for axes, (first, second) in zip(
            below.subplots(1, len(pairs), squeeze=False)[0], pairs, strict=True
        ):
            _surface(axes, found.surface(first, second), first, second)
    return figure


def _bands(axes: Axes, x: Array, band: xr.DataArray, label: str | None) -> None:
    for low, high in ((0.05, 0.95), (0.25, 0.75)):
        axes.fill_between(
            x, band.sel(quantile=low), band.sel(quantile=high), color=LEARNED, alpha=0.18, lw=0
        )
    axes.plot(x, band.sel(quantile=0.5), color=LEARNED, lw=1.8, label=label)


def _keep_in_view(axes: Axes, own: xr.Dataset) -> None:
    """The posterior decides on the axis; a wide prior would flatten it."""
    low, high = float(own["band"].min()), float(own["band"].max())
    room = 0.35 * (high - low)
    at_zero = low >= 0.0 and low - room < 0.0
    bottom, top = axes.get_ylim()
    axes.set_ylim(0.0 if at_zero else max(bottom, low - room), min(top, high + room))


def _shade(axes: Axes, x: Array, extrapolated: NDArray[np.bool_]) -> None:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], extrapolated, [False]]).astype(int)))
    for begin, end in edges.reshape(-1, 2):
        axes.axvspan(
            x[max(begin - 1, 0)] if begin else x[0],
            x[min(end, len(x) - 1)],
            color=_GREY,
            alpha=0.15,
            lw=0,
        )


def _surface(axes: Axes, table: xr.Dataset, first: str, second: str) -> None:
    across, up = table[first].to_numpy(), table[second].to_numpy()
    median = table["band"].sel(quantile=0.5).to_numpy()
    drawn = axes.contourf(across, up, median.T, levels=12, cmap="viridis")
    axes.contourf(
        across, up, table["extrapolated"].to_numpy().T.astype(float), levels=[0.5, 1.5],
        colors="none", hatches=["///"],
    )  # fmt: skip
    figure = axes.get_figure(root=False)
    if figure is not None:
        figure.colorbar(drawn, ax=axes, label="median")
    axes.set(xlabel=first, ylabel=second)
