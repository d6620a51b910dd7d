"""Failed solves in words: how many, at how many draws, of which subjects, and why."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bnode_nlme.engine.status import SolveStatus
from bnode_nlme.results.population_draws import SAMPLE
from bnode_nlme.study.dimensions import SUBJECT

_NAMED = 10
_PACKAGE = str(Path(__file__).parents[1])


def failed_solves(status: xr.DataArray) -> NDArray[np.bool_]:
    """Which solves failed.

    Parameters
    ----------
    status : xarray.DataArray (sample, subject)
        As `predict` gives it.

    Returns
    -------
    ndarray (samples, subjects)
    """
    return np.asarray(status.transpose(SAMPLE, SUBJECT).to_numpy() != SolveStatus.SUCCESS)


def warn_of_failed_solves(
    what: str, statuses: Mapping[str, xr.DataArray], consequence: str
) -> None:
    """Warn where solves failed; the place that is named is the user's own call.

    Parameters
    ----------
    what
        Name of the caller: "predict".
    statuses : mapping of str to xarray.DataArray (sample, subject)
        Of each kind of prediction, by what it is called: "individual predictions".
    consequence
        What became of them: "their predictions are NaN".
    """
    told = [
        f"{name}: {_told(status)}" if len(statuses) > 1 else _told(status)
        for name, status in statuses.items()
        if failed_solves(status).any()
    ]
    if not told:
        return
    codes = {int(code) for status in statuses.values() for code in np.unique(status)}
    causes = [SolveStatus(c).message for c in sorted(codes) if c != SolveStatus.SUCCESS]
    warnings.warn(
        f"{what}: {'; '.join(told)}; {consequence}. Causes: {'; '.join(causes)}.",
        skip_file_prefixes=(_PACKAGE,),
    )


def _told(status: xr.DataArray) -> str:
    failed = failed_solves(status)
    by_subject = failed.sum(axis=0)
    lost = np.flatnonzero(by_subject)
    names = status[SUBJECT].to_numpy()
    named = ", ".join(f"{names[s]} ({by_subject[s]})" for s in lost[:_NAMED])
    more = f" and {lost.size - _NAMED} more" if lost.size > _NAMED else ""
    return (
        f"{failed.sum()} of {failed.size} solves failed, at {failed.any(axis=1).sum()} of "
        f"{len(failed)} draws, of {lost.size} of {names.size} subjects (how often): {named}{more}"
    )
