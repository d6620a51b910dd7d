"""Posterior predictive check: percentiles over time, measured and simulated."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from bnode_nlme.plots.bands import DATA, LEARNED

_PERCENTILES = (10.0, 50.0, 90.0)


def time_bins(times: NDArray[np.float64], bins: int) -> NDArray[np.int64]:
    """Bin of each time: groups of nearly equal size, equal times together."""
    edges = np.unique(np.quantile(times, np.linspace(0.0, 1.0, bins + 1)))
    return np.clip(np.searchsorted(edges, times, side="right") - 1, 0, max(0, len(edges) - 2))


def _label(what: str, percentile: float, ending: str = "") -> str | None:
    """One entry in the legend for the two outer percentiles, one for the median."""
    if percentile > 50.0:
        return None
    name = "median" if percentile == 50.0 else "10th and 90th percentile"
    return f"{what} {name}{ending}"


def plot_predictive_check(
    times: ArrayLike,
    measured: ArrayLike,
    simulated: ArrayLike,
    *,
    xlabel: str,
    ylabel: str,
    bins: int = 11,
) -> Figure:
    """Draw percentiles of the measurements and of replicated data over time bins.

    Parameters
    ----------
    times, measured : array_like (observations,)
    simulated : array_like (replicates, observations)
        Draws of the posterior predictive distribution.
    xlabel, ylabel
        Labels, with units.
    bins
        Number of time bins, of nearly equal numbers of observations.

    Returns
    -------
    matplotlib.figure.Figure
        Lines: 10th, 50th and 90th percentile of the measurements. Bands: the central 90 % of the
        same percentiles over the replicates (visual predictive check, Holford 2005).
    """
    times, measured = np.asarray(times, float), np.asarray(measured, float)
    simulated = np.asarray(simulated, float)
    groups = time_bins(times, bins)
    labels = np.unique(groups)
    centres = np.array([times[groups == label].mean() for label in labels])
    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    axes = figure.add_subplot()
    for percentile in _PERCENTILES:
        observed = [np.percentile(measured[groups == label], percentile) for label in labels]
        replicated = np.array(
            [np.percentile(simulated[:, groups == label], percentile, axis=1) for label in labels]
        )
        low, high = np.percentile(replicated, [5.0, 95.0], axis=1)
        outer = percentile != 50.0
        axes.fill_between(
            centres, low, high, color=LEARNED, alpha=0.2 if outer else 0.4, lw=0,
            label=_label("simulated", percentile, ", 90 % band"),
        )  # fmt: skip
        axes.plot(
            centres, observed, color=DATA, lw=1.4, ls="--" if outer else "-",
            label=_label("measured", percentile),
        )  # fmt: skip
    axes.plot(times, measured, "o", color=DATA, ms=2.5, alpha=0.35)
    axes.set(xlabel=xlabel, ylabel=ylabel)
    axes.legend(frameon=False, fontsize=8)
    return figure
