"""A study in a few lines of text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnode_nlme.study.records import Records

_MANY_OUTPUTS = 6


def study_summary(
    name: str,
    subjects: NDArray[Any],
    records: Records,
    covariates: Mapping[str, NDArray[np.float64]],
) -> str:
    """Write the text that ``repr(study)`` shows."""
    lines = [
        f"Study {name!r}: {_count(len(subjects), 'subject')}, {_count(len(records), 'record')}",
        f"  observations: {_observations(records)}",
        f"  doses: {_doses(records)}",
    ]
    if resets := int(np.sum(np.isin(records.evid, (3, 4)))):
        lines.append(f"  resets: {resets}")
    if len(records):
        lines.append(f"  time: {records.time.min():g} to {records.time.max():g}")
    lines += [
        f"  covariate {covariate}: {values.min():g} to {values.max():g}"
        for covariate, values in covariates.items()
        if len(values)
    ]
    return "\n".join(lines)


def _observations(records: Records) -> str:
    measured = ~np.isnan(records.value)
    predicted = int(np.sum(np.isin(records.evid, (0, 2)) & ~measured))
    labels, counts = np.unique(records.output[measured], return_counts=True)
    text = str(int(counts.sum()))
    if len(labels) > 1 or (len(labels) == 1 and labels[0]):
        parts = [
            f"{label or 'no DVID'} {n}" for label, n in zip(labels.tolist(), counts, strict=True)
        ]
        if len(parts) > _MANY_OUTPUTS:
            parts = [*parts[:_MANY_OUTPUTS], f"... {len(labels)} outputs"]
        text += f" ({', '.join(parts)})"
    return text + (f", and {_count(predicted, 'prediction point')}" if predicted else "")


def _doses(records: Records) -> str:
    given = np.isin(records.evid, (1, 4))
    bolus, infusion = int(np.sum(given & (records.rate == 0))), int(np.sum(records.rate > 0))
    kinds = [f"{n} {kind}" for n, kind in ((bolus, "bolus"), (infusion, "infusion")) if n]
    text = str(int(given.sum())) + (f" ({', '.join(kinds)})" if kinds else "")
    # Python's integers, because the sum of many large ADDL does not fit into 64 bits.
    further = sum(records.additional.tolist())
    return text + (f", and {further} additional" if further else "")


def _count(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"
