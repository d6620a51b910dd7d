"""Visual predictive check of an outcome in categories."""

from __future__ import annotations

import xarray as xr
from matplotlib.figure import Figure

from bnode_nlme.plots.axis_name import time_name
from bnode_nlme.plots.bands import DATA, LEARNED


def plot_category_vpc(table: xr.Dataset, *, xlabel: str | None, ylabel: str | None) -> Figure:
    """Draw measured proportions over intervals of simulated ones; see `plot_vpc`."""
    against = str(table.attrs.get("against", "time")).replace("_", " ")
    name = str(table.attrs.get("output", "outcome")) if ylabel is None else ylabel
    strata, categories = table["stratum"].to_numpy(), table["category"].to_numpy()
    if categories.size == 2:
        categories = categories[1:]  # the other one is the rest
    mass = round(100.0 * float(table["quantile"][-1] - table["quantile"][0]))
    figure = Figure(
        figsize=(max(6.4, 3.9 * strata.size), 1.2 + 2.4 * categories.size), layout="constrained"
    )
    panels = figure.subplots(categories.size, strata.size, squeeze=False, sharex="col", sharey=True)
    for category, row in zip(categories, panels, strict=True):
        for stratum, axes in zip(strata, row, strict=True):
            own = table.sel(stratum=stratum, category=category).dropna("bin", subset=["time"])
            low, _, high = own["simulated"].transpose("quantile", "bin").to_numpy()
            axes.fill_between(
                own["time"], low, high, color=LEARNED, alpha=0.3, lw=0,
                label=f"simulated proportion, {mass} % interval",
            )  # fmt: skip
            axes.plot(
                own["time"], own["observed"], color=DATA, lw=1.5, marker="o", ms=3,
                label="measured proportion",
            )  # fmt: skip
            axes.set_ylim(0.0, 1.0)
        row[0].set_ylabel(f"{name} = {category:g}")
    if strata.size > 1:
        for stratum, axes in zip(strata, panels[0], strict=True):
            axes.set_title(str(stratum), fontsize=10)
    for axes in panels[-1]:
        axes.set_xlabel(time_name(table, against) if xlabel is None else xlabel)
    handles, labels = panels[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=2, frameon=False, fontsize=8)
    return figure
