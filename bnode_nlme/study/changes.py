"""Records that are dropped, but keep saying when a subject begins, and what its covariates are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from bnode_nlme.study.records import CHANGE, Records

Mask = NDArray[np.bool_]


def changing(records: Records, varying: Mapping[str, NDArray[np.float64]]) -> Mask:
    """Mark the records of subjects whose covariates or occasion change, shape (R,)."""
    above = np.concatenate([[0], np.arange(len(records) - 1)]) if len(records) else np.arange(0)
    changed = np.zeros(len(records), dtype=np.bool_)
    for column in (records.occasion, *varying.values()):
        changed |= column != column[above]
    changed &= records.subject == records.subject[above]
    return np.isin(records.subject, records.subject[changed])


def staying(records: Records, varying: Mapping[str, NDArray[np.float64]], gone: Mask) -> Mask:
    """Mark the records that stay in a study, shape (R,), of which those `gone` were dropped.

    Those of subjects whose covariates or occasion change stay as changes. So does a subject's first
    one where all others come later: at its time the state is the initial one.
    """
    kept = ~gone | changing(records, varying)
    starts = np.flatnonzero(np.diff(records.subject, prepend=-1))
    for first, end in zip(starts, [*starts[1:], len(records)], strict=True):
        later = records.time[first:end][kept[first:end]]
        kept[first] |= later.size > 0 and bool(later[0] > records.time[first])
    return kept


def as_changes(records: Records, rows: Mask) -> Records:
    """Turn records into changes, which act on nothing and are not reported."""
    return replace(
        records,
        evid=np.where(rows, CHANGE, records.evid),
        amount=np.where(rows, 0.0, records.amount),
        rate=np.where(rows, 0.0, records.rate),
        compartment=np.where(rows, "", records.compartment),
        additional=np.where(rows, 0, records.additional),
        interval=np.where(rows, 0.0, records.interval),
        output=np.where(rows, "", records.output),
        value=np.where(rows, np.nan, records.value),
        steady_state=np.where(rows, 0, records.steady_state),
        censoring=np.where(rows, 0, records.censoring),
        limit=np.where(rows, np.nan, records.limit),
    )
