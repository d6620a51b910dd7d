"""One patient under several regimens from now on, each as a virtual subject with the same past."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace

import numpy as np
from numpy.typing import NDArray

from bnode_nlme.discovery.dosing.places import Places
from bnode_nlme.study.inserting import insert, prediction_points
from bnode_nlme.study.occasions import Occasions
from bnode_nlme.study.records import Records
from bnode_nlme.study.regimen import Regimen
from bnode_nlme.study.regimen_rows import dose_rows
from bnode_nlme.study.study import Study


def planned_study(
    study: Study, regimen: Regimen | None, after: float, looked_at: Places
) -> tuple[Study, NDArray[np.intp]]:
    """Keep a patient's doses before a time, give others from then on, and look at some places.

    Parameters
    ----------
    study
        Of one subject.
    regimen
        What is given; None for nothing.
    after
        Doses and resets of the records at this time or later do not take place, also those that
        ADDL implies. Infusions that have begun go on.
    looked_at
        Where outputs are wanted.

    Returns
    -------
    Study
        Its observations are the places, and one at the time of the first record, where the
        system starts.
    ndarray (T,)
        Index of each place among the observations.
    """
    records = study.records
    given = np.isin(records.evid, (1, 3, 4))
    dropped = (given & (records.time >= after)) | np.isin(records.evid, (0, 2))
    # Of implied doses those before `after` stay.
    interval = np.where(records.interval > 0, records.interval, 1.0)
    due = np.ceil((after - records.time) / interval - 1e-9) - 1.0
    additional = np.minimum(records.additional, np.maximum(due, 0)).astype(np.int64)
    past = replace(study, records=replace(records, additional=additional))
    subject = study.subjects[0]
    subject = subject.item() if hasattr(subject, "item") else subject
    doses = dose_rows({subject: regimen}, study.subjects)
    planned = insert(past, doses, dropped=dropped, above=False)
    begin = min(float(records.time.min()), float(looked_at.times.min()))
    times = np.append(looked_at.times, begin)
    before = np.append(looked_at.before, True)
    for above in (True, False):
        some = np.sort(times[before == above])
        nothing = np.zeros(len(planned.records), dtype=np.bool_)
        if some.size:
            planned = insert(planned, _points(some), dropped=nothing, above=above)
    order = np.lexsort((~before, times))
    index = np.empty(times.size, dtype=np.intp)
    index[order] = np.arange(times.size)
    return planned, index[:-1]


def _points(times: NDArray[np.float64]) -> Records:
    return prediction_points(
        np.zeros(times.size, dtype=np.int64), times, np.full(times.size, "", dtype=np.str_)
    )


def side_by_side(studies: Sequence[Study]) -> Study:
    """Studies of one subject each, with the same covariates and occasions, as one study."""
    first = studies[0]
    columns = {
        field.name: np.concatenate([getattr(study.records, field.name) for study in studies])
        for field in fields(Records)
    }
    lengths = [len(study.records) for study in studies]
    place = np.repeat(np.arange(len(studies)), lengths)
    columns["subject"] = place
    columns["row"] = np.arange(1, sum(lengths) + 1)
    occasions = first.occasions
    if occasions is not None:
        columns["occasion"] = columns["occasion"] + place * len(occasions)
        occasions = Occasions(
            np.repeat(np.arange(len(studies)), len(occasions)),
            np.tile(occasions.label, len(studies)),
        )
    return replace(
        first,
        subjects=np.arange(1, len(studies) + 1),
        records=Records(**columns),
        covariates={
            name: np.tile(values, len(studies)) for name, values in first.covariates.items()
        },
        varying={
            name: np.concatenate([study.varying[name] for study in studies])
            for name in first.varying
        },
        occasions=occasions,
    )


def breaks_of(study: Study, regimen: Regimen | None) -> list[float]:
    """Times at which a course may break: doses and ends of infusions, of the past and planned."""
    found: list[float] = []
    records = study.records
    for row in np.flatnonzero(np.isin(records.evid, (1, 4))):
        count = int(records.additional[row])
        times = records.time[row] + records.interval[row] * np.arange(count + 1)
        found += _with_ends(times.tolist(), float(records.amount[row]), float(records.rate[row]))
    for dose in () if regimen is None else regimen.doses:
        found += _with_ends([dose.time], dose.amount, dose.rate)
    return found


def _with_ends(times: list[float], amount: float, rate: float) -> list[float]:
    ends = [time + amount / rate for time in times] if rate > 0 and amount > 0 else []
    return times + ends
