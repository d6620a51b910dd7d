"""Occasions: the stretches of a subject's records between which its parameters may differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnode_nlme.study.read_only import read_only


@dataclass(frozen=True, eq=False)
class Occasions:
    """All pairs of a subject and one of its occasions, one subject after the other.

    A label names an occasion within its subject: records of one subject with the same label are one
    occasion, wherever they stand, and label 1 of one subject is another occasion than label 1 of
    the next.

    Attributes
    ----------
    subject : ndarray of int64, shape (K,)
        Index into `Study.subjects`; non-decreasing.
    label : ndarray, shape (K,)
        The column OCC as given, in the order of first use: int64 when all are whole numbers, else
        text.

    Raises
    ------
    ValueError
        If the two differ in length, subjects decrease, or a subject has two occasions of one label.
    """

    subject: NDArray[np.int64]
    label: NDArray[Any]

    def __post_init__(self) -> None:
        labels = np.asarray(self.label)
        kind = np.int64 if np.issubdtype(labels.dtype, np.integer) else np.str_
        object.__setattr__(self, "subject", read_only(self.subject, np.int64, "subject"))
        object.__setattr__(self, "label", read_only(labels, kind, "label"))
        if len(self.subject) != len(self.label):
            raise ValueError(
                "Occasions wants one subject for each label, and has "
                f"{len(self.subject)} subjects and {len(self.label)} labels."
            )
        if np.any(self.subject[1:] < self.subject[:-1]):
            raise ValueError(
                "Occasions.subject must not decrease: a subject's occasions stand together."
            )
        pairs = list(zip(self.subject.tolist(), self.label.tolist(), strict=True))
        if len(set(pairs)) != len(pairs):
            raise ValueError("Occasions wants each label once for each subject.")

    def __reduce__(self) -> tuple[Any, ...]:
        return Occasions, (self.subject, self.label)

    def __len__(self) -> int:
        return len(self.subject)

    def __repr__(self) -> str:
        return f"Occasions({len(self)} of {len(np.unique(self.subject))} subjects)"

    def names(self, subjects: NDArray[Any]) -> NDArray[np.str_]:
        """Name each occasion ``"ID:label"``, shape (K,); `subjects` are the IDs, shape (S,)."""
        pairs = zip(subjects[self.subject].tolist(), self.label.tolist(), strict=True)
        return read_only([f"{subject}:{label}" for subject, label in pairs], np.str_, "names")
