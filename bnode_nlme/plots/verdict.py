"""Whether the network helped, subject by subject."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from bnode_nlme.discovery.verdict import HYBRID, MECHANISTIC, Verdict
from bnode_nlme.plots.bands import CLASSICAL, DATA, LEARNED


def plot_verdict(verdict: Verdict) -> Figure:
    """Draw what each left-out subject says of the network, and the sum with its bounds.

    Parameters
    ----------
    verdict
        What `bnode_nlme.verdict` gave.

    Returns
    -------
    matplotlib.figure.Figure
        Left: ELPD of each subject, hybrid minus mechanistic, in order of size; hollow, left out by
        fitting again; orange, not to be trusted. Middle: the sum with its one-sided bounds, and
        the difference that counts as worthwhile. Right: the network's share in the rates of change.
    """
    own = verdict.data.sel(model=[HYBRID, MECHANISTIC])
    gain = (own["elpd"].sel(model=HYBRID) - own["elpd"].sel(model=MECHANISTIC)).to_numpy()
    order = np.argsort(gain)
    refitted = own["refitted"].any("model").to_numpy()[order]
    doubtful = own["doubtful"].any("model").to_numpy()[order]
    gain, place = gain[order], np.arange(gain.size)
    figure = Figure(figsize=(9.0, 3.2), layout="constrained")
    left, middle, right = figure.subplots(1, 3, width_ratios=[3.0, 1.3, 1.2])
    plain = ~refitted & ~doubtful
    left.vlines(place, 0.0, gain, color=DATA, lw=0.6, alpha=0.5)
    left.plot(place[plain], gain[plain], "o", color=LEARNED, ms=4, label="smoothed")
    if refitted.any():
        left.plot(
            place[refitted], gain[refitted], "o", mfc="white", color=LEARNED, ms=5, label="refitted"
        )
    if doubtful.any():
        left.plot(place[doubtful], gain[doubtful], "o", color=CLASSICAL, ms=4, label="doubtful")
    if refitted.any() or doubtful.any():
        left.legend(frameon=False, fontsize=8)
    left.axhline(0.0, color=DATA, lw=0.8)
    left.set_xticks([])
    left.set(xlabel="left-out subjects", ylabel="ELPD, hybrid − mechanistic")
    difference = verdict.difference
    lower, upper = difference.bounds
    middle.vlines(0.0, lower, upper, color=LEARNED, lw=2.5)
    middle.plot(0.0, difference.difference, "o", color=LEARNED)
    middle.axhline(0.0, color=DATA, lw=0.8)
    middle.axhline(difference.worthwhile, color=CLASSICAL, lw=1.0, ls=":")
    middle.annotate(
        "worthwhile", (-0.95, difference.worthwhile), xytext=(0, 2), textcoords="offset points",
        fontsize=7, color=CLASSICAL,
    )  # fmt: skip
    middle.set_xticks([])
    middle.set(xlim=(-1.0, 1.0), xlabel=f"sum, {difference.confidence:.0%} bounds")
    share = verdict.data["share"]
    states = [str(name) for name in share["state"].to_numpy()]
    right.barh(states, np.nan_to_num(share.mean("share_draw").to_numpy()), color=LEARNED, alpha=0.7)
    right.invert_yaxis()
    right.set(xlim=(0.0, 1.0), xlabel="network's share")
    figure.suptitle(f"The network: {verdict.answer}", fontsize=11)
    return figure
