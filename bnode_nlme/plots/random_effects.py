"""How random effects are distributed over subjects and their occasions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy import stats

from bnode_nlme.diagnostics.of_fit.effect_levels import effect_levels
from bnode_nlme.diagnostics.shrinkage import eta_shrinkage
from bnode_nlme.inference.fit_result import Fit
from bnode_nlme.plots.bands import CLASSICAL, DATA, LEARNED
from bnode_nlme.study.dimensions import OCCASION, SUBJECT

_DRAWS = ("chain", "draw")


def plot_random_effects(eta: Fit | xr.DataArray, omega: xr.DataArray | None = None) -> Figure:
    """Draw how random effects are distributed over the subjects, and over their occasions.

    Parameters
    ----------
    eta : Fit or xarray.DataArray (chain, draw, subject, effect)
        A fit, or random effects at draws of the posterior; of occasions where they are over
        ``occasion``.
    omega : xarray.DataArray (chain, draw, effect)
        Their standard deviations; of a fit its own.

    Raises
    ------
    TypeError
        When omega is missing, or given beside a fit.

    Returns
    -------
    matplotlib.figure.Figure
        A panel for each effect, those of subjects first: bars, the posterior means of the subjects
        (narrowed by the shrinkage that stands beside); blue line, all draws of all subjects; orange
        line, the normal distribution of the population at the posterior mean of omega. Of
        occasions the same, an occasion in the place of a subject.
    """
    if isinstance(eta, Fit) and omega is None:
        levels = effect_levels(eta, "plot_random_effects")
        panels_of = [
            _effects(level.values(eta), level.standard_deviations(eta)) for level in levels
        ]
        return _figure([panel for panels in panels_of for panel in panels])
    if isinstance(eta, Fit) or omega is None:
        raise TypeError("plot_random_effects wants a fit alone, or eta and omega.")
    return _figure(_effects(eta, omega))


@dataclass(frozen=True, eq=False)
class _Effect:
    """One random effect: draws (draws, subjects), their mean omega, its shrinkage."""

    label: str
    over: str
    draws: NDArray[np.float64]
    omega: float
    shrinkage: float


def _effects(eta: xr.DataArray, omega: xr.DataArray) -> list[_Effect]:
    over = OCCASION if OCCASION in eta.dims else SUBJECT
    (effect,) = [name for name in eta.dims if name not in (*_DRAWS, over)]
    lost = eta_shrinkage(eta, omega, over=over)["sd"]
    return [
        _Effect(
            str(eta[effect].to_numpy()[index]) + (", by occasion" if over == OCCASION else ""),
            over,
            eta.isel({effect: index})
            .transpose(*_DRAWS, over)
            .to_numpy()
            .reshape(-1, eta.sizes[over]),
            float(omega.isel({effect: index}).mean()),
            float(lost.isel({effect: index})),
        )
        for index in range(eta.sizes[effect])
    ]


def _figure(effects: list[_Effect]) -> Figure:
    count = len(effects)
    columns = min(count, 3)
    rows = -(-count // columns)
    figure = Figure(figsize=(3.1 * columns + 0.4, 2.7 * rows + 0.5), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    who = " and ".join(f"{over}s" for over in dict.fromkeys(effect.over for effect in effects))
    for own, axes in zip(effects, panels, strict=False):
        spread, means = own.omega, own.draws.mean(axis=0)
        reach = max(3.2 * spread, 1.05 * float(np.abs(means).max()))
        grid = np.linspace(-reach, reach, 201)
        axes.hist(
            means, bins=np.linspace(-reach, reach, 22), density=True, color=LEARNED, alpha=0.3,
            label=f"posterior means of {who}",
        )  # fmt: skip
        density, edges = np.histogram(own.draws, bins=np.linspace(-reach, reach, 81), density=True)
        axes.plot(
            0.5 * (edges[1:] + edges[:-1]), density, color=LEARNED, lw=1.6,
            label=f"draws of all {who}",
        )  # fmt: skip
        axes.plot(
            grid, stats.norm.pdf(grid, 0.0, spread), color=CLASSICAL, lw=1.6, label="population"
        )
        axes.plot(
            means, np.zeros_like(means), "|", color=DATA, ms=7, alpha=0.6, clip_on=False,
            transform=axes.get_xaxis_transform(),
        )  # fmt: skip
        axes.set(xlabel=f"random effect on {own.label}", yticks=[], xlim=(-reach, reach))
        axes.locator_params(axis="x", nbins=5)
        axes.set_title(f"ω = {spread:.2f}, shrinkage {100 * own.shrinkage:.0f} %", fontsize=9)
    for axes in panels[count:]:
        axes.set_axis_off()
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=3, frameon=False, fontsize=9)
    return figure
