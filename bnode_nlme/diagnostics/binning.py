"""Groups of neighbouring times."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

Binning = Literal["auto", "nominal", "quantile", "natural"]

_FEWEST_IN_A_NOMINAL_BIN = 5
_MOST_NOMINAL_BINS = 20
_MOST_DISTINCT = 1000
_NAMED = 8


def bin_edges(
    time: ArrayLike, binning: Binning = "auto", bins: int | None = None
) -> NDArray[np.float64]:
    """Edges of groups of times; equal times are never parted.

    Parameters
    ----------
    time : array_like (N,)
        Times, or whatever the measurements are grouped by.
    binning
        "nominal": each distinct time is a group (edges midway between). "quantile": groups of as
        nearly equal numbers of measurements as equal times allow. "natural": least sum of squares
        of times within groups (Fisher 1958, exact; known as Jenks's natural breaks). "auto":
        nominal where there are at most 20 distinct times with at least 5 measurements each,
        quantile otherwise.
    bins
        How many groups, for quantile and natural; by default one for every 15 measurements, at
        least 3 and at most 12.

    Returns
    -------
    ndarray (B + 1,)
        Increasing, from the smallest to the largest time. A time on an inner edge belongs to the
        group above it; edges lie midway between times, so none is given by chance.

    Raises
    ------
    ValueError
        When there is no time, `binning` is unknown, or `bins` is given for nominal groups.

    References
    ----------
    Fisher, J Am Stat Assoc 1958;53:789. On the choice of groups for predictive checks: Lavielle
    and Bleakley, J Pharmacokinet Pharmacodyn 2011;38:861, doi:10.1007/s10928-011-9223-3.
    """
    times = np.asarray(time, dtype=float)
    if not times.size or not np.isfinite(times).all():
        raise ValueError(
            f"Wanted finite times to group; found {times.size} with "
            f"{(~np.isfinite(times)).sum()} not finite."
        )
    if binning not in get_args(Binning):
        raise ValueError(
            f"Unknown binning {binning!r}; the choices are {', '.join(get_args(Binning))}."
        )
    distinct, counts = np.unique(times, return_counts=True)
    nominal = distinct.size <= _MOST_NOMINAL_BINS and counts.min() >= _FEWEST_IN_A_NOMINAL_BIN
    if binning == "auto":
        binning = "nominal" if nominal and bins is None else "quantile"
    if binning == "nominal":
        if bins is not None:
            raise ValueError(
                f"Nominal groups are as many as there are distinct times; found bins={bins}. "
                "Leave it out, or ask for binning='quantile' or 'natural'."
            )
        return _edges_at(distinct, np.arange(1, distinct.size))
    wanted = int(np.clip(times.size // 15, 3, 12)) if bins is None else bins
    if wanted < 1:
        raise ValueError(f"Wanted at least one bin; found bins={bins}.")
    wanted = min(wanted, distinct.size)
    if binning == "quantile":
        targets = np.arange(1, wanted) * times.size / wanted
        reached = np.cumsum(counts)
        starts = np.abs(reached[:, None] - targets).argmin(axis=0) + 1
    else:
        starts = _natural_breaks(distinct, counts, wanted)
    return _edges_at(distinct, np.unique(starts[starts < distinct.size]))


def nominal_edges(time: ArrayLike) -> NDArray[np.float64]:
    """Edges midway between given times, so that each has a group of its own.

    Parameters
    ----------
    time : array_like
        Times of the protocol; with the edges around them measured times fall to the nearest.

    Returns
    -------
    ndarray
        One more than there are distinct times; the outer ones are infinite.
    """
    distinct = np.unique(np.asarray(time, dtype=float))
    edges = _edges_at(distinct, np.arange(1, distinct.size))
    edges[[0, -1]] = -np.inf, np.inf
    return edges


def enclosing_edges(
    edges: ArrayLike, time: ArrayLike, row: Callable[[int], str]
) -> NDArray[np.float64]:
    """Edges as given, where they increase and leave no time out.

    Parameters
    ----------
    edges : array_like (B + 1,)
        The outer ones may be infinite.
    time : array_like (N,)
        All of which lie between the outer edges, or on one.
    row
        What the row of a time is called: "row 12 of the table (subject 3)".

    Raises
    ------
    ValueError
        When edges are fewer than two or do not increase, or times lie outside: which.
    """
    limits, times = np.asarray(edges, dtype=float), np.asarray(time, dtype=float)
    if limits.ndim != 1 or limits.size < 2 or not (np.diff(limits) > 0).all():
        raise ValueError(f"edges= wants two or more increasing numbers; found {limits.tolist()}.")
    outside = np.flatnonzero((times < limits[0]) | (times > limits[-1]))
    if outside.size:
        named = ", ".join(f"{row(int(place))} at {times[place]:g}" for place in outside[:_NAMED])
        more = f" and {outside.size - _NAMED} more" if outside.size > _NAMED else ""
        raise ValueError(
            f"edges= wants groups that hold every measurement; {outside.size} of {times.size} lie "
            f"outside {limits[0]:g} to {limits[-1]:g}: {named}{more}. Give further edges, or "
            "-np.inf and np.inf as the outer ones for groups without an end."
        )
    return limits


def bin_of(time: ArrayLike, edges: ArrayLike) -> NDArray[np.int64]:
    """Group of each time, counted from 0; times beyond the outer edges belong to the outer groups.

    Raises
    ------
    ValueError
        When edges are fewer than two or do not increase.
    """
    limits = np.asarray(edges, dtype=float)
    if limits.ndim != 1 or limits.size < 2 or (np.diff(limits[1:-1]) <= 0).any():
        raise ValueError(f"Wanted two or more increasing edges; found {limits.tolist()}.")
    return np.searchsorted(limits[1:-1], np.asarray(time, dtype=float), side="right")


def _edges_at(distinct: NDArray[np.float64], starts: NDArray[np.int64]) -> NDArray[np.float64]:
    inner = 0.5 * (distinct[starts - 1] + distinct[starts])
    return np.concatenate([distinct[:1], inner, distinct[-1:]])


def _natural_breaks(
    distinct: NDArray[np.float64], counts: NDArray[np.int64], bins: int
) -> NDArray[np.int64]:
    """Index of the first time of each group but the first, by dynamic programming."""
    if distinct.size > _MOST_DISTINCT:
        # The cost is quadratic; times closer than a thousandth of the range are taken together.
        width = (distinct[-1] - distinct[0]) / _MOST_DISTINCT
        cell = np.floor((distinct - distinct[0]) / width)
        first_of = np.flatnonzero(np.diff(cell, prepend=-1.0))
        together = np.add.reduceat(counts, first_of)
        middle = np.add.reduceat(distinct * counts, first_of) / together
        return first_of[_natural_breaks(middle, together, min(bins, middle.size))]
    size = distinct.size
    centred = distinct - np.average(distinct, weights=counts)
    weight, first, second = (
        np.concatenate([[0.0], np.cumsum(counts * centred**power)]) for power in range(3)
    )
    start, stop = np.arange(size)[:, None], np.arange(1, size + 1)[None, :]
    with np.errstate(divide="ignore", invalid="ignore"):
        within = (second[stop] - second[start]) - (first[stop] - first[start]) ** 2 / (
            weight[stop] - weight[start]
        )
    within[stop <= start] = np.inf
    best = np.concatenate([[np.inf], within[0]])
    chosen = []
    for _ in range(1, bins):
        total = best[:-1, None] + within
        chosen.append(total.argmin(axis=0))
        best = np.concatenate([[np.inf], total.min(axis=0)])
    starts, last = [], size
    for choice in reversed(chosen):
        last = int(choice[last - 1])
        starts.append(last)
    return np.array(starts[::-1], dtype=int)
