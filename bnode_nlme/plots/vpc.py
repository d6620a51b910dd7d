"""Visual predictive check."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bnode_nlme.diagnostics.of_fit.vpc import vpc
from bnode_nlme.inference.fit_result import Fit
from bnode_nlme.plots.axis_name import output_name, time_name
from bnode_nlme.plots.bands import CLASSICAL, DATA, LEARNED
from bnode_nlme.plots.category_vpc import plot_category_vpc
from bnode_nlme.plots.given_numbers import given_numbers
from bnode_nlme.plots.log_ticks import log_ticks


def plot_vpc(
    table: Fit | xr.Dataset,
    *,
    xlabel: str | None = None,
    ylabel: str | None = None,
    log: bool = False,
    lloq: float | Sequence[float] | None = None,
    **options: Any,
) -> Figure:
    """Draw percentiles of measurements over intervals of simulated ones.

    Parameters
    ----------
    table : Fit or xarray.Dataset
        A fit, or what `vpc` gave of it.
    xlabel, ylabel
        Labels; by default "time" and the output's name, with the units that were declared.
    log
        A logarithmic axis for the measurements.
    lloq
        A lower limit of quantification to mark, or several; by default those of the table. Of a
        prediction-corrected check there is none.
    **options
        Of `bnode_nlme.vpc`, where a fit is given.

    Returns
    -------
    matplotlib.figure.Figure
        A column for each stratum. Lines: percentiles of the measurements; bands: intervals of the
        same percentiles over the replicates, the middle one in orange; an end of a band that lies
        below the limit is drawn at it (of several, at the lowest). Below, where the table has
        it, the share below the limit. Ticks along the top: edges of the groups. Percentiles that
        lie beyond a limit of quantification, and measurements that cannot be corrected, are left
        out; a line at the bottom says so. Of an outcome in categories: a row of
        panels for each, with measured and simulated proportions; of two only the second.
    """
    table = (
        vpc(table, **options)
        if isinstance(table, Fit)
        else given_numbers(table, options, "vpc", xr.Dataset, ("observed", "simulated", "left"))
    )
    if "category" in table.dims:
        return plot_category_vpc(table, xlabel=xlabel, ylabel=ylabel)
    if table.attrs.get("corrected"):
        lloq = None  # a limit is another number at each corrected measurement
    elif lloq is None:
        lloq = table.attrs.get("lloq")
    limits = [] if lloq is None else sorted(np.atleast_1d(lloq).tolist())
    against = str(table.attrs.get("against", "time")).replace("_", " ")
    xlabel = time_name(table, against) if xlabel is None else xlabel
    ylabel = output_name(table, "measurements") if ylabel is None else ylabel
    below = "observed_below" in table
    strata = table.stratum.to_numpy()
    figure = Figure(figsize=(max(6.4, 3.9 * strata.size), 4.4 + 1.4 * below), layout="constrained")
    panels = figure.subplots(
        1 + below,
        strata.size,
        squeeze=False,
        sharex="col",
        sharey="row",
        height_ratios=[3.2, 1.0] if below else None,
    )
    for stratum, axes in zip(strata, panels[0], strict=True):
        own = table.sel(stratum=stratum).dropna("bin", subset=["time"])
        _percentiles(axes, own, table, stratum, limits, log)
        for place, limit in enumerate(limits):
            label = None if place else "limit of quantification"
            axes.axhline(limit, color=DATA, lw=1.0, ls=":", label=label)
        if log:
            axes.set_yscale("log")
            log_ticks(axes.yaxis)
        if strata.size > 1:
            axes.set_title(str(stratum), fontsize=10)
        edges = np.append(own.left.to_numpy(), own.right.to_numpy()[-1:])
        axes.plot(
            edges, np.ones_like(edges), "|", color=DATA, ms=6, clip_on=False,
            transform=axes.get_xaxis_transform(),
        )  # fmt: skip
    if below:
        for stratum, axes in zip(strata, panels[1], strict=True):
            own = table.sel(stratum=stratum).dropna("bin", subset=["time"])
            low, _, high = own.simulated_below.transpose("quantile", "bin").to_numpy()
            axes.fill_between(own.time, low, high, color=LEARNED, alpha=0.25, lw=0)
            axes.plot(own.time, own.observed_below, color=DATA, lw=1.4, marker="o", ms=3)
            axes.set_ylim(0.0, None)
        panels[1, 0].set_ylabel("share below\nthe limit")
    for axes in panels[-1]:
        axes.set_xlabel(xlabel)
    corrected = "prediction-corrected " if table.attrs.get("corrected") else ""
    panels[0, 0].set_ylabel(f"{corrected}{ylabel}")
    left_out = _left_out(table, limits)
    if left_out:
        figure.supxlabel(f"Not drawn: {left_out}.", fontsize=8)
    handles, labels = panels[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=2, frameon=False, fontsize=8)
    return figure


def _left_out(table: xr.Dataset, limits: list[float]) -> str:
    """What a reader would look for in vain."""
    present = table["count"] > 0
    unknown = table["observed"].isnull().any("percentile")
    high = table["simulated"].isel(quantile=-1)
    # An end below a limit that is known is drawn at it.
    ends = high if limits else table["simulated"]
    unknown = unknown | ends.isnull().any([dim for dim in ends.dims if dim not in unknown.dims])
    parts = []
    if bool((present & unknown).any()):
        parts.append("percentiles beyond a limit of quantification")
    count = int(table.attrs.get("left_out", 0))
    if count:
        parts.append(f"{count} measurements that cannot be corrected")
    return "; ".join(parts)


def _percentiles(
    axes: Axes, own: xr.Dataset, table: xr.Dataset, stratum: object, limits: list[float], log: bool
) -> None:
    percentiles = own.percentile.to_numpy()
    middle = percentiles[np.abs(percentiles - 50.0).argmin()]
    mass = round(100.0 * float(own["quantile"][-1] - own["quantile"][0]))
    outer = ", ".join(f"{p:g}th" for p in percentiles if p != middle)
    points = table.observation_stratum == stratum
    axes.plot(
        table.observation_time[points], table.value[points], "o", color=DATA, ms=3.6, mec="white",
        mew=0.4, alpha=0.75, label="measurements",
    )  # fmt: skip
    named = set()
    for percentile in percentiles:
        central = percentile == middle
        name = "median" if central and middle == 50.0 else f"{outer} percentile"
        measured = own.observed.sel(percentile=percentile)
        if log:
            measured = measured.where(measured > 0.0)
        low, _, high = own.simulated.sel(percentile=percentile).transpose("quantile", "bin")
        if limits:
            low = low.where(low.notnull() | high.isnull(), limits[0])
        axes.fill_between(
            own.time, low, high, color=CLASSICAL if central else LEARNED, alpha=0.3, lw=0,
            label=None if name in named else f"simulated {name}, {mass} % interval",
        )  # fmt: skip
        axes.plot(
            own.time, measured, color=DATA, lw=1.5,
            ls="-" if central else "--", label=None if name in named else f"measured {name}",
        )  # fmt: skip
        named.add(name)
