"""Limits of quantification of every measurement, where the table has them of censored ones."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

_FLAGS = {"lloq": 1, "uloq": -1}


def limits_of_quantification(
    what: str,
    name: str,
    given: ArrayLike | None,
    value: Array,
    censoring: NDArray[np.int64],
    subject: NDArray[np.int64],
    time: Array,
) -> Array | None:
    """Limit of each measurement of one output.

    Parameters
    ----------
    what
        Name of the caller.
    name : {"lloq", "uloq"}
        Which limit.
    given : float or array_like (M,), optional
        What the user says; NaN where there is none. By default a censored measurement has the limit
        that the table gives; any other that of its subject's censored measurement nearest in time,
        and where the subject has none the least strict limit of the output. Where the measured value
        lies beyond that limit, the strictest one that it satisfies, or none.
    value, time : ndarray (M,)
        A censored value is its limit.
    censoring : ndarray (M,)
        0 measured, 1 below, -1 above.
    subject : ndarray (M,)

    Returns
    -------
    ndarray (M,) or None
        NaN where there is no limit; None where nothing is censored on that side.

    Raises
    ------
    ValueError
        When a limit that is given has another shape, or does not hold the censored measurements.
    """
    sign = _FLAGS[name]  # of an upper limit, everything is mirrored
    censored = censoring == sign
    if given is not None:
        return _checked(what, name, given, value, censored)
    if not censored.any():
        return None
    limits = np.where(censored, sign * value, np.nan)
    least, known = limits[censored].min(), np.unique(limits[censored])
    for one in np.unique(subject):
        own = np.flatnonzero(subject == one)
        source = own[censored[own]]
        others = own[~censored[own]]
        if source.size:
            nearest = np.abs(time[others, None] - time[source]).argmin(axis=1)
            limits[others] = limits[source[nearest]]
        else:
            limits[others] = least
    measured = sign * value
    for row in np.flatnonzero(~censored & (measured < limits)):
        satisfied = known[known <= measured[row]]
        limits[row] = satisfied[-1] if satisfied.size else np.nan
    return sign * limits


def _checked(
    what: str, name: str, given: ArrayLike, value: Array, censored: NDArray[np.bool_]
) -> Array:
    limits = np.asarray(given, dtype=float)
    if limits.shape not in ((), value.shape):
        raise ValueError(
            f"{what}: {name}= wants one number, or one for each of the {value.size} measurements; "
            f"found shape {limits.shape}."
        )
    limits = limits * np.ones(value.size)
    sign = _FLAGS[name]
    short = np.flatnonzero(censored & ~(sign * limits >= sign * value))
    if short.size:
        side, kind = ("below", "at most") if sign == 1 else ("above", "at least")
        raise ValueError(
            f"{what}: {name}= lies {side} the limit of {short.size} censored measurements, such as "
            f"{limits[short[0]]:g} for one that is known to be {kind} {value[short[0]]:g}. Leave "
            f"{name}= out, and each row has its own limit, or give one that holds them all."
        )
    return limits
