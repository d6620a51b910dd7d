"""A learned function chain by chain, and whether the chains agree."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bnode_nlme.diagnostics.of_fit.function_convergence import function_convergence
from bnode_nlme.inference.fit_result import Fit
from bnode_nlme.plots.bands import DATA, LEARNED
from bnode_nlme.plots.given_numbers import given_numbers

_LARGEST_R_HAT = 1.01
_FEWEST_A_CHAIN = 100


def plot_function_convergence(
    table: Fit | xr.Dataset,
    *,
    xlabel: str | None = None,
    ylabel: str | None = None,
    **options: Any,
) -> Figure:
    """Draw what each chain learned, with R-hat and effective sample sizes along the function.

    Parameters
    ----------
    table : Fit or xarray.Dataset
        A fit, or what `function_convergence` gave of it.
    xlabel, ylabel
        Labels, with units; the input's and the network's name by default.
    **options
        Of `bnode_nlme.function_convergence`, where a fit is given.

    Returns
    -------
    matplotlib.figure.Figure
        Above: median and interval of each chain, a colour each, along the input; of a network with
        several inputs along the number of the point. Below: R-hat with 1.01, and bulk and tail
        effective sample size with 100 a chain, the limits of Vehtari 2021
        (doi:10.1214/20-BA1221). A column for each output.
    """
    if isinstance(table, Fit):
        table = function_convergence(table, **options)
    else:
        table = given_numbers(
            table, options, "function_convergence", xr.Dataset, ("r_hat", "value")
        )
    if "output" not in table.dims:
        table = table.expand_dims("output")
    outputs, chains = table.sizes["output"], table.sizes["chain"]
    single = table.sizes["input"] == 1
    across = table["inputs"].to_numpy()[:, 0] if single else np.arange(table.sizes["point"])
    order = np.argsort(across, kind="stable")
    if xlabel is None:
        xlabel = str(table["input"].to_numpy()[0]) if single else "point (several inputs)"
    figure = Figure(figsize=(max(6.4, 3.9 * outputs), 6.6), layout="constrained")
    panels = figure.subplots(
        3, outputs, squeeze=False, sharex="col", sharey="row", height_ratios=[2.4, 1.0, 1.0]
    )
    for number in range(outputs):
        own = table.isel(output=number, point=order)
        _functions(panels[0, number], across[order], own, round(100 * table.attrs["mass"]))
        r_hat, ess = panels[1:, number]
        r_hat.plot(across[order], own["r_hat"], color=LEARNED, lw=1.6)
        r_hat.axhline(_LARGEST_R_HAT, color=DATA, lw=0.9, ls=":")
        r_hat.set_ylim(0.998, np.nanmax([1.015, 1.02 * float(own["r_hat"].max())]))
        for name, style in (("bulk", "-"), ("tail", "--")):
            ess.plot(across[order], own[f"ess_{name}"], color=LEARNED, lw=1.6, ls=style, label=name)
        ess.axhline(_FEWEST_A_CHAIN * chains, color=DATA, lw=0.9, ls=":")
        largest = float(table[["ess_bulk", "ess_tail"]].to_array().max())
        ess.set_ylim(0.0, 1.08 * max(largest, _FEWEST_A_CHAIN * chains))
        ess.set_xlabel(xlabel)
        if outputs > 1:
            panels[0, number].set_title(f"output {number + 1}", fontsize=10)
    panels[0, 0].set_ylabel(str(table.attrs["network"]) if ylabel is None else ylabel)
    panels[1, 0].set_ylabel("R-hat")
    panels[2, 0].set_ylabel("ESS")
    panels[2, 0].legend(frameon=False, fontsize=8, ncols=2)
    handles, labels = panels[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=4, frameon=False, fontsize=9)
    return figure


def _functions(axes: Axes, across: np.ndarray, own: xr.Dataset, mass: int) -> None:
    colours = colormaps["viridis"](np.linspace(0.0, 0.85, own.sizes["chain"]))
    for place, colour in enumerate(colours):
        low, middle, high = own["value"].isel(chain=place).transpose("quantile", "point").to_numpy()
        axes.fill_between(across, low, high, color=colour, alpha=0.15, lw=0)
        label = f"chain {own['chain'].to_numpy()[place]}, {mass} % interval"
        axes.plot(across, middle, color=colour, lw=1.6, label=label)
