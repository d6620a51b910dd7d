"""Ranks of true values: histogram and distribution function."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from scipy import stats

from bnode_nlme.plots.bands import DATA, LEARNED


def plot_rank_ecdf(table: xr.Dataset, *, columns: int = 4) -> Figure:
    """Draw the ranks of simulation-based calibration.

    Parameters
    ----------
    table
        As `rank_uniformity` gives it.
    columns
        Quantities in a row.

    Returns
    -------
    matplotlib.figure.Figure
        For each quantity, above, the histogram of its ranks with the pointwise 95 % interval of a
        uniform distribution, and below its distribution function less the uniform one, within an
        envelope that a uniform sample leaves anywhere with the probability 1 - mass (Säilynoja
        2022). A hump in the histogram: too wide a posterior; a trough: too narrow; a slope: biased.
    """
    names = table.quantity.to_numpy()
    columns = min(columns, names.size)
    rows = -(-names.size // columns)
    figure = Figure(figsize=(2.7 * columns + 0.5, 3.6 * rows + 0.4), layout="constrained")
    panels = figure.subplots(2 * rows, columns, squeeze=False, sharey="row")
    largest, replicates = table.attrs["largest"], table.attrs["replicates"]
    # The function starts at 0 and ends at 1, where nothing is left to chance.
    fraction = np.concatenate([[0.0], table.fraction.to_numpy(), [1.0]])
    edges = np.append(table.cell_left.to_numpy(), largest + 1)
    low, high = (
        stats.binom.ppf(tail, replicates, table.expected / replicates) for tail in (0.025, 0.975)
    )
    for place, name in enumerate(names):
        own = table.sel(quantity=name)
        row, column = divmod(place, columns)
        top, bottom = panels[2 * row, column], panels[2 * row + 1, column]
        top.stairs(high, edges, baseline=low, fill=True, color=DATA, alpha=0.15)
        top.stairs(table.expected, edges, baseline=None, color=DATA, lw=1.0)
        top.stairs(own.histogram, edges, fill=True, color=LEARNED, alpha=0.65)
        top.set_title(f"{name}\np = {float(own.p_value.sel(test='ecdf')):.2g} (ECDF)", fontsize=9)
        top.set_xlim(0, largest + 1)
        difference = {
            key: np.concatenate([[0.0], own[key].to_numpy() - own.fraction.to_numpy(), [0.0]])
            for key in ("ecdf", "lower", "upper")
        }
        bottom.fill_between(
            fraction, difference["lower"], difference["upper"], color=DATA, alpha=0.15, lw=0
        )
        bottom.plot(fraction, difference["ecdf"], color=LEARNED, lw=1.6)
        bottom.axhline(0.0, color=DATA, lw=0.9)
        bottom.set_xlim(0.0, 1.0)
    for row in range(rows):
        panels[2 * row, 0].set_ylabel("replicates")
        panels[2 * row + 1, 0].set_ylabel("ECDF difference")
        for column in range(columns):
            panels[2 * row, column].set_xlabel(f"rank (of {largest + 1})", fontsize=8.5)
            panels[2 * row + 1, column].set_xlabel("fractional rank", fontsize=8.5)
            if row * columns + column >= names.size:
                panels[2 * row, column].set_axis_off()
                panels[2 * row + 1, column].set_axis_off()
    return figure
