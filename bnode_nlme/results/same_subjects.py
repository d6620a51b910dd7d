"""Whether the subjects of a study are those whose random effects are known."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bnode_nlme.study.dimensions import SUBJECT
from bnode_nlme.study.study import Study

_MOST_NAMED = 10


def subjects_of(values: xr.Dataset, study: Study | None) -> NDArray[Any] | None:
    """IDs of subjects with known random effects: of a posterior, or of the study that was fitted.

    None where neither tells them.
    """
    if SUBJECT in values.dims:
        return values[SUBJECT].to_numpy()
    return None if study is None else study.subjects


def require_same_subjects(
    study: Study, known: NDArray[Any] | None, reference: Study | None, cure: str
) -> None:
    """Refuse subjects whose random effects are not known, and warn of those that look like others.

    Parameters
    ----------
    study
        Whose subjects are asked for.
    known
        IDs of those with known random effects; None where nothing tells.
    reference
        The study from which they are known; None where it is not there.
    cure
        What to write for other subjects.

    Raises
    ------
    ValueError
        When a subject's ID is not known, or the study's patients are virtual, so that their IDs
        mean nothing.

    Warns
    -----
    UserWarning
        When a subject has other constant covariates than it had.
    """
    unknown = [] if known is None else [s for s in study.subjects.tolist() if s not in known]
    if unknown:
        raise ValueError(
            "predict: kind='individual' wants subjects that the fit knows by their IDs; study "
            f"{study.name!r} has {', '.join(map(str, unknown[:_MOST_NAMED]))}, whom it does not "
            f"know. {cure}"
        )
    if study.virtual and not (reference is not None and reference.virtual):
        raise ValueError(
            f"predict: kind='individual' wants subjects that the fit knows; the {study.n_subjects} "
            f"patients of study {study.name!r} are virtual (Study.from_regimen), and their IDs 1, "
            f"2, ... only count them. {cure} Should they be the known subjects of these IDs, take "
            "the fit's own study, with_regimen or at_times, or name them with "
            "Study.from_regimen(..., subjects=[...])."
        )
    if reference is not None:
        _warn_of_other_covariates(study, reference)


def _warn_of_other_covariates(study: Study, reference: Study) -> None:
    ids, former = study.subjects.tolist(), reference.subjects.tolist()
    now = [place for place, name in enumerate(ids) if name in former]
    before = [former.index(ids[place]) for place in now]
    constant = [
        name
        for name in study.covariates
        if name in reference.covariates
        and name not in study.varying
        and name not in reference.varying
    ]
    told = []
    for name in constant:
        new, old = study.covariates[name][now], reference.covariates[name][before]
        (differing,) = np.nonzero(~np.isclose(new, old, rtol=1e-6, atol=0.0))
        if differing.size:
            first = differing[0]
            told.append(
                f"{name} of {differing.size} (subject {ids[now[first]]}: {new[first]:g}, in study "
                f"{reference.name!r} {old[first]:g})"
            )
    if told:
        warnings.warn(
            f"predict: subjects of study {study.name!r} are taken, by their IDs, for those of study "
            f"{reference.name!r}, and have their random effects, but other covariates: "
            f"{'; '.join(told)}. That is right for the same people under other circumstances. For "
            "other people write kind='new'.",
            stacklevel=6,
        )
