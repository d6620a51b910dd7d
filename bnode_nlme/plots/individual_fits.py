"""Each subject's measurements with the posterior of the subject's own curve."""

from __future__ import annotations

import math

import numpy as np
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bnode_nlme.diagnostics.of_fit.measured_output import measured_output
from bnode_nlme.inference.fit_result import Fit
from bnode_nlme.plots.bands import CLASSICAL, DATA, LEARNED, draw_band
from bnode_nlme.plots.log_ticks import log_ticks
from bnode_nlme.results.failed_solves import warn_of_failed_solves
from bnode_nlme.results.predict import Kind, predicted_draws
from bnode_nlme.study.study import Study

_POINTS, _DRAWS = 100, 200
_KINDS: tuple[Kind, ...] = ("individual", "population")


def plot_individual_fits(
    study: Fit | Study,
    curves: xr.Dataset | None = None,
    output: str | None = None,
    *,
    population: xr.Dataset | None = None,
    xlabel: str = "time",
    ylabel: str | None = None,
    log: bool = False,
    columns: int = 4,
) -> Figure:
    """Draw one panel a subject: measurements, and the bands of the solution.

    Parameters
    ----------
    study : Fit or Study
        A fit alone, or a study with the measurements; rows of one output (see `Study.select`).
    curves : xarray.Dataset (sample, observation)
        Solutions at draws of the posterior, as `predict` gives them; of a fit its own individual
        predictions, at 100 times: ``bn.predict(fit, fit.study.at_times(...))``.
    output
        Name of the output in `curves`; of a fit with one output it may be left out.
    population : xarray.Dataset (sample, observation), optional
        The same without random effects, whose mean is drawn too; of a fit its own.
    xlabel, ylabel
        Labels, with units; "time" and the output's name by default.
    log
        A logarithmic axis for the measurements.
    columns
        Panels in a row.

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
    if isinstance(study, Fit) and curves is None and population is None:
        rows = measured_output(study, output, "plot_individual_fits")
        grid = np.linspace(min(0.0, rows.time.min()), rows.time.max(), _POINTS)
        at_times = rows.study.at_times(grid)
        curves, population = (
            predicted_draws(study, at_times, kind=kind, draws=_DRAWS) for kind in _KINDS
        )
        warn_of_failed_solves(
            "plot_individual_fits",
            {"individual curves": curves["status"], "typical curves": population["status"]},
            "curves are drawn from the other draws, with a gap where there are none",
        )
        return plot_individual_fits(
            rows.study.select(
                outputs=np.unique(
                    rows.study.records.output[rows.study.observations[rows.positions]]
                )
            ),
            curves,
            rows.output,
            population=population,
            xlabel=xlabel,
            ylabel=ylabel,
            log=log,
            columns=columns,
        )
    if isinstance(study, Fit) or curves is None or output is None:
        raise TypeError("plot_individual_fits wants a fit alone, or a study, curves and an output.")
    columns = min(columns, study.n_subjects)
    lines = math.ceil(study.n_subjects / columns)
    figure = Figure(figsize=(2.6 * columns, 2.1 * lines + 0.6), layout="constrained")
    panels = figure.subplots(lines, columns, sharex=True, sharey=True, squeeze=False).ravel()
    for index, (subject, axes) in enumerate(zip(study.subjects, panels, strict=False)):
        own = _of_subject(curves, subject)
        values = own[output].transpose("sample", "observation").to_numpy()
        draw_band(
            axes, own.time.to_numpy(), values, colour=LEARNED, label="model, 50 % and 90 % bands"
        )
        if population is not None:
            typical = _of_subject(population, subject)
            axes.plot(
                typical.time, typical[output].mean("sample"), color=CLASSICAL, lw=1.2, ls="--",
                label="typical subject",
            )  # fmt: skip
        _measurements(axes, study, index)
        if log:
            axes.set_yscale("log")
            log_ticks(axes.yaxis)
        axes.set_title(f"subject {subject}", fontsize=9)
    for axes in panels[study.n_subjects :]:
        axes.set_axis_off()
    figure.supxlabel(xlabel)
    figure.supylabel(output if ylabel is None else ylabel)
    shown: dict[str, Artist] = {}
    for axes in panels[: study.n_subjects]:
        handles, labels = axes.get_legend_handles_labels()
        shown = dict(zip(labels, handles, strict=True)) | shown
    figure.legend(
        list(shown.values()), list(shown), loc="outside upper center", ncols=min(4, columns + 1),
        frameon=False, fontsize=9,
    )  # fmt: skip
    return figure


def _of_subject(curves: xr.Dataset, subject: object) -> xr.Dataset:
    return curves.isel(observation=np.flatnonzero(curves.subject_of_observation == subject))


def _measurements(axes: Axes, study: Study, index: int) -> None:
    records, rows = study.records, study.observations
    rows = rows[(records.subject[rows] == index) & ~np.isnan(records.value[rows])]
    for censoring, marker, label in (
        (0, "o", "measured"),
        (1, "v", "below the limit"),
        (-1, "^", "above the limit"),
    ):
        own = rows[records.censoring[rows] == censoring]
        if own.size or censoring == 0:
            axes.plot(
                records.time[own], records.value[own], marker, color=DATA, ms=3.5 + abs(censoring),
                mfc=DATA if censoring == 0 else "none", ls="none", label=label,
            )  # fmt: skip
