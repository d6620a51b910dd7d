"""Time since the last dose that was given, of each observation of a study."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bnode_nlme.engine.actions import is_due
from bnode_nlme.study.study import Study

Array = NDArray[np.float64]

_RESETS = (3, 4)


def time_after_dose(study: Study) -> Array:
    """Time since the last dose, in the study's unit; before the first, the (negative) time to it.

    A measurement at the time of a dose comes before it where its row stands above the dose's: a
    trough has the dosing interval. Additional doses (ADDL) act before the rows of their time, and
    those that a reset (EVID 3 or 4) or a dose at steady state (SS 1) cancels are never given. Lag
    times do not count.

    Parameters
    ----------
    study
        Whose observations and doses.

    Returns
    -------
    ndarray (O,)
        Of each of the study's observations; NaN where its subject has no dose.
    """
    records, doses = study.records, study.doses
    result = np.full(study.n_observations, np.nan)
    owner = records.subject[study.observations]
    cancels = np.isin(records.evid, _RESETS)
    cancels[doses] |= records.steady_state[doses] == 1
    for subject in np.unique(owner):
        own = doses[records.subject[doses] == subject]
        if not own.size:
            continue
        places = np.flatnonzero(owner == subject)
        seen = study.observations[places]
        ends = np.flatnonzero(cancels & (records.subject == subject))
        last = np.full(places.size, -np.inf)
        for dose in own:
            later = ends[ends > dose]
            cancelled = records.time[later[0]] if later.size else np.inf
            before = seen > dose
            given = _given_last(
                float(records.time[dose]),
                float(records.interval[dose]),
                int(records.additional[dose]),
                np.minimum(records.time[seen], cancelled),
            )
            last[before] = np.maximum(last[before], given[before])
        first = records.time[own].min()
        result[places] = np.where(
            np.isneginf(last),
            records.time[seen] - first,
            np.maximum(records.time[seen] - last, 0.0),
        )
    return result


def _given_last(time: float, interval: float, additional: int, until: Array) -> Array:
    """Time of the last that was given until some times, of a dose and its additional ones."""
    if not additional or not interval > 0.0:
        return np.full(until.size, time)
    number = np.clip(np.floor((until - time) / interval), 0.0, additional)
    # The next may be due too, as the solver sees it: 3 intervals of 0.1 end at 0.3.
    following = time + (number + 1.0) * interval
    due = [is_due(float(a), float(b)) for a, b in zip(following, until, strict=True)]
    return np.asarray(time + np.minimum(number + np.array(due), additional) * interval)
