"""Each subject's measurements with the posterior of the subject's own curve."""

from __future__ import annotations

import math

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from bnode_nlme.plots.bands import DATA, LEARNED, draw_band
from bnode_nlme.study.study import Study


def plot_individual_fits(
    study: Study,
    curves: xr.Dataset,
    output: str,
    *,
    xlabel: str,
    ylabel: str,
    columns: int = 4,
) -> Figure:
    """Draw one panel a subject: measurements, and the bands of the solution.

    Parameters
    ----------
    study
        With the measurements; rows of one output (see `Study.select`).
    curves : xarray.Dataset (sample, observation)
        Solutions at draws of the posterior, as `trajectories` gives them.
    output
        Name of the output in `curves`.
    xlabel, ylabel
        Labels, with units.
    columns
        Panels in a row.

    Returns
    -------
    matplotlib.figure.Figure
    """
    rows = math.ceil(study.n_subjects / columns)
    figure = Figure(figsize=(2.6 * columns, 2.1 * rows + 0.5), layout="constrained")
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
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
    figure.supylabel(ylabel)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper right", ncols=2, frameon=False)
    return figure
