"""Each subject's measurements with the posterior of the subject's own curve."""

from __future__ import annotations

import math

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from bnode_nlme.diagnostics.of_fit.measured_output import measured_output
from bnode_nlme.inference.fit_result import Fit
from bnode_nlme.plots.bands import DATA, LEARNED, draw_band
from bnode_nlme.results.predict import predict
from bnode_nlme.study.study import Study

_POINTS, _DRAWS = 100, 200


def plot_individual_fits(
    study: Fit | Study,
    curves: xr.Dataset | None = None,
    output: str | None = None,
    *,
    xlabel: str = "time",
    ylabel: str | None = None,
    columns: int = 4,
) -> Figure:
    """Draw one panel a subject: measurements, and the bands of the solution.

    Parameters
    ----------
    study : Fit or Study
        A fit alone, or a study with the measurements; rows of one output (see `Study.select`).
    curves : xarray.Dataset (sample, observation)
        Solutions at draws of the posterior, as `predict` gives them; of a fit its own individual
        predictions, at 100 times.
    output
        Name of the output in `curves`; of a fit with one output it may be left out.
    xlabel, ylabel
        Labels, with units; "time" and the output's name by default.
    columns
        Panels in a row.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    TypeError
        When curves or output are missing, or given beside a fit.
    """
    if isinstance(study, Fit) and curves is None:
        rows = measured_output(study, output, "plot_individual_fits")
        grid = np.linspace(min(0.0, rows.time.min()), rows.time.max(), _POINTS)
        return plot_individual_fits(
            rows.study.select(
                outputs=np.unique(
                    rows.study.records.output[rows.study.observations[rows.positions]]
                )
            ),
            predict(study, rows.study.at_times(grid), draws=_DRAWS),
            rows.output,
            xlabel=xlabel,
            ylabel=ylabel,
            columns=columns,
        )
    if isinstance(study, Fit) or curves is None or output is None:
        raise TypeError("plot_individual_fits wants a fit alone, or a study, curves and an output.")
    lines = math.ceil(study.n_subjects / columns)
    figure = Figure(figsize=(2.6 * columns, 2.1 * lines + 0.5), layout="constrained")
    panels = figure.subplots(lines, columns, sharex=True, sharey=True, squeeze=False).ravel()
    measured = study.to_xarray()
    for index, (subject, axes) in enumerate(zip(study.subjects, panels, strict=False)):
        own = curves.isel(observation=np.flatnonzero(curves.subject_of_observation == subject))
        values = own[output].transpose("sample", "observation").to_numpy()
        draw_band(
            axes, own.time.to_numpy(), values, colour=LEARNED, label="model, 50 % and 90 % bands"
        )
        points = measured.isel(observation=np.flatnonzero(measured.observation_subject == index))
        axes.plot(points.time, points.value, "o", color=DATA, ms=3.5, label="measured")
        axes.set_title(f"subject {subject}", fontsize=9)
    for axes in panels[study.n_subjects :]:
        axes.set_axis_off()
    figure.supxlabel(xlabel)
    figure.supylabel(output if ylabel is None else ylabel)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper right", ncols=2, frameon=False)
    return figure
