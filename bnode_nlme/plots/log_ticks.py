"""Ticks of a logarithmic axis, as a reader wants them: 0.5, 1, 2, 5, 10."""

from __future__ import annotations

from matplotlib.axis import Axis
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter


def log_ticks(*axes: Axis) -> None:
    """Label 1, 2 and 5 of each decade in plain numbers, and nothing between them.

    Parameters
    ----------
    *axes
        Whose scale is logarithmic: ``axes.xaxis``.
    """
    for axis in axes:
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_formatter(NullFormatter())
