"""What changes in virtual patients from given times on: their occasion and their covariates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bnode_nlme.study.filling import same_time
from bnode_nlme.study.inserting import changes, insert
from bnode_nlme.study.occasions import Occasions

if TYPE_CHECKING:
    from bnode_nlme.study.study import Study

Steps = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Times from which values hold, shape (T,), in order, and the values, shape (T, S)."""


def occasion_starts(occasions: Mapping[Any, float]) -> dict[int | str, float]:
    """Labels of occasions with the times at which they begin, in order of time.

    Raises
    ------
    TypeError
        If `occasions` is no mapping.
    ValueError
        If there is none, labels are not all integers or all text, or times are not finite and
        distinct.
    """
    if not isinstance(occasions, Mapping):
        raise TypeError(
            "occasions= wants a mapping from each label to the time at which the occasion begins, "
            f"such as {{1: 0.0, 2: 168.0}}, and is {occasions!r}."
        )
    labels = list(occasions)
    whole = [isinstance(name, int | np.integer) and not isinstance(name, bool) for name in labels]
    text = [isinstance(name, str) and name.strip() == name != "" for name in labels]
    if not labels or not (all(whole) or all(text)):
        raise ValueError(
            f"occasions= wants labels that are all integers or all text, and has {labels!r}."
        )
    times = _times(list(occasions.values()), "occasions=")
    return {labels[place]: float(times[place]) for place in np.argsort(times)}


def covariate_steps(name: str, given: Mapping[float, ArrayLike], n_subjects: int) -> Steps:
    """Values of one covariate with the times from which they hold.

    Raises
    ------
    ValueError
        If there is none, or times or values are not as `Study.from_regimen` wants them.
    """
    what = f"covariates[{name!r}]"
    times = _times(list(given), what)
    values = np.empty((len(times), n_subjects))
    for place, value in enumerate(given.values()):
        found = np.asarray(value, dtype=np.float64)
        if found.shape not in ((), (n_subjects,)) or not np.all(np.isfinite(found)):
            raise ValueError(
                f"{what} wants at each time a finite number or one for each of the {n_subjects} "
                f"subjects; found {value!r} at {times[place]:g}."
            )
        values[place] = found
    order = np.argsort(times)
    return times[order], values[order]


def _times(given: list[Any], what: str) -> NDArray[np.float64]:
    times = np.asarray(given, dtype=np.float64)
    distinct = np.unique(times).size == times.size
    if not times.size or times.ndim != 1 or not np.all(np.isfinite(times)) or not distinct:
        raise ValueError(
            f"{what} wants finite times, each once, from which its values hold; found {given!r}."
        )
    return times


def with_changes(
    study: Study, occasions: Mapping[int | str, float], varying: Mapping[str, Steps]
) -> Study:
    """Let occasions begin and covariates change at given times, with a change where no record is.

    Parameters
    ----------
    study
        Without occasions and without varying covariates.
    occasions
        From `occasion_starts`; empty for none.
    varying
        From `covariate_steps`, by covariate, each of which the study has.

    Raises
    ------
    ValueError
        If no record belongs to an occasion.
    """
    starts = np.array(list(occasions.values()))
    when = np.unique(np.concatenate([starts, *(times for times, _ in varying.values())]))
    study = _with_records_at(study, when)
    records = study.records
    columns, first = {}, {}
    for name, (times, values) in varying.items():
        column = values[_step(records.time, times), records.subject]
        begins = np.flatnonzero(np.diff(records.subject, prepend=-1))
        first[name] = column[begins]
        if np.any(column != first[name][records.subject]):
            columns[name] = column
    study = replace(study, covariates={**study.covariates, **first}, varying=columns)
    if not occasions:
        return study
    labels = list(occasions)
    step = _step(records.time, starts)
    empty = [label for place, label in enumerate(labels) if not np.any(step == place)]
    if empty:
        shown = ", ".join(f"{label!r} (from {occasions[label]:g} on)" for label in empty)
        raise ValueError(
            f"occasions= names {shown}, to which no dose and no sampling time belongs; there are "
            f"records from {records.time.min():g} to {records.time.max():g}."
        )
    # One number for each pair of subject and occasion, in order of both.
    pairs, index = np.unique(records.subject * len(labels) + step, return_inverse=True)
    return replace(
        study,
        records=replace(records, occasion=index),
        occasions=Occasions(pairs // len(labels), np.array(labels)[pairs % len(labels)]),
    )


def _step(time: NDArray[np.float64], starts: NDArray[np.float64]) -> NDArray[np.intp]:
    """Which start each time belongs to; the first for what is earlier than all."""
    reached = (starts <= time[:, None]) | same_time(starts, time[:, None])
    return np.maximum(reached.sum(axis=1) - 1, 0)


def _with_records_at(study: Study, when: NDArray[np.float64]) -> Study:
    """Give each subject a record at each of some times between its first one and its last."""
    records = study.records
    subject, time = [], []
    for place in np.unique(records.subject):
        own = records.time[records.subject == place]
        within = when[(when > own[0]) & (when < own[-1])]
        lacking = within[~same_time(within[:, None], own).any(axis=1)]
        subject += [place] * len(lacking)
        time += lacking.tolist()
    if not time:
        return study
    new = changes(np.array(subject), np.array(time))
    nothing = np.zeros(len(records), dtype=np.bool_)
    return insert(study, new, dropped=nothing, above=True)
