"""Blank cells of a covariate, filled from the subject's other records."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnode_nlme.study.interpolation import Interpolation

Mask = NDArray[np.bool_]
Index = NDArray[np.int64]


def same_time(first: Any, second: Any) -> Any:
    """Whether two times are one, as the solver sees them; for scalars and arrays alike."""
    with np.errstate(over="ignore"):
        apart = np.abs(first - second)
    return apart <= 1e-12 * np.maximum(np.abs(first), np.abs(second))


def given_before(subject: Index, given: Mask) -> Index:
    """Find the last record up to and with each one that is given, of its subject; else -1."""
    rows = np.arange(len(subject))
    before = np.maximum.accumulate(np.where(given, rows, -1)) if len(rows) else rows
    found: Index = np.where((before >= 0) & (subject[before] == subject), before, -1)
    return found


def given_after(subject: Index, given: Mask) -> Index:
    """Find the first record from each one on that is given, of its subject; else -1."""
    backwards = given_before(subject[::-1], given[::-1])[::-1]
    found: Index = np.where(backwards >= 0, len(subject) - 1 - backwards, -1)
    return found


def filled(
    subject: Index,
    time: NDArray[np.float64],
    values: NDArray[np.float64],
    given: Mask,
    interpolation: Interpolation,
) -> NDArray[np.float64]:
    """Fill a covariate where it is not given.

    Parameters
    ----------
    subject, time
        Of each record, shape (R,); a subject's records stand together, in order of time.
    values
        Of the covariate, shape (R,).
    given
        Where `values` holds one, shape (R,).
    interpolation
        ``"locf"`` carries the last value forward, ``"nocb"`` the next one back, ``"linear"`` draws
        a straight line. Beyond a subject's first and last value that value stays.

    Returns
    -------
    ndarray of float64, shape (R,)
        NaN where a subject has no value at all.
    """
    before, after = given_before(subject, given), given_after(subject, given)
    if interpolation == "nocb":
        nearest = np.where(after >= 0, after, before)
    else:
        nearest = np.where(before >= 0, before, after)
    result = np.where(nearest >= 0, values[nearest], np.nan)
    if interpolation == "linear":
        between = (before >= 0) & (after >= 0) & (after > before)
        k, a, b = np.flatnonzero(between), before[between], after[between]
        line = _on_line(values[a], values[b], _fraction(time[k], time[a], time[b]))
        # At the time of a given value it is that value, exactly.
        line = np.where(time[k] == time[b], values[b], line)
        result[k] = np.where(time[k] == time[a], values[a], line)
    return result


def _fraction(
    time: NDArray[np.float64], start: NDArray[np.float64], stop: NDArray[np.float64]
) -> NDArray[np.float64]:
    with np.errstate(all="ignore"):
        far = ~np.isfinite(stop - start)
        halves = (time / 2 - start / 2) / (stop / 2 - start / 2)
        result: NDArray[np.float64] = np.where(far, halves, (time - start) / (stop - start))
    return result


def _on_line(
    first: NDArray[np.float64], last: NDArray[np.float64], fraction: NDArray[np.float64]
) -> NDArray[np.float64]:
    # The usual form is exact where the two are equal, the other cannot overflow.
    with np.errstate(all="ignore"):
        usual = first + (last - first) * fraction
        result: NDArray[np.float64] = np.where(
            np.isfinite(last - first), usual, first * (1 - fraction) + last * fraction
        )
    return result
