"""The table of parameters, drawn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bnode_nlme.diagnostics.of_fit.parameter_table import parameter_table
from bnode_nlme.diagnostics.parameter_table import format_parameter_table
from bnode_nlme.inference.fit_result import Fit
from bnode_nlme.plots.bands import CLASSICAL, DATA, LEARNED
from bnode_nlme.plots.given_numbers import given_numbers

_RELATIVE = ("typical value", "random effect", "residual error")


def plot_parameter_table(table: Fit | pd.DataFrame, **options: Any) -> Figure:
    """Draw the estimates with their intervals.

    Parameters
    ----------
    table : Fit or pandas.DataFrame
        A fit, or what `parameter_table` gave of it.
    **options
        Of `bnode_nlme.parameter_table`, where a fit is given.

    Returns
    -------
    matplotlib.figure.Figure
        Typical values, random effects and residual errors, which are positive as a rule, as
        multiples of their estimates, so that one axis shows how well each is known; correlations
        and coefficients of covariates as they are, in a panel of their own. Beside each its
        estimate and interval as numbers.

    Raises
    ------
    TypeError
        When options are given beside numbers that are worked out already.
    """
    if isinstance(table, Fit):
        table = parameter_table(table, **options)
    else:
        table = given_numbers(table, options, "parameter_table", pd.DataFrame)
    roles = table.index.get_level_values("role")
    positive = np.isin(roles, _RELATIVE) & ~(table["lower"] <= 0.0) & (table["estimate"] > 0.0)
    parts = [(table[positive], True), (table[~positive], False)]
    parts = [(part, relative) for part, relative in parts if len(part)]
    figure = Figure(figsize=(7.6, 1.2 * len(parts) + 0.28 * len(table) + 0.3), layout="constrained")
    panels = figure.subplots(
        len(parts), 1, squeeze=False, height_ratios=[len(part) + 1.0 for part, _ in parts]
    )[:, 0]
    for axes, (part, relative) in zip(panels, parts, strict=True):
        _rows(axes, part, relative)
    return figure


def _rows(axes: Axes, part: pd.DataFrame, relative: bool) -> None:
    by = part["estimate"] if relative else 1.0
    place = np.arange(len(part))
    axes.hlines(place, part["lower"] / by, part["upper"] / by, color=LEARNED, lw=2.2, alpha=0.6)
    axes.plot(part["estimate"] / by, place, "o", color=LEARNED, ms=5)
    axes.axvline(1.0 if relative else 0.0, color=CLASSICAL if relative else DATA, lw=0.9)
    text = format_parameter_table(part)
    axes.set_yticks(place, text["Parameter"])
    axes.set_ylim(len(part) - 0.5, -0.5)
    axes.set_xlabel("relative to the estimate" if relative else "value")
    numbers = axes.secondary_yaxis("right")
    numbers.set_yticks(place, text["Estimate (interval)"].str.replace("-", "−"))
    numbers.tick_params(length=0)
