"""Prior against posterior."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from numpy.typing import NDArray

from bnode_nlme.diagnostics.contraction import contraction
from bnode_nlme.diagnostics.of_fit.prior_posterior import prior_draws
from bnode_nlme.inference.fit_result import Fit
from bnode_nlme.plots.bands import CLASSICAL, LEARNED

_DRAWS = ("chain", "draw")
_MOST_CELLS = 400


def plot_prior_posterior(
    prior: Fit | xr.Dataset,
    posterior: xr.Dataset | None = None,
    names: Sequence[str] | None = None,
    *,
    columns: int = 4,
) -> Figure:
    """Draw the densities of prior and posterior of each parameter.

    Parameters
    ----------
    prior : Fit or xarray.Dataset (chain, draw, ...)
        A fit alone, or draws of the prior.
    posterior : xarray.Dataset (chain, draw, ...)
        Draws of the posterior; of a fit its own.
    names
        Which variables; all that both have by default. A variable with dimensions has a panel for
        each element that varies, of a correlation matrix for each pair.
    columns
        Panels in a row.

    Returns
    -------
    matplotlib.figure.Figure
        Histograms of equal area; above each panel its contraction, one less the posterior over
        the prior variance. The axis shows the posterior and the middle 90 % of the prior.

    Raises
    ------
    TypeError
        When the posterior is missing, or given beside a fit.
    ValueError
        When they have no variable in common that varies.
    """
    if isinstance(prior, Fit) and posterior is None:
        drawn = prior_draws(prior)
        return plot_prior_posterior(
            drawn, prior.posterior[list(drawn.data_vars)], names, columns=columns
        )
    if isinstance(prior, Fit) or posterior is None:
        raise TypeError("plot_prior_posterior wants a fit alone, or draws of prior and posterior.")
    chosen = list(names) if names is not None else [n for n in posterior if n in prior]
    measured = contraction(prior[chosen], posterior[chosen])
    elements = [element for name in chosen for element in _elements(prior[name], posterior[name])]
    if not elements:
        raise ValueError(
            "plot_prior_posterior wants variables that vary, in prior and posterior; the posterior "
            f"has {', '.join(map(repr, posterior.data_vars))}, of which the prior has "
            f"{', '.join(map(repr, chosen)) or 'none'}."
        )
    rows = -(-len(elements) // columns)
    columns = min(columns, len(elements))
    figure = Figure(figsize=(2.5 * columns + 0.3, 2.25 * rows + 0.5), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for (label, name, index, before, after), axes in zip(elements, panels, strict=False):
        ends = np.quantile(before, [0.05, 0.95])
        low, high = min(ends[0], after.min()), max(ends[1], after.max())
        for draws, colour, what in ((before, CLASSICAL, "prior"), (after, LEARNED, "posterior")):
            # As many cells as the narrower of the two needs; density is of all draws, seen or not.
            spread = np.quantile(draws, 0.95) - np.quantile(draws, 0.05)
            width = max(spread / 18, (high - low) / _MOST_CELLS)
            edges = np.arange(low, high + width, min(width, (high - low) / 12))
            counts, _ = np.histogram(draws, edges)
            axes.stairs(
                counts / draws.size / np.diff(edges), edges, color=colour, fill=True, alpha=0.3
            )
            axes.stairs(
                counts / draws.size / np.diff(edges), edges, color=colour, lw=1.3, label=what
            )
        shrunk = float(measured[name].sel(measure="contraction").isel(index))
        told = "> 0.99" if shrunk > 0.995 else f"{shrunk:.2f}".replace("-", "−")
        axes.set_title(f"{label}\ncontraction {told}", fontsize=9)
        axes.set(yticks=[], xlim=(low, high))
    for axes in panels[len(elements) :]:
        axes.set_axis_off()
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=2, frameon=False)
    return figure


def _elements(
    before: xr.DataArray, after: xr.DataArray
) -> Iterator[tuple[str, str, dict[str, int], NDArray[np.float64], NDArray[np.float64]]]:
    """Label, variable, place, and draws of prior and posterior of each element that varies."""
    name = str(after.name)
    inner = [str(dimension) for dimension in after.dims if dimension not in _DRAWS]
    symmetric = len(inner) == 2 and inner[1] == f"{inner[0]}_bis"
    for place in np.ndindex(*(after.sizes[dimension] for dimension in inner)):
        index = dict(zip(inner, place, strict=True))
        if symmetric and place[0] >= place[1]:
            continue
        if _still(before.isel(index)) and _still(after.isel(index)):
            continue
        labels = [str(after[dimension].to_numpy()[at]) for dimension, at in index.items()]
        yield (
            f"{name}[{', '.join(labels)}]" if labels else name,
            name,
            index,
            before.isel(index).to_numpy().ravel(),
            after.isel(index).to_numpy().ravel(),
        )


def _still(draws: xr.DataArray) -> bool:
    return float(draws.max()) == float(draws.min())
