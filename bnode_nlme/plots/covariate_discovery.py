"""Which covariates were found, and what they do."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bnode_nlme.discovery.covariate_finding import CovariateFinding
from bnode_nlme.discovery.discover_covariates import CovariateDiscovery
from bnode_nlme.plots.bands import CLASSICAL, DATA, LEARNED

_COLUMNS = 3


def plot_covariate_discovery(found: CovariateDiscovery, *, threshold: float = 0.9) -> Figure:
    """Draw the inclusion probability of every candidate, and the effect of those that were found.

    Parameters
    ----------
    found
        What `bnode_nlme.discover_covariates` gave.
    threshold
        Drawn as a line.

    Returns
    -------
    matplotlib.figure.Figure
        Above: for each parameter, the probability that a covariate has an effect, largest on the
        left; blue, found; orange, members of a group that cannot be told apart, joined by a line at
        the probability that at least one of them has an effect. Below: the effect of each that was
        found, given that it has one, with its band: a factor of a log-normal parameter, else a
        summand; ticks, the subjects.
    """
    data, findings = found.data, found.found
    effects = [str(name) for name in data["effect"].to_numpy()]
    curves = [(finding, name) for finding in findings for name in finding.covariates]
    below = -(-len(curves) // _COLUMNS)
    heights = [2.4] * len(effects) + [2.3] * below
    figure = Figure(figsize=(8.0, sum(heights)), layout="constrained")
    grid = figure.add_gridspec(len(heights), _COLUMNS, height_ratios=heights)
    for row, effect in enumerate(effects):
        own = [finding for finding in findings if finding.effect == effect]
        _probabilities(figure.add_subplot(grid[row, :]), found, effect, own, threshold)
    for place, (finding, name) in enumerate(curves):
        at = grid[len(effects) + place // _COLUMNS, place % _COLUMNS]
        _curve(figure.add_subplot(at), found, finding, name)
    return figure


def _probabilities(
    axes: Axes,
    found: CovariateDiscovery,
    effect: str,
    findings: list[CovariateFinding],
    threshold: float,
) -> None:
    inclusion = found.data["inclusion"].sel(effect=effect).dropna("covariate")
    inclusion = inclusion.isel(covariate=np.argsort(-inclusion.to_numpy(), stable=True))
    names = [str(name) for name in inclusion["covariate"].to_numpy()]
    alone = {f.covariates[0] for f in findings if len(f.covariates) == 1}
    shared = {name for f in findings if len(f.covariates) > 1 for name in f.covariates}
    place = np.arange(len(names))
    colours = [LEARNED if n in alone else CLASSICAL if n in shared else DATA for n in names]
    axes.vlines(place, 0.0, inclusion, color=colours, lw=2.0)
    axes.scatter(place, inclusion, c=colours, s=22, zorder=3)
    for finding in findings:
        if len(finding.covariates) > 1:
            ends = [names.index(name) for name in finding.covariates]
            axes.hlines(finding.inclusion, min(ends), max(ends), color=CLASSICAL, lw=2.0)
            axes.annotate(
                "at least one", (np.mean(ends), finding.inclusion), xytext=(0, 3),
                textcoords="offset points", ha="center", fontsize=7, color=CLASSICAL,
            )  # fmt: skip
    axes.axhline(threshold, color=DATA, lw=0.8, ls=":")
    axes.set_xticks(place, names, rotation=45 if len(names) > 8 else 0, fontsize=8)
    axes.set(ylim=(0.0, 1.12), ylabel=f"probability of\nan effect on {effect}")


def _curve(axes: Axes, found: CovariateDiscovery, finding: CovariateFinding, name: str) -> None:
    at = {"effect": finding.effect, "covariate": name}
    x = found.data["x"].sel(covariate=name).to_numpy()
    low, middle, high = found.data["curve"].sel(at).to_numpy()
    logarithmic = found.nlme.individual[finding.effect].scale.logarithmic
    if logarithmic:
        low, middle, high = np.exp(low), np.exp(middle), np.exp(high)
    colour = LEARNED if len(finding.covariates) == 1 else CLASSICAL
    values = found.study.covariates[name]
    levels = np.unique(values)
    if levels.size <= 2 or finding.shape == "categories":
        nearest = np.abs(x[:, None] - levels).argmin(axis=0)
        axes.vlines(levels, low[nearest], high[nearest], color=colour, lw=2.0)
        axes.plot(levels, middle[nearest], "o", color=colour)
        axes.set_xticks(levels)
        axes.margins(x=0.3)
    else:
        axes.fill_between(x, low, high, color=colour, alpha=0.25, lw=0)
        axes.plot(x, middle, color=colour, lw=1.8)
        axes.plot(
            values, np.zeros_like(values), "|", color=DATA, ms=7, alpha=0.5, clip_on=False,
            transform=axes.get_xaxis_transform(),
        )  # fmt: skip
    axes.axhline(1.0 if logarithmic else 0.0, color=DATA, lw=0.8, ls=":")
    word = "factor on" if logarithmic else "change of"
    axes.set(xlabel=name, ylabel=f"{word} {finding.effect}")
    axes.set_title(f"probability {float(found.data['inclusion'].sel(at)):.2f}", fontsize=9)
