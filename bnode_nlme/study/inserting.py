"""New records among those of a study, and others that give way to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bnode_nlme.study.changes import as_changes, staying
from bnode_nlme.study.filling import Mask, filled, given_before, same_time
from bnode_nlme.study.interpolation import Interpolation
from bnode_nlme.study.records import CHANGE, Records

if TYPE_CHECKING:
    from bnode_nlme.study.study import Study


def insert(study: Study, new: Records, *, dropped: Mask, above: bool) -> Study:
    """Insert records into a study, in order of time.

    The covariates and occasions of the others run on as they did: a new record has those of its
    time. A dropped one stays as a change where anything of its subject changes, and where its
    subject began with it.

    Parameters
    ----------
    study
        With R records.
    new
        Records of the study's subjects, in order of subject and time; their `row` is not used, and
        they have no `occasion`.
    dropped
        The study's records that go, shape (R,).
    above
        Whether new records stand above the others of their time, or below.

    Returns
    -------
    Study
        New rows are numbered on from the largest number of the study.
    """
    old = study.records
    first_free = int(old.row.max(initial=0)) + 1
    new = replace(new, row=first_free + np.arange(len(new)))
    both = (new, old) if above else (old, new)
    is_new = np.concatenate([np.full(len(part), part is new) for part in both])
    joined = [np.concatenate([getattr(p, f.name) for p in both]) for f in fields(Records)]
    subject, time = (
        np.concatenate([getattr(p, name) for p in both]) for name in ("subject", "time")
    )
    order = np.lexsort((time, subject))  # stable: the parts keep their order at equal times
    merged = Records(*(column[order] for column in joined))
    is_new = is_new[order]

    gone = np.zeros(len(merged), dtype=np.bool_)
    gone[~is_new] = dropped
    blank = np.full(len(new), np.nan)

    def run_on(values: NDArray[Any], interpolation: Interpolation) -> NDArray[np.float64]:
        parts = (blank, values) if above else (values, blank)
        return _run_on(merged, np.concatenate(parts)[order], ~is_new, interpolation)

    varying = {name: run_on(each, study.interpolation) for name, each in study.varying.items()}
    if study.occasions is not None:
        # An occasion is one or the other, never in between.
        steps: Interpolation = "nocb" if study.interpolation == "nocb" else "locf"
        merged = replace(merged, occasion=run_on(old.occasion, steps).astype(np.int64))
    kept = staying(merged, varying, gone)
    return replace(
        study,
        records=as_changes(merged, gone).keep(kept),
        varying={name: values[kept] for name, values in varying.items()},
    )


def _run_on(
    records: Records, values: NDArray[np.float64], given: Mask, interpolation: Interpolation
) -> NDArray[np.float64]:
    result = filled(records.subject, records.time, values, given, interpolation)
    if interpolation == "nocb":
        # At the very time of a record it is the record's own value that is reached.
        before = given_before(records.subject, given)
        at_once = ~given & (before >= 0) & same_time(records.time[before], records.time)
        result = np.where(at_once, values[before], result)
    return result


def prediction_points(
    subject: NDArray[np.int64], time: NDArray[np.float64], output: NDArray[np.str_]
) -> Records:
    """Make records with EVID 2, each argument of shape (R,)."""
    return _records(subject, time, {"evid": np.full(len(subject), 2), "output": output})


def changes(subject: NDArray[np.int64], time: NDArray[np.float64]) -> Records:
    """Make records with EVID 5, each argument of shape (R,)."""
    return _records(subject, time, {"evid": np.full(len(subject), CHANGE)})


def doses(
    subject: NDArray[np.int64], time: NDArray[np.float64], columns: Mapping[str, NDArray[Any]]
) -> Records:
    """Make records with EVID 1; `columns` are those of `Records` that say what is given."""
    return _records(subject, time, {"evid": np.full(len(subject), 1), **columns})


def _records(
    subject: NDArray[np.int64], time: NDArray[np.float64], columns: Mapping[str, NDArray[Any]]
) -> Records:
    size = len(subject)
    zeros, texts = np.zeros(size), np.full(size, "")
    return Records(
        **{
            "subject": subject,
            "row": np.arange(1, size + 1),
            "time": time,
            "amount": zeros,
            "rate": zeros,
            "compartment": texts,
            "additional": zeros,
            "interval": zeros,
            "output": texts,
            "value": np.full(size, np.nan),
            **columns,
        }
    )
