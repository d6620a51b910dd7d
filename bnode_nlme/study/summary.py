"""A study in a few lines of text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bnode_nlme.study.records import CHANGE, Records

if TYPE_CHECKING:
    from bnode_nlme.study.study import Study

_MANY_OUTPUTS = 6


def study_summary(study: Study) -> str:
    """Write the text that ``repr(study)`` shows."""
    records = study.records
    counts = f"{_count(study.n_subjects, 'subject')}, {_count(len(records), 'record')}"
    lines = [
        f"Study {study.name!r}: {counts}",
        f"  observations: {_observations(records)}",
        f"  doses: {_doses(records)}",
    ]
    if resets := int(np.sum(np.isin(records.evid, (3, 4)))):
        lines.append(f"  resets: {resets}")
    if changes := int(np.sum(records.evid == CHANGE)):
        lines.append(f"  changes of covariate or occasion alone: {changes}")
    if study.occasions is not None:
        most = np.bincount(study.occasions.subject).max()
        lines.append(f"  occasions: {len(study.occasions)}, at most {most} a subject")
    if len(records):
        lines.append(f"  time: {records.time.min():g} to {records.time.max():g}")
    lines += [f"  covariate {name}: {_covariate(study, name)}" for name in study.covariates]
    return "\n".join(lines)


def _covariate(study: Study, name: str) -> str:
    if name not in study.varying:
        values = study.covariates[name]
        return f"{values.min():g} to {values.max():g}"
    values = study.varying[name]
    moves = values != study.covariates[name][study.records.subject]
    subjects = _count(len(np.unique(study.records.subject[moves])), "subject")
    return f"{values.min():g} to {values.max():g}, varies in {subjects} ({study.interpolation})"


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
    for kind, side in ((1, "below"), (-1, "above")):
        if n := int(np.sum(records.censoring == kind)):
            text += f", {n} of them {side} {'its' if n == 1 else 'their'} limit of quantification"
    return text + (f", and {_count(predicted, 'prediction point')}" if predicted else "")


def _doses(records: Records) -> str:
    given = np.isin(records.evid, (1, 4))
    counts = {
        "bolus": records.rate == 0,
        "infusion": records.rate > 0,
        "infusion of modelled rate": records.rate == -1,
        "infusion of modelled duration": records.rate == -2,
    }
    kinds = [f"{n} {kind}" for kind, of in counts.items() if (n := int(np.sum(given & of)))]
    kinds_text = ", ".join(kinds)
    if steady := int(np.sum(given & (records.steady_state != 0))):
        kinds_text += f"; {steady} of them at steady state"
    text = str(int(given.sum())) + (f" ({kinds_text})" if kinds else "")
    # Python's integers, because the sum of many large ADDL does not fit into 64 bits.
    further = sum(records.additional.tolist())
    return text + (f", and {further} additional" if further else "")


def _count(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"
