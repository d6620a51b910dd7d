"""Normalised prediction distribution errors in four panels."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray
from scipy import stats
from scipy.special import ndtri

from bnode_nlme.diagnostics.binning import bin_edges, bin_of
from bnode_nlme.diagnostics.of_fit.npde import npde
from bnode_nlme.diagnostics.percentiles import lower_median, percentiles_of
from bnode_nlme.inference.fit_result import Fit
from bnode_nlme.plots.axis_name import output_name, time_name
from bnode_nlme.plots.bands import CLASSICAL, DATA, LEARNED
from bnode_nlme.plots.given_numbers import given_numbers

_PERCENTILES = (5.0, 50.0, 95.0)


def plot_npde(
    table: Fit | xr.Dataset,
    *,
    time: ArrayLike | None = None,
    xlabel: str | None = None,
    prediction: ArrayLike | None = None,
    quantity: str = "",
    bins: int | None = None,
    tests: xr.Dataset | None = None,
    **options: Any,
) -> Figure:
    """Draw the distribution of `npde`, and `npde` against time and prediction.

    Parameters
    ----------
    table : Fit or xarray.Dataset
        A fit, or what `npde` gave of it.
    time : array_like (observation,), optional
        Of each measurement; by default the table's.
    xlabel
        Of time; by default "time", with the unit that was declared.
    prediction : array_like (observation,), optional
        Of each measurement; the mean of the replicates by default.
    quantity
        What was measured; by default the output's name, with the unit that was declared.
    bins
        Number of groups of times and predictions.
    tests
        As `npde_tests` gives them, to be written beside the distribution: calibrated p-values where
        it has them. By default those of the table, if any.
    **options
        Of `bnode_nlme.npde`, where a fit is given.

    Returns
    -------
    matplotlib.figure.Figure
        Quantiles and histogram against the standard normal distribution; 5th, 50th and 95th
        percentile over groups of times and of predictions. Bands and dotted lines: 95 % intervals
        under the standard normal distribution, of independent values, pointwise.

    Raises
    ------
    ValueError
        When there is no npde, as of counts and categories.
    """
    table = (
        npde(table, **options)
        if isinstance(table, Fit)
        else given_numbers(table, options, "npde", xr.Dataset, ("npde", "expected"))
    )
    time = table["time"] if time is None else time
    tests = table if tests is None and "p_value" in table else tests
    quantity = quantity or output_name(table, "")
    values = table["npde"].to_numpy()
    shown = np.isfinite(values)
    if not shown.any():
        raise ValueError(
            "plot_npde wants npde; this table has none that is finite. Counts and categories have "
            "npd only, correlated within a subject: draw those by "
            'plot_npde(table.assign(npde=table["npd"])).'
        )
    values = values[shown]
    across = np.asarray(time, dtype=float)[shown]
    predicted = np.asarray(table.expected if prediction is None else prediction, float)[shown]
    figure = Figure(figsize=(7.6, 6.8), layout="constrained")
    ((quantiles, histogram), (over_time, over_prediction)) = figure.subplots(2, 2)
    _quantiles(quantiles, values)
    _histogram(histogram, values)
    _against(over_time, across, values, bins)
    _against(over_prediction, predicted, values, bins)
    over_time.set(xlabel=time_name(table) if xlabel is None else xlabel, ylabel="NPDE")
    over_prediction.set(
        xlabel=f"prediction, {quantity}" if quantity else "prediction", ylabel="NPDE"
    )
    if tests is not None:
        p_value = tests["calibrated" if "calibrated" in tests else "p_value"]
        lines = [f"{name}  p = {float(p_value.sel(test=name)):.2g}" for name in tests.test.values]
        quantiles.text(
            0.04, 0.96, "\n".join(lines), transform=quantiles.transAxes, va="top", fontsize=8
        )
    handles, labels = over_time.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=3, frameon=False, fontsize=9)
    return figure


def _quantiles(axes: Axes, values: NDArray[np.float64]) -> None:
    rank = np.arange(1, values.size + 1)
    expected = ndtri((rank - 0.5) / values.size)
    # Order statistics of uniform values are beta distributed.
    low, high = (
        ndtri(stats.beta.ppf(tail, rank, values.size + 1 - rank)) for tail in (0.025, 0.975)
    )
    axes.fill_between(expected, low, high, color=LEARNED, alpha=0.25, lw=0)
    axes.plot(expected, expected, color=DATA, lw=1.0)
    axes.plot(expected, np.sort(values), "o", color=LEARNED, ms=3, mew=0)
    axes.set(xlabel="standard normal quantiles", ylabel="NPDE quantiles")


def _histogram(axes: Axes, values: NDArray[np.float64]) -> None:
    cells = int(np.clip(values.size // 15, 6, 20))
    edges = np.linspace(-3.0, 3.0, cells + 1)
    outside = np.clip(values, -2.999, 2.999)
    counts, _ = np.histogram(outside, edges)
    share = np.diff(stats.norm.cdf(np.concatenate([[-np.inf], edges[1:-1], [np.inf]])))
    axes.bar(
        edges[:-1], counts, np.diff(edges), align="edge", color=LEARNED, alpha=0.75, ec="white"
    )
    low, high = (stats.binom.ppf(tail, values.size, share) for tail in (0.025, 0.975))
    axes.stairs(values.size * share, edges, baseline=None, color=DATA, lw=1.3)
    for bound in (low, high):
        axes.stairs(bound, edges, baseline=None, color=DATA, lw=0.9, ls=":")
    axes.set(xlabel="NPDE (beyond ±3 in the outer cells)", ylabel="measurements")


def _against(
    axes: Axes, across: NDArray[np.float64], values: NDArray[np.float64], bins: int | None
) -> None:
    group = bin_of(across, bin_edges(across, bins=bins))
    labels = np.unique(group)
    middle = np.array([lower_median(across[group == label]) for label in labels])
    observed = np.array([percentiles_of(values[group == label], _PERCENTILES) for label in labels])
    # Replicates of independent standard normal values, as many as there are in each group.
    rng = np.random.default_rng(0)
    bands = np.array(
        [
            percentiles_of(
                percentiles_of(rng.normal(size=((group == label).sum(), 1000)), _PERCENTILES),
                (2.5, 97.5),
                axis=1,
            )
            for label in labels
        ]
    )
    axes.plot(across, values, "o", color=DATA, ms=3.6, mec="white", mew=0.4, alpha=0.75)
    for index, percentile in enumerate(_PERCENTILES):
        central = percentile == 50.0
        named = index < 2
        which = "median" if central else "5th and 95th percentile"
        axes.fill_between(
            middle, bands[:, 0, index], bands[:, 1, index], lw=0, alpha=0.3,
            color=CLASSICAL if central else LEARNED,
            label=f"{which}, standard normal" if named else None,
        )  # fmt: skip
        axes.plot(
            middle, observed[:, index], color=DATA, lw=1.5, ls="-" if central else "--",
            label=f"{which}, NPDE" if named else None,
        )  # fmt: skip
    extent = max(3.2, 1.08 * float(np.abs(values).max(initial=0.0)))
    axes.set_ylim(-extent, extent)
