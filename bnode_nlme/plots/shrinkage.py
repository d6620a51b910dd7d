"""Shrinkage of random effects and residuals."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from numpy.typing import NDArray

from bnode_nlme.diagnostics.of_fit.effect_levels import LEVELS
from bnode_nlme.diagnostics.of_fit.shrinkage import shrinkage
from bnode_nlme.inference.fit_result import Fit
from bnode_nlme.plots.bands import CLASSICAL, DATA, LEARNED
from bnode_nlme.plots.given_numbers import given_numbers

_MUCH = 30.0


def plot_shrinkage(table: Fit | xr.Dataset, **options: Any) -> Figure:
    """Draw the shrinkage of every random effect, and of the residuals of every output.

    Parameters
    ----------
    table : Fit or xarray.Dataset
        A fit, or what `shrinkage` gave of it.
    **options
        Of `bnode_nlme.shrinkage`, where a fit is given.

    Returns
    -------
    matplotlib.figure.Figure
        Blue: of standard deviations, with the interval over omega; open: of variances; η of
        subjects, κ of their occasions; orange: of the residuals. Dotted: 30 %, from which on Savic and Karlsson (2009,
        doi:10.1208/s12248-009-9133-0) found plots of individual estimates to mislead.
    """
    if isinstance(table, Fit):
        table = shrinkage(table, **options)
    else:
        table = given_numbers(table, options, "shrinkage", xr.Dataset, ("epsilon",))
    levels = [level for level in LEVELS if f"{level.prefix}sd" in table]
    effects = [
        f"{level.symbol} {name}"
        for level in levels
        for name in table[level.names.effect].to_numpy()
    ]
    residuals = [f"ε {name}" for name in table["output"].to_numpy()]
    count = len(effects) + len(residuals)

    def shares(name: str) -> NDArray[np.float64]:
        return 100.0 * np.concatenate(
            [table[f"{level.prefix}{name}"].transpose(..., level.names.effect) for level in levels],
            axis=-1,
        )

    figure = Figure(figsize=(6.4, 1.5 + 0.36 * count), layout="constrained")
    axes = figure.subplots()
    place = np.arange(len(effects))
    low, _, high = shares("sd_interval")
    symbols = ", ".join(level.symbol for level in levels)
    axes.hlines(place, low, high, color=LEARNED, lw=2.0, alpha=0.5)
    axes.plot(shares("sd"), place, "o", color=LEARNED, ms=6, label=f"{symbols}: standard deviation")
    axes.plot(
        shares("variance"), place, "o", color=LEARNED, mfc="white", ms=5,
        label=f"{symbols}: variance",
    )  # fmt: skip
    if residuals:
        axes.plot(
            100.0 * table["epsilon"], np.arange(len(effects), count), "s", color=CLASSICAL, ms=6,
            label="ε",
        )  # fmt: skip
    axes.axvline(0.0, color=DATA, lw=0.6)
    axes.axvline(_MUCH, color=DATA, lw=0.9, ls=":")
    axes.set_yticks(np.arange(count), effects + residuals)
    axes.set_ylim(count - 0.5, -0.5)
    axes.set_xlim(min(axes.get_xlim()[0], -5.0), 100.0)
    axes.set_xlabel("shrinkage (%)")
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=3, frameon=False, fontsize=9)
    return figure
