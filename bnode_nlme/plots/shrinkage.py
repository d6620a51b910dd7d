"""Shrinkage of random effects and residuals."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

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
        Blue: of standard deviations, with the interval over omega; open: of variances; orange: of
        the residuals. Dotted: 30 %, from which on Savic and Karlsson (2009,
        doi:10.1208/s12248-009-9133-0) found plots of individual estimates to mislead.
    """
    if isinstance(table, Fit):
        table = shrinkage(table, **options)
    else:
        table = given_numbers(
            table, options, "shrinkage", xr.Dataset, ("sd", "sd_interval", "epsilon")
        )
    effects = [f"η {name}" for name in table["effect"].to_numpy()]
    residuals = [f"ε {name}" for name in table["output"].to_numpy()]
    count = len(effects) + len(residuals)
    figure = Figure(figsize=(6.4, 1.5 + 0.36 * count), layout="constrained")
    axes = figure.subplots()
    place = np.arange(len(effects))
    low, _, high = 100.0 * table["sd_interval"].transpose("quantile", "effect").to_numpy()
    axes.hlines(place, low, high, color=LEARNED, lw=2.0, alpha=0.5)
    axes.plot(100.0 * table["sd"], place, "o", color=LEARNED, ms=6, label="η, standard deviation")
    axes.plot(
        100.0 * table["variance"], place, "o", color=LEARNED, mfc="white", ms=5, label="η, variance"
    )
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
