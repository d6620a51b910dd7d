"""Candidates compared by how well they foretell subjects that are left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from bnode_nlme.discovery.candidate import Candidate

Array = NDArray[np.float64]

LEAST = 4.0
"""Differences of ELPD below this say nothing (Sivula, Magnusson, Matamoros and Vehtari 2020)."""
ERRORS = 2.0
_ROUNDS = 5000


def ranked(candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """Compare candidates, and order them: the simplest that is not refuted comes first.

    A candidate is refuted where its ELPD is behind the best one's by more than 4 and by more than
    two standard errors of the difference, paired by subject. Those that are not refuted are in the
    order of their numbers of constants, then of ELPD; the refuted follow in the order of ELPD, and
    those without a fit are last, in the order given.

    Parameters
    ----------
    candidates
        With `elpd` where there is a fit.

    Notes
    -----
    Sivula et al. 2020, arXiv:2008.10296: the standard error of a difference is too small where
    subjects are few or models much alike, so differences below 4 are not read.
    """
    fitted = [own for own in candidates if own.elpd is not None]
    if not fitted:
        return tuple(candidates)
    pointwise = np.stack([own.elpd.elpd_i.to_numpy() for own in fitted])
    best = pointwise[int(np.argmax(pointwise.sum(axis=1)))]
    network = next(
        (p for own, p in zip(fitted, pointwise, strict=True) if own.kind == "network"), None
    )
    weights = stacking_weights(pointwise)
    compared = []
    for own, values, weight in zip(fitted, pointwise, weights, strict=True):
        behind, behind_se = paired(values, best)
        difference, difference_se = (np.nan, np.nan) if network is None else paired(values, network)
        compared.append(
            replace(
                own,
                behind=behind,
                behind_se=behind_se,
                difference=difference,
                difference_se=difference_se,
                refuted=is_worse(behind, behind_se),
                weight=float(weight),
            )
        )
    kept = sorted((o for o in compared if not o.refuted), key=lambda o: (o.size, -o.behind))
    refuted = sorted((o for o in compared if o.refuted), key=lambda o: -o.behind)
    return (*kept, *refuted, *(own for own in candidates if own.elpd is None))


def paired(values: Array, others: Array) -> tuple[float, float]:
    """Sum of differences and its standard error."""
    apart = values - others
    return float(apart.sum()), float(np.sqrt(apart.size) * apart.std(ddof=1))


def is_worse(difference: float, error: float) -> bool:
    """Whether a negative difference is large enough to be read."""
    return difference < -LEAST and difference < -ERRORS * error


def stacking_weights(pointwise: Array) -> Array:
    """Weights of the mixture of models that foretells left-out subjects best.

    Parameters
    ----------
    pointwise : ndarray (models, subjects)
        Expected log predictive density of each.

    Returns
    -------
    ndarray (models,)
        They sum to 1.

    Notes
    -----
    Yao, Vehtari, Simpson and Gelman 2018, doi:10.1214/17-BA1091. The goal is concave; the
    expectation-maximisation of mixture weights climbs it.
    """
    density = np.exp(pointwise - pointwise.max(axis=0))
    weights = np.full(len(density), 1.0 / len(density))
    for _ in range(_ROUNDS):
        share = weights[:, None] * density
        new = (share / share.sum(axis=0)).mean(axis=1)
        if np.max(np.abs(new - weights)) < 1e-10:
            break
        weights = new
    return np.asarray(weights)
