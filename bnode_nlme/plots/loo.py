"""Leave-one-out cross-validation, measurement by measurement or subject by subject."""

from __future__ import annotations

from typing import Any

import arviz as az
import numpy as np
from matplotlib.figure import Figure

from bnode_nlme.diagnostics.of_fit.loo import loo
from bnode_nlme.inference.fit_result import Fit
from bnode_nlme.plots.bands import CLASSICAL, DATA, LEARNED
from bnode_nlme.plots.given_numbers import given_numbers

_NAMED = 8


def plot_loo(found: Fit | az.ELPDDataLOO, **options: Any) -> Figure:
    """Draw what each left-out measurement or subject adds, and where the estimate is doubtful.

    Parameters
    ----------
    found : Fit or arviz.ELPDDataLOO
        A fit, or what `loo` gave of it.
    **options
        Of `bnode_nlme.loo`, where a fit is given: ``by="subject"``.

    Returns
    -------
    matplotlib.figure.Figure
        Above: expected log predictive density of each, in the order of the table. Below: Pareto k
        with the limit up to which it can be trusted with so many draws; those beyond it are
        orange and, the largest eight of them, named.

    Raises
    ------
    TypeError
        When options are given beside numbers that are worked out already.
    """
    if isinstance(found, Fit):
        found = loo(found, **options)
    else:
        found = given_numbers(found, options, "loo", az.ELPDDataLOO)
    (unit,) = found.elpd_i.dims
    elpd, k = np.asarray(found.elpd_i), np.asarray(found.pareto_k)
    names = found.elpd_i[unit].to_numpy()
    place = np.arange(elpd.size)
    doubtful = k > found.good_k
    figure = Figure(figsize=(7.6, 5.4), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[1.4, 1.0])
    for axes, values in ((above, elpd), (below, k)):
        for shown, colour, label in (
            (~doubtful, LEARNED, f"k up to {found.good_k:.2f}"),
            (doubtful, CLASSICAL, "k above: doubtful"),
        ):
            if shown.any():
                axes.plot(
                    place[shown], values[shown], "o", color=colour, ms=4, mec="white", mew=0.3,
                    label=label,
                )  # fmt: skip
        for at in np.flatnonzero(doubtful)[np.argsort(-k[doubtful])][:_NAMED]:
            axes.annotate(
                str(names[at]), (place[at], values[at]), xytext=(3, 3),
                textcoords="offset points", fontsize=7,
            )  # fmt: skip
    for axes in (above, below):
        axes.margins(y=0.12)  # for the names
    below.axhline(found.good_k, color=DATA, lw=0.9, ls=":")
    below.axhline(0.0, color=DATA, lw=0.6)
    above.set_ylabel("ELPD")
    below.set_ylabel("Pareto k")
    what = "row of the table" if unit == "observation" else unit
    ticks = np.unique(np.linspace(0, elpd.size - 1, min(elpd.size, 12)).astype(int))
    below.set_xticks(ticks, [str(names[at]) for at in ticks])
    below.set_xlabel(f"left-out {unit} ({what})" if what != unit else f"left-out {unit}")
    total = f"ELPD {found.elpd:.1f} (standard error {found.se:.1f})".replace("-", "−")
    above.set_title(total, fontsize=10)
    handles, labels = above.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper right", ncols=2, frameon=False, fontsize=9)
    return figure
