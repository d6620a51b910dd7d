"""Whether the parts of a study fit together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from bnode_nlme.study.interpolation import Interpolation
from bnode_nlme.study.occasions import Occasions
from bnode_nlme.study.records import Records


def check_subject_index(records: Records, subjects: NDArray[Any]) -> None:
    """Check that IDs are distinct and that each record belongs to one of them."""
    if len(np.unique(subjects)) != len(subjects):
        raise ValueError("Study.subjects must be distinct.")
    index = records.subject
    if len(index) and not (index[0] >= 0 and index[-1] < len(subjects)):
        raise ValueError(
            f"Records.subject must lie in 0 to {len(subjects) - 1}, the subjects' range."
        )


def check_covariates(
    records: Records,
    n_subjects: int,
    covariates: Mapping[str, NDArray[np.float64]],
    varying: Mapping[str, NDArray[np.float64]],
    interpolation: str,
) -> None:
    """Check lengths, and that a varying covariate starts at its value in `covariates`."""
    for name, values in covariates.items():
        if len(values) != n_subjects:
            raise ValueError(
                f"Covariate {name!r} must have one value for each of the {n_subjects} subjects, "
                f"and has {len(values)}."
            )
    first = np.flatnonzero(np.diff(records.subject, prepend=-1))
    for name, values in varying.items():
        if name not in covariates:
            raise ValueError(
                f"The varying covariate {name!r} is none of the covariates {list(covariates)}, "
                "which hold its value at each subject's first record."
            )
        if len(values) != len(records):
            raise ValueError(
                f"The varying covariate {name!r} must have one value for each of the "
                f"{len(records)} records, and has {len(values)}."
            )
        if not np.array_equal(values[first], covariates[name][records.subject[first]]):
            raise ValueError(
                f"The varying covariate {name!r} must begin, at each subject's first record, with "
                "the value in covariates."
            )
    if interpolation not in get_args(Interpolation):
        raise ValueError(
            f"interpolation must be one of {list(get_args(Interpolation))}, and is "
            f"{interpolation!r}."
        )


def check_occasions(records: Records, n_subjects: int, occasions: Occasions | None) -> None:
    """Check that each record belongs to an occasion of its subject, or none to any."""
    index = records.occasion
    if occasions is None:
        if np.any(index != -1):
            raise ValueError("Records.occasion must be -1 throughout: the study has no occasions.")
        return
    if len(occasions) and not 0 <= occasions.subject.min() <= occasions.subject.max() < n_subjects:
        raise ValueError(
            f"Occasions.subject must lie in 0 to {n_subjects - 1}, the subjects' range."
        )
    if np.any((index < 0) | (index >= len(occasions))):
        raise ValueError(f"Records.occasion must lie in 0 to {len(occasions) - 1} in every record.")
    if np.any(occasions.subject[index] != records.subject):
        raise ValueError("Records.occasion must name an occasion of the record's own subject.")
