"""The same subjects and doses, seen at times of one's own choice."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bnode_nlme.study.records import Records


def records_at_times(records: Records, times: ArrayLike) -> Records:
    """Replace all observations by prediction points (EVID 2) at the same times for each subject.

    Doses and resets stay. At equal times a prediction point stands below the dose, so that it sees
    the state after it. The new rows are numbered on from the last row of the table.

    Parameters
    ----------
    records
        The records of a study.
    times : array_like (T,)
        Times of the prediction points, in the study's unit; sorted here.

    Returns
    -------
    Records

    Raises
    ------
    ValueError
        When a time is not finite, or there is none.
    """
    points = np.sort(np.asarray(times, dtype=np.float64).ravel())
    if not points.size or not np.all(np.isfinite(points)):
        raise ValueError(f"times= wants finite numbers, at least one; found {times!r}.")
    kept = records.keep(~np.isin(records.evid, (0, 2)))
    subjects = np.unique(records.subject)
    new = len(subjects) * len(points)
    columns: dict[str, NDArray[Any]] = {
        "subject": np.repeat(subjects, len(points)),
        "row": int(records.row.max(initial=0)) + 1 + np.arange(new),
        "time": np.tile(points, len(subjects)),
        "evid": np.full(new, 2),
        "amount": np.zeros(new),
        "rate": np.zeros(new),
        "compartment": np.full(new, ""),
        "additional": np.zeros(new, dtype=np.int64),
        "interval": np.zeros(new),
        "output": np.full(new, ""),
        "value": np.full(new, np.nan),
    }
    merged = {
        name: np.concatenate([getattr(kept, name), column]) for name, column in columns.items()
    }
    # lexsort is stable: kept rows come first at equal times, in the order of the table.
    order = np.lexsort((merged["time"], merged["subject"]))
    return Records(**{name: column[order] for name, column in merged.items()})
