"""Covariates that are so alike that the data can hardly tell them apart."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def collinear_groups(correlation: NDArray[np.float64], limit: float) -> tuple[tuple[int, ...], ...]:
    """Put covariates together that a chain of correlations joins.

    Parameters
    ----------
    correlation : ndarray (covariates, covariates)
    limit
        The absolute correlation from which two are alike.

    Returns
    -------
    tuple of tuple of int
        Every covariate in one group, most of them alone, in the order of their first members.
    """
    alike = np.abs(correlation) >= limit
    np.fill_diagonal(alike, True)
    waiting = list(range(len(alike)))
    groups = []
    while waiting:
        group, reached = {waiting[0]}, {waiting[0]}
        while reached:
            reached = {int(j) for i in reached for j in np.flatnonzero(alike[i])} - group
            group |= reached
        groups.append(tuple(sorted(group)))
        waiting = [i for i in waiting if i not in group]
    return tuple(groups)
