"""One study many times over, so that many draws are solved as one large population."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np

from bnode_nlme.study.occasions import Occasions
from bnode_nlme.study.records import Records
from bnode_nlme.study.study import Study


def repeated_study(study: Study, copies: int) -> Study:
    """Repeat a study as virtual subjects.

    Parameters
    ----------
    study
        Of S subjects, K occasions and O observations.
    copies
        How often.

    Returns
    -------
    Study
        The whole study, then the whole study again, ...: subject ``c * S + s`` is subject s of copy
        c, and likewise for occasions and observations. IDs and row numbers count from 1.
    """
    records, total = study.records, copies * len(study.records)
    copy = np.repeat(np.arange(copies), len(records))
    columns = {
        field.name: np.tile(getattr(records, field.name), copies) for field in fields(Records)
    }
    columns["subject"] = columns["subject"] + copy * study.n_subjects
    columns["row"] = np.arange(1, total + 1)
    occasions = study.occasions
    if occasions is not None:
        columns["occasion"] = columns["occasion"] + copy * len(occasions)
        of_copy = np.repeat(np.arange(copies), len(occasions)) * study.n_subjects
        occasions = Occasions(
            np.tile(occasions.subject, copies) + of_copy, np.tile(occasions.label, copies)
        )
    return replace(
        study,
        subjects=np.arange(1, copies * study.n_subjects + 1),
        records=Records(**columns),
        covariates={name: np.tile(values, copies) for name, values in study.covariates.items()},
        varying={name: np.tile(values, copies) for name, values in study.varying.items()},
        occasions=occasions,
    )
