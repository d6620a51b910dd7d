"""Regimens as the dose records of subjects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnode_nlme.study.inserting import doses
from bnode_nlme.study.records import Records
from bnode_nlme.study.regimen import Dose, Regimen

Regimens = Regimen | Mapping[Any, Regimen | None]


def dose_rows(regimens: Regimens, subjects: NDArray[Any]) -> Records:
    """Dose records of all subjects, in order of subject and time.

    Parameters
    ----------
    regimens
        One for all, or one for each ID; None is a subject without doses.
    subjects
        IDs, shape (S,).

    Raises
    ------
    TypeError
        If something else than a regimen is given.
    ValueError
        If IDs of the mapping and of the study differ.
    """
    ids = subjects.tolist()
    each = dict(regimens) if isinstance(regimens, Mapping) else dict.fromkeys(ids, regimens)
    unknown = [key for key in each if key not in ids]
    lacking = [subject for subject in ids if subject not in each]
    if unknown or lacking:
        raise ValueError(
            "A mapping wants one regimen for each subject. "
            + (f"It names {unknown[:10]}, who are none of the subjects. " if unknown else "")
            + (f"It lacks {lacking[:10]}. " if lacking else "")
            + f"The subjects are {ids[:10]}{', ...' if len(ids) > 10 else ''}; None stands for no "
            "doses."
        )
    for key, regimen in each.items():
        # None for all would be a mistake; for one subject it is a placebo.
        if isinstance(regimen, Regimen) or (regimen is None and isinstance(regimens, Mapping)):
            continue
        whose = f" of subject {key!r}" if isinstance(regimens, Mapping) else ""
        raise TypeError(f"The regimen{whose} must be a bn.Regimen, and is {regimen!r}.")
    rows = [(subject, dose) for subject, name in enumerate(ids) for dose in _doses(each[name])]
    columns: dict[str, NDArray[Any]] = {
        field.name: np.array([getattr(dose, field.name) for _, dose in rows])
        for field in fields(Dose)
    }
    index = np.array([subject for subject, _ in rows], dtype=np.int64)
    return doses(index, columns.pop("time"), columns)


def _doses(regimen: Regimen | None) -> tuple[Dose, ...]:
    return () if regimen is None else regimen.doses
