"""A part of a study: some of its subjects, some of its outputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bnode_nlme.study.changes import as_changes, staying
from bnode_nlme.study.occasions import Occasions

if TYPE_CHECKING:
    from bnode_nlme.study.study import Study


def select_outputs(study: Study, outputs: Sequence[str | int] | NDArray[Any]) -> Study:
    """Keep only the observations of some outputs; see `Study.select`."""
    records = study.records
    shown = np.isin(records.evid, (0, 2))
    valid = list(dict.fromkeys(records.output[shown].tolist()))
    names = [str(name) for name in _sequence(outputs, "outputs")]
    _check_known(names, valid, "outputs (DVID)", study.name)
    gone = shown & ~np.isin(records.output, np.array(names, dtype=np.str_))
    kept = staying(records, study.varying, gone)
    return replace(
        study,
        records=as_changes(records, gone).keep(kept),
        varying={name: values[kept] for name, values in study.varying.items()},
    )


def select_subjects(study: Study, subjects: Sequence[int | str] | NDArray[Any]) -> Study:
    """Keep some subjects, with their records, covariates and occasions; see `Study.select`."""
    ids = _sequence(subjects, "subjects")
    if not ids:
        raise ValueError("subjects names nobody; give at least one ID, or None for all.")
    _check_known(ids, study.subjects.tolist(), "subjects", study.name)
    chosen = np.isin(study.subjects, np.array(ids, dtype=study.subjects.dtype))
    subject_index = np.cumsum(chosen) - 1
    kept = chosen[study.records.subject]
    records = study.records.keep(kept)
    records = replace(records, subject=subject_index[records.subject])
    occasions = study.occasions
    if occasions is not None:
        of_chosen = chosen[occasions.subject]
        occasion_index = np.cumsum(of_chosen) - 1
        records = replace(records, occasion=occasion_index[records.occasion])
        occasions = Occasions(
            subject_index[occasions.subject[of_chosen]], occasions.label[of_chosen]
        )
    covariates = {name: values[chosen] for name, values in study.covariates.items()}
    varying = {name: values[kept] for name, values in study.varying.items()}
    return replace(
        study,
        subjects=study.subjects[chosen],
        records=records,
        covariates=covariates,
        varying={
            name: values
            for name, values in varying.items()
            if np.any(values != covariates[name][records.subject])
        },
        occasions=occasions,
    )


def _sequence(names: Sequence[Any] | NDArray[Any], what: str) -> list[Any]:
    if isinstance(names, (str, bytes)) or not hasattr(names, "__iter__"):
        raise TypeError(f"{what} must be a list, and is {names!r}. Write [{names!r}].")
    return [name.item() if isinstance(name, np.generic) else name for name in names]


def _check_known(names: list[Any], valid: list[Any], what: str, study: str) -> None:
    unknown = [name for name in names if isinstance(name, bool) or name not in valid]
    if unknown:
        raise ValueError(
            f"Study {study!r} has no {what} {unknown}. Its {what} are {valid}"
            + (f" ({type(valid[0]).__name__}s)." if valid else ".")
        )
