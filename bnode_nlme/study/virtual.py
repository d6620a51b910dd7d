"""Studies that nobody has run: virtual patients, and real ones under another regimen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bnode_nlme.study.inserting import insert, prediction_points
from bnode_nlme.study.records import Records
from bnode_nlme.study.regimen_rows import Regimens, dose_rows
from bnode_nlme.study.virtual_changes import covariate_steps

if TYPE_CHECKING:
    from bnode_nlme.study.study import Study


def virtual_subjects(
    regimens: Regimens, n_subjects: int | None, subjects: Sequence[int | str] | None
) -> NDArray[Any]:
    """IDs of virtual subjects, shape (S,); see `Study.from_regimen`."""
    if sum((isinstance(regimens, Mapping), n_subjects is not None, subjects is not None)) > 1:
        raise ValueError(
            "Who the subjects are is said once: by n_subjects=, by subjects=, or by the keys of a "
            "mapping from IDs to regimens."
        )
    if n_subjects is not None:
        whole = isinstance(n_subjects, (int, np.integer)) and not isinstance(n_subjects, bool)
        if not whole or n_subjects < 1:
            raise ValueError(f"n_subjects= wants a positive whole number, and is {n_subjects!r}.")
        return np.arange(1, n_subjects + 1)
    if isinstance(subjects, (str, bytes)):
        raise TypeError(f"subjects= wants a list of IDs, and is {subjects!r}.")
    if subjects is None:
        subjects = list(regimens) if isinstance(regimens, Mapping) else [1]
    ids = list(subjects)
    odd = [
        name
        for name in ids
        if isinstance(name, bool) or not isinstance(name, (int, str, np.integer))
    ]
    if odd or not ids or len(set(map(type, ids))) > 1:
        raise ValueError(f"IDs of subjects want to be all integers or all text, and are {ids!r}.")
    return np.array(ids)


def virtual_points(
    n_subjects: int,
    times: ArrayLike | Mapping[str, ArrayLike],
    outputs: Sequence[str | int] | None,
) -> Records:
    """Prediction points, the same for each subject, in order of subject, time and output."""
    if isinstance(times, Mapping):
        if outputs is not None:
            raise ValueError(
                "times= names the outputs already: leave outputs= out, or give one sequence of times."
            )
        sampled: Mapping[str, Any] = times
    else:
        if isinstance(outputs, (str, bytes)):
            raise TypeError(f"outputs= wants a list, and is {outputs!r}. Write [{outputs!r}].")
        sampled = dict.fromkeys(map(str, outputs if outputs is not None else [""]), times)
    if not sampled:
        raise ValueError("There is no output: times= wants at least one, or one sequence of times.")
    points: list[tuple[float, str]] = []
    for output, when in sampled.items():
        label = str(output)
        if label and not (label.isidentifier() or (label.isdecimal() and int(label) > 0)):
            raise ValueError(
                "An output is a name (letters, digits and _) or a number counted from 1, and not "
                f"{output!r}."
            )
        found = np.asarray(when, dtype=np.float64)
        if found.ndim > 1 or not found.size or not np.all(np.isfinite(found)):
            raise ValueError(
                "times= wants finite numbers, at least one, in a sequence or in one for each "
                f"output; found {when!r}" + (f" for {label!r}." if label else ".")
            )
        points += [(time, label) for time in found.ravel().tolist()]
    points.sort(key=lambda point: point[0])  # stable: outputs in the order given
    return prediction_points(
        np.repeat(np.arange(n_subjects), len(points)),
        np.tile([time for time, _ in points], n_subjects),
        np.tile([output for _, output in points], n_subjects),
    )


def virtual_covariates(
    covariates: Mapping[str, ArrayLike | Mapping[float, ArrayLike]], n_subjects: int
) -> dict[str, NDArray[np.float64]]:
    """Covariates over the subjects, shape (S,) each; of those that change, the earliest value."""
    result = {}
    for name, given in covariates.items():
        if isinstance(given, Mapping):
            result[name] = covariate_steps(name, given, n_subjects)[1][0]
            continue
        values = np.asarray(given, dtype=np.float64)
        if values.shape not in ((), (n_subjects,)) or not np.all(np.isfinite(values)):
            raise ValueError(
                f"covariates[{name!r}] wants a finite number or one for each of the {n_subjects} "
                f"subjects, and has the shape {values.shape}"
                + (
                    " and values that are not finite."
                    if values.shape in ((), (n_subjects,))
                    else "."
                )
                + ("" if n_subjects > 1 else " Say how many there are with n_subjects=.")
            )
        result[name] = np.broadcast_to(values, (n_subjects,))
    return result


def with_doses(study: Study, regimens: Regimens, *, before_dose: bool) -> Study:
    """Replace doses and resets; see `Study.with_regimen`."""
    records = study.records
    seen = np.isin(records.evid, (0, 2))
    asked = replace(
        study,
        records=replace(
            records,
            evid=np.where(seen, 2, records.evid),
            value=np.full(len(records), np.nan),
            censoring=np.zeros(len(records), dtype=np.int64),
            limit=np.full(len(records), np.nan),
        ),
    )
    return insert(
        asked,
        dose_rows(regimens, study.subjects),
        dropped=np.isin(records.evid, (1, 3, 4)),
        above=not before_dose,
    )
