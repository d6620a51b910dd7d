"""Candidates beside what the network learned, and what they foretell elsewhere."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr
from matplotlib import color_sequences
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from bnode_nlme.discovery.candidate import Candidate
from bnode_nlme.discovery.discovery import Discovery
from bnode_nlme.discovery.replacing import constant_name
from bnode_nlme.nlme.individual_values import population_name
from bnode_nlme.plots.bands import DATA, LEARNED

Array = NDArray[np.float64]

_DRAWS = 200


def plot_discovery(
    found: Discovery,
    *,
    reference: Callable[[Array], Any] | None = None,
    reference_label: str = "truth",
    xlabel: str | None = None,
    ylabel: str | None = None,
) -> Figure:
    """Draw the candidates beside the network, and how they compare.

    Parameters
    ----------
    found : Discovery
        With refitted candidates.
    reference : callable, optional
        A function of one input to compare with, of an array.
    reference_label, xlabel, ylabel
        Labels, with units.

    Returns
    -------
    matplotlib.figure.Figure
        Left, of a network with one input: the network's 90 % band and each refitted form at its
        posterior median, the refuted dashed. Right: differences of ELPD from the network, with two
        standard errors, and stacking weights.

    Raises
    ------
    ValueError
        When no candidate was refitted.
    """
    compared = [own for own in found.candidates if own.is_compared]
    if not compared:
        raise ValueError("plot_discovery wants refitted candidates; write refit=True.")
    single = len(found.function.input_names) == 1
    figure = Figure(figsize=(10.4 if single else 6.4, 4.4), layout="constrained")
    panels = figure.subplots(1, 2 if single else 1, squeeze=False)[0]
    colours = _colours([own.name for own in compared])
    if single:
        axes = panels[0]
        _functions(axes, found, compared, colours)
        x = found.function.data["x"].to_numpy()
        if reference is not None:
            axes.plot(
                x, np.broadcast_to(reference(x), x.shape), color=DATA, lw=1.2, ls=":",
                label=reference_label,
            )  # fmt: skip
        axes.set_xlabel(found.function.input_names[0] if xlabel is None else xlabel)
        axes.set_ylabel(found.network if ylabel is None else ylabel)
        axes.legend(frameon=False, fontsize=8)
    _differences(panels[-1], compared, colours)
    return figure


def plot_extrapolation(
    found: Discovery,
    predicted: xr.Dataset,
    *,
    output: str | None = None,
    subject: Any = None,
    xlabel: str = "time",
    ylabel: str | None = None,
) -> Figure:
    """Draw what the candidates foretell under another regimen.

    Parameters
    ----------
    found
        The discovery.
    predicted : xarray.Dataset
        From ``found.predict(regimen, times=...)``.
    output
        By default the first.
    subject
        Whose prediction; by default the first subject's.
    xlabel, ylabel
        Labels, with units.

    Returns
    -------
    matplotlib.figure.Figure
        Medians and 90 % bands of each candidate; grey, where the network is given what it was not
        given by the data, at most draws.

    Raises
    ------
    ValueError
        When the output or the subject is not there.
    """
    output = found.fit.nlme.system.output_names[0] if output is None else output
    owner = predicted["subject_of_observation"].to_numpy()
    subject = owner[0] if subject is None else subject
    if output not in predicted or subject not in owner:
        raise ValueError(
            f"plot_extrapolation: the prediction has the outputs "
            f"{', '.join(map(repr, predicted.data_vars))} and the subjects "
            f"{np.unique(owner).tolist()[:10]}; found {output!r} and "
            f"{getattr(subject, 'item', lambda: subject)()!r}."
        )
    rows = np.flatnonzero(owner == subject)
    own = predicted[output].isel(observation=rows)
    time = own["time"].to_numpy()
    order = np.argsort(time, kind="stable")
    names = predicted["candidate"].to_numpy()
    figure = Figure(figsize=(7.6, 4.4), layout="constrained")
    axes = figure.add_subplot()
    for name, colour in _colours([str(name) for name in names]).items():
        low, middle, high = np.nanquantile(
            own.sel(candidate=name).transpose("sample", ...).to_numpy(), [0.05, 0.5, 0.95], axis=0
        )
        axes.fill_between(time[order], low[order], high[order], color=colour, alpha=0.15, lw=0)
        weight = float(predicted["weight"].sel(candidate=name))
        label = f"{name} (weight {weight:.2f})"
        axes.plot(time[order], middle[order], color=colour, lw=1.6, label=label)
    if "extrapolated" in predicted:
        outside = predicted["extrapolated"].isel(observation=rows).to_numpy()[order] > 0.5
        if outside.any():
            axes.fill_between(
                time[order], 0.0, 1.0, where=outside, step="mid", transform=axes.get_xaxis_transform(),
                color=DATA, alpha=0.08, lw=0, label="network extrapolates",
            )  # fmt: skip
    axes.set(
        xlabel=xlabel,
        ylabel=output if ylabel is None else ylabel,
        title=f"subject {subject}: medians and 90 % bands",
    )
    axes.legend(frameon=False, fontsize=8)
    return figure


def _colours(names: list[str]) -> dict[str, Any]:
    """A colour for each candidate, those in order far apart (Petroff 2021, arXiv 2107.02270)."""
    return dict(zip(names, itertools.cycle(color_sequences["petroff10"]), strict=False))


def _functions(
    axes: Axes, found: Discovery, compared: list[Candidate], colours: dict[str, Any]
) -> None:
    table = found.function.data
    x = table["x"].to_numpy()
    band = table["band"]
    axes.fill_between(
        x, band.sel(quantile=0.05), band.sel(quantile=0.95), color=LEARNED, alpha=0.2, lw=0,
        label="network, 90 % band",
    )  # fmt: skip
    for own in compared:
        if own.form is None:
            continue
        middle = np.median(_curves(found, own, x), axis=0)
        axes.plot(
            x, middle, color=colours[own.name], lw=1.6, ls="--" if own.refuted else "-",
            label=own.name + (" (refuted)" if own.refuted else ""),
        )  # fmt: skip
    axes.set_xlim(x[0], x[-1])
    axes.set_ylim(
        0.0 if float(band.min()) >= 0.0 else None,
        float(band.max()) + 0.2 * float(band.max() - band.min()),
    )


def _curves(found: Discovery, own: Candidate, x: Array) -> Array:
    """Values of a refitted form at draws of its posterior, (draws, points)."""
    if own.form is None or own.fit is None:
        return np.full((1, x.size), np.nan)
    draws = [
        own.fit.posterior[population_name(constant_name(found.network, constant))]
        .to_numpy()
        .ravel()
        for constant in own.form.constants
    ]
    total = draws[0].size if draws else 1
    function = own.form.array_function()
    with np.errstate(all="ignore"):
        curves = [
            np.broadcast_to(function(x, *(values[place] for values in draws)), x.shape)
            for place in np.linspace(0, total - 1, min(_DRAWS, total)).astype(np.intp)
        ]
    return np.array(curves)


def _differences(axes: Axes, compared: list[Candidate], colours: dict[str, Any]) -> None:
    for place, own in enumerate(compared):
        axes.errorbar(
            own.difference, place, xerr=2.0 * own.difference_se, fmt="o",
            color=colours[own.name], mfc="white" if own.refuted else colours[own.name], capsize=3,
        )  # fmt: skip
        axes.annotate(
            f"weight {own.weight:.2f}", (own.difference, place), xytext=(0, 7),
            textcoords="offset points", fontsize=8, ha="center",
        )  # fmt: skip
    axes.axvline(0.0, color=DATA, lw=0.8, ls=":")
    axes.set_yticks(range(len(compared)), [own.name for own in compared])
    axes.invert_yaxis()
    # Room for the weights' labels beside the frame.
    axes.margins(x=0.12, y=0.15)
    axes.set_xlabel("ELPD difference from the network, ± 2 standard errors")
