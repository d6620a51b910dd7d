"""Probability of target and expected exposure against dose."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bnode_nlme.discovery.dosing import DoseChoice
from bnode_nlme.plots.bands import CLASSICAL, DATA, LEARNED

_SIDE_BY_SIDE = 70
"""Letters that fit below the axis in one line."""


def plot_dose_choice(choice: DoseChoice, *, xlabel: str | None = None) -> Figure:
    """Draw the probability of target of every candidate, and the exposures behind it.

    Parameters
    ----------
    choice : DoseChoice
        Of `bn.optimise_dose`.
    xlabel
        Label of the dose, with its unit.

    Returns
    -------
    matplotlib.figure.Figure
        Above: the probability with two Monte Carlo standard errors on either side (of several
        models thin lines), and the chosen candidate. Below, for each target: median, 50 % and 90 %
        intervals of the exposure, and the range that is wanted.
    """
    data = choice.data
    varied = bool(data.attrs["varied"]) and data.sizes["candidate"] > 1
    x = data["dose"].to_numpy() if varied else np.arange(data.sizes["candidate"], dtype=float)
    count = len(choice.targets)
    figure = Figure(figsize=(6.6, 2.6 + 2.1 * count), layout="constrained")
    panels = figure.subplots(1 + count, 1, sharex=True, height_ratios=[1.25, *[1.0] * count])
    _probability(panels[0], choice, x, varied)
    for place, (target, axes) in enumerate(zip(choice.targets, panels[1:], strict=True)):
        low, mid_low, median, mid_high, high = (
            data["exposure"].isel(target=place).transpose("quantile", "candidate").to_numpy()
        )
        if varied:
            axes.fill_between(x, low, high, color=LEARNED, alpha=0.18, lw=0)
            axes.fill_between(x, mid_low, mid_high, color=LEARNED, alpha=0.25, lw=0)
            axes.plot(x, median, color=LEARNED, lw=1.8)
        else:
            axes.vlines(x, low, high, color=LEARNED, lw=1.4)
            axes.vlines(x, mid_low, mid_high, color=LEARNED, lw=5.0, alpha=0.6)
            axes.plot(x, median, "o", color=LEARNED, ms=4)
        bottom, top = axes.get_ylim()
        wanted = (
            bottom if target.lower is None else target.lower,
            top if target.upper is None else target.upper,
        )
        axes.axhspan(*wanted, color=CLASSICAL, alpha=0.15, lw=0)
        axes.axvline(x[choice.chosen], color=DATA, lw=0.9, ls=":")
        unit = f" ({target.unit})" if target.unit else ""
        axes.set_ylabel(f"{type(target).__name__}{unit}")
        axes.set_title(str(target), fontsize=9, loc="left")
    last = panels[-1]
    if varied:
        last.set_xlabel("dose" if xlabel is None else xlabel)
    else:
        names = [_wrapped(str(name)) for name in data["candidate"].to_numpy()]
        last.set_xticks(x, names, fontsize=8)
        last.set_xlabel("" if xlabel is None else xlabel)
        if max(map(len, names)) * len(names) > _SIDE_BY_SIDE:
            for label in last.get_xticklabels():
                label.set(rotation=25, ha="right")
    return figure


def _probability(axes: Axes, choice: DoseChoice, x: np.ndarray, varied: bool) -> None:
    data = choice.data
    probability, error = data["probability"].to_numpy(), data["error"].to_numpy()
    low, high = np.clip([probability - 2.0 * error, probability + 2.0 * error], 0.0, 1.0)
    if varied:
        axes.fill_between(x, low, high, color=LEARNED, alpha=0.25, lw=0)
        axes.plot(x, probability, color=LEARNED, lw=1.8)
        if data.sizes["model"] > 1:
            for name in data["model"].to_numpy():
                own = data["probability_of_model"].sel(model=name).to_numpy()
                axes.plot(x, own, color=DATA, lw=0.7, alpha=0.6, label=str(name))
    else:
        axes.bar(x, probability, color=LEARNED, alpha=0.6, width=0.6)
        axes.vlines(x, low, high, color=DATA, lw=1.4)
    axes.axvline(x[choice.chosen], color=DATA, lw=0.9, ls=":")
    axes.plot(
        x[choice.chosen],
        choice.probability,
        "o",
        color=CLASSICAL,
        ms=7,
        label=f"chosen: {_wrapped(choice.label)}, {choice.probability:.2f}",
    )
    axes.set(ylim=(0.0, 1.05), ylabel="probability of target")
    axes.legend(frameon=False, fontsize=8)


def _wrapped(text: str) -> str:
    return text if len(text) <= 24 else text[:23] + "…"
