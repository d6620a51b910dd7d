"""Inputs that come round again, such as the time of day."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from bnode_nlme.dynamics.arithmetic import Arithmetic

__all__ = ["on_circles"]


def on_circles(x: Any, period: Sequence[float | None], at: Arithmetic) -> Any:
    """Replace each periodic input by its place on a circle.

    Parameters
    ----------
    x : Expression or array (..., inputs)
    period
        For each input; None for one that has none.
    at
        Functions on what `x` is.

    Returns
    -------
    Expression or array (..., inputs + number of periodic ones)
        In place of a periodic input the two coordinates ``sin(a)`` and ``cos(a) - 1`` of its angle
        ``a = 2 pi x / period``, both exactly 0 at 0.
    """
    columns = []
    for place, length in enumerate(period):
        column = x[..., place : place + 1]
        if length is None:
            columns.append(column)
            continue
        half = column * (np.pi / length)
        # cos(a) - 1 as a square: exactly 0 at 0, however a compiler rounds the cosine.
        columns += [at.sin(2.0 * half), -2.0 * at.sin(half) ** 2]
    return at.joined(columns)
