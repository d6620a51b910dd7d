"""Records that are dropped, but have to keep saying what the covariates and the occasion are."""

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
