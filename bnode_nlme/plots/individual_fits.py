"""Each subject's measurements with the posterior of the subject's own curve."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from bnode_nlme.diagnostics.of_fit.individual_fits import individual_fits
from bnode_nlme.inference.fit_result import Fit
from bnode_nlme.plots.axis_name import output_name, time_name
from bnode_nlme.plots.bands import CLASSICAL, DATA, LEARNED, draw_band
from bnode_nlme.plots.given_numbers import given_numbers
from bnode_nlme.plots.log_ticks import log_ticks
from bnode_nlme.study.study import Study

Array = NDArray[np.float64]
_HOLDS = ("individual", "population", "time", "observed", "censoring")

_WANTED = (
    "plot_individual_fits wants a fit alone, what bn.individual_fits(fit) gave, or a study, curves "
    "and an output."
)


class _Panel(NamedTuple):
    """What is drawn of one subject, of P points and M measurements.

    Attributes: its ID; times (P,), curves (samples, P) and the typical curve (P,) or None; times,
    values and censoring of the measurements (M,) each.
    """

    subject: object
    time: Array
    curves: Array
    typical: tuple[Array, Array] | None
    measured: tuple[Array, Array, NDArray[np.int64]]


def plot_individual_fits(
    study: Fit | Study | xr.Dataset,
    curves: xr.Dataset | None = None,
    output: str | None = None,
    *,
    population: xr.Dataset | None = None,
    xlabel: str | None = None,
    ylabel: str | None = None,
    log: bool = False,
    columns: int = 4,
    **options: Any,
) -> Figure:
    """Draw one panel a subject: measurements, and the bands of the solution.

    Parameters
    ----------
    study : Fit, xarray.Dataset or Study
        A fit alone, or what `individual_fits` gave of it; or a study with the measurements; rows of
        one output (see `Study.select`).
    curves : xarray.Dataset (sample, observation)
        Beside a study: solutions at draws of the posterior, as `predict` gives them.
    output
        Name of the output in `curves`; of a fit with one output it may be left out.
    population : xarray.Dataset (sample, observation), optional
        Beside a study: the same without random effects, whose mean is drawn too.
    xlabel, ylabel
        Labels; by default "time" and the output's name, of a fit with the units that were declared.
    log
        A logarithmic axis for the measurements.
    columns
        Panels in a row.
    **options
        Of `bnode_nlme.individual_fits`, where a fit is given.

    Returns
    -------
    matplotlib.figure.Figure
        Blue: median and central bands of the individual curve; orange, dashed: a typical subject
        with the subject's covariates; points: measurements; triangles: measurements below (or
        above) the limit of quantification, at the limit.

    Warns
    -----
    UserWarning
        When solves of a fit failed: how many, of which subjects, and why.

    Raises
    ------
    TypeError
        When curves or output are missing, or given beside a fit.
    """
    if isinstance(study, Study):
        if curves is None or output is None or options:
            raise TypeError(_WANTED)
        panels = list(_of_study(study, curves, output, population))
        names = "time", output
    else:
        if curves is not None or population is not None:
            raise TypeError(_WANTED)
        table = (
            individual_fits(study, output, **options)
            if isinstance(study, Fit)
            else given_numbers(study, options, "individual_fits", xr.Dataset, _HOLDS)
        )
        names = time_name(table), output_name(table, "")
        panels = list(_of_table(table))
    columns = min(columns, len(panels))
    lines = math.ceil(len(panels) / columns)
    figure = Figure(figsize=(2.6 * columns, 2.1 * lines + 0.6), layout="constrained")
    grid = figure.subplots(lines, columns, sharex=True, sharey=True, squeeze=False).ravel()
    for panel, axes in zip(panels, grid, strict=False):
        draw_band(
            axes, panel.time, panel.curves, colour=LEARNED, label="model, 50 % and 90 % bands"
        )
        if panel.typical is not None:
            axes.plot(*panel.typical, color=CLASSICAL, lw=1.2, ls="--", label="typical subject")
        _measurements(axes, *panel.measured)
        if log:
            axes.set_yscale("log")
            log_ticks(axes.yaxis)
        axes.set_title(f"subject {panel.subject}", fontsize=9)
    for axes in grid[len(panels) :]:
        axes.set_axis_off()
    figure.supxlabel(names[0] if xlabel is None else xlabel)
    figure.supylabel(names[1] if ylabel is None else ylabel)
    shown: dict[str, Artist] = {}
    for axes in grid[: len(panels)]:
        handles, labels = axes.get_legend_handles_labels()
        shown = dict(zip(labels, handles, strict=True)) | shown
    figure.legend(
        list(shown.values()), list(shown), loc="outside upper center", ncols=min(4, columns + 1),
        frameon=False, fontsize=9,
    )  # fmt: skip
    return figure


def _of_table(table: xr.Dataset) -> Iterator[_Panel]:
    for subject in table["subject"].to_numpy():
        own = table.sel(subject=subject)
        seen = (table["observation_subject"] == subject).to_numpy()
        time = own["time"].to_numpy()
        yield _Panel(
            subject,
            time,
            own["individual"].transpose("sample", "point").to_numpy(),
            (time, own["population"].mean("sample").to_numpy()),
            (
                table["observation_time"].to_numpy()[seen],
                table["observed"].to_numpy()[seen],
                table["censoring"].to_numpy()[seen],
            ),
        )


def _of_study(
    study: Study, curves: xr.Dataset, output: str, population: xr.Dataset | None
) -> Iterator[_Panel]:
    records, rows = study.records, study.observations
    for index, subject in enumerate(study.subjects):
        own = _of_subject(curves, subject)
        typical = None
        if population is not None:
            without = _of_subject(population, subject)
            typical = without["time"].to_numpy(), without[output].mean("sample").to_numpy()
        seen = rows[(records.subject[rows] == index) & ~np.isnan(records.value[rows])]
        yield _Panel(
            subject,
            own["time"].to_numpy(),
            own[output].transpose("sample", "observation").to_numpy(),
            typical,
            (records.time[seen], records.value[seen], records.censoring[seen]),
        )


def _of_subject(curves: xr.Dataset, subject: object) -> xr.Dataset:
    return curves.isel(observation=np.flatnonzero(curves.subject_of_observation == subject))


def _measurements(axes: Axes, time: Array, value: Array, censoring: NDArray[np.int64]) -> None:
    for flag, marker, label in (
        (0, "o", "measured"),
        (1, "v", "below the limit"),
        (-1, "^", "above the limit"),
    ):
        own = censoring == flag
        if own.any() or flag == 0:
            axes.plot(
                time[own], value[own], marker, color=DATA, ms=3.5 + abs(flag),
                mfc=DATA if flag == 0 else "none", ls="none", label=label,
            )  # fmt: skip
