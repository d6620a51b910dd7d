"""Goodness of fit in four panels."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from bnode_nlme.diagnostics.of_fit.goodness_of_fit import goodness_of_fit
from bnode_nlme.inference.fit_result import Fit
from bnode_nlme.plots.axis_name import output_name, time_name
from bnode_nlme.plots.bands import CLASSICAL, DATA, LEARNED
from bnode_nlme.plots.given_numbers import given_numbers
from bnode_nlme.plots.log_ticks import log_ticks
from bnode_nlme.plots.smooth_line import smooth_line


def plot_goodness_of_fit(
    table: Fit | xr.Dataset,
    *,
    quantity: str | None = None,
    time: str | None = None,
    residual: str = "iwres",
    log: bool = False,
    **options: Any,
) -> Figure:
    """Draw measurements against predictions, and residuals against time and prediction.

    Parameters
    ----------
    table : Fit or xarray.Dataset
        A fit, or what `goodness_of_fit` gave of it, of one output.
    quantity, time
        What was measured, and time, with units: "warfarin (mg/L)", "time (h)". By default the
        output's name and "time", with the units that were declared.
    residual
        Which residual: "iwres", "iwres_sampled" or "npde".
    log
        Logarithmic axes for measurements and predictions.
    **options
        Of `bnode_nlme.goodness_of_fit`, where a fit is given.

    Returns
    -------
    matplotlib.figure.Figure
        Top: against the population and the individual prediction, with the line of identity.
        Dashed there, where measurements are censored: the limit, beyond which they are not drawn.
        Bottom: residuals against time and population prediction, with zero and ±1.96. Orange: a
        local regression.

    Raises
    ------
    ValueError
        When the table lacks the residual.
    """
    if isinstance(table, Fit):
        table = goodness_of_fit(table, **options)
    else:
        table = given_numbers(
            table, options, "goodness_of_fit", xr.Dataset, ("observed", "pred", "ipred")
        )
    quantity = output_name(table, "measurement") if quantity is None else quantity
    time = time_name(table) if time is None else time
    if residual not in table:
        choices = [name for name in ("iwres", "iwres_sampled", "npde") if name in table]
        raise ValueError(
            f"The table has no residual {residual!r}; it has {', '.join(map(repr, choices))}."
        )
    figure = Figure(figsize=(7.6, 7.0), layout="constrained")
    ((population, individual), (over_time, over_prediction)) = figure.subplots(2, 2)
    observed, values = table.observed.to_numpy(), table[residual].to_numpy()
    for axes, name, what in (
        (population, "pred", "population"),
        (individual, "ipred", "individual"),
    ):
        predicted = table[name].to_numpy()
        shown = np.isfinite(observed) & ((predicted > 0) & (observed > 0) if log else True)
        _cloud(axes, predicted[shown], observed[shown], log=log)
        ends = [min(predicted[shown].min(), observed[shown].min()),
                max(predicted[shown].max(), observed[shown].max())]  # fmt: skip
        axes.plot(ends, ends, color=DATA, lw=1.0, label="identity")
        limits = [limit for limit in table.attrs.get("limits", ()) if limit > 0 or not log]
        for place, limit in enumerate(limits):
            # What lies beyond it is not drawn, and bends the local regression there.
            note = f"limit of quantification ({table.attrs['censored']} beyond, not drawn)"
            axes.axhline(limit, color=DATA, lw=1.0, ls="--", label=None if place else note)
        if log:
            axes.set(xscale="log", yscale="log")
            log_ticks(axes.xaxis, axes.yaxis)
        axes.set(xlabel=f"{what} prediction, {quantity}", ylabel=f"measured, {quantity}")
    label = {"iwres": "IWRES", "iwres_sampled": "IWRES (one posterior draw)", "npde": "NPDE"}
    for axes, across, name in (
        (over_time, table.time.to_numpy(), time),
        (over_prediction, table.pred.to_numpy(), f"population prediction, {quantity}"),
    ):
        positive = log and axes is over_prediction
        shown = np.isfinite(values) & ((across > 0) if positive else True)
        _cloud(axes, across[shown], values[shown], log=False, log_x=positive)
        axes.axhline(0.0, color=DATA, lw=1.0)
        for bound in (-1.96, 1.96):
            axes.axhline(bound, color=DATA, lw=0.9, ls=":")
        extent = max(3.0, 1.08 * float(np.abs(values[shown]).max(initial=0.0)))
        axes.set(xlabel=name, ylabel=label[residual], ylim=(-extent, extent))
        if positive:
            axes.set_xscale("log")
            log_ticks(axes.xaxis)
    handles, names = population.get_legend_handles_labels()
    figure.legend(
        handles, names, loc="outside upper center", ncols=2 if len(names) > 3 else len(names), frameon=False,
        fontsize=9,
    )  # fmt: skip
    return figure


def _cloud(
    axes: Axes, x: NDArray[np.float64], y: NDArray[np.float64], *, log: bool, log_x: bool = False
) -> None:
    """Points with a smooth line, worked out on the scale that is drawn."""
    axes.plot(
        x, y, "o", color=LEARNED, ms=3.5, mec="white", mew=0.3, alpha=0.7, label="measurements"
    )
    line_x, line_y = smooth_line(np.log(x) if log or log_x else x, np.log(y) if log else y)
    axes.plot(
        np.exp(line_x) if log or log_x else line_x,
        np.exp(line_y) if log else line_y,
        color=CLASSICAL,
        lw=1.8,
        label="local regression",
    )
