"""Candidates compared by how well they foretell subjects that are left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnode_nlme.discovery.candidate import Candidate
from bnode_nlme.discovery.paired_difference import (
    PairedDifference,
    paired_difference,
    settled_outcome,
    standing,
)

Array = NDArray[np.float64]

_ROUNDS = 5000


def ranked(candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """Compare candidates, and order them: the simplest that is not refuted comes first.

    A candidate is refuted where the best of those whose draws are settled is better than it by the
    rule of `verdict`, `bnode_nlme.discovery.paired_difference`: Student's t over the subjects, a
    difference worthwhile, and the same where subjects are doubtful: without those that are so by
    the best, and with the most that others can have by the candidate, their density by the fit that
    knows them (the mean of p over the posterior is at least that without the subject, by Jensen's
    inequality). Where it is not the same, the refutation hangs on them: the candidate is not
    refuted, and not kept either. Those that are kept are in the order of their numbers of constants, then of
    operations, then of ELPD; those whose refutation hangs on doubtful subjects follow, and the
    refuted, in the order of ELPD; then those whose draws are unsettled, which are compared but not
    judged and have no weight; and those without a comparison are last, in the order given.

    Parameters
    ----------
    candidates
        With `left_out` where there is a fit.
    """
    fitted = [own for own in candidates if own.is_compared]
    if not fitted:
        return tuple(candidates)
    pointwise = np.stack([_left_out(own, "elpd") for own in fitted])
    at_most = np.stack([_left_out(own, "fitted") for own in fitted])
    doubtful = np.stack([_left_out(own, "doubtful") for own in fitted])
    judged = [place for place, own in enumerate(fitted) if own.is_judged]
    best = max(judged, key=lambda place: pointwise[place].sum()) if judged else None
    network = next((place for place, own in enumerate(fitted) if own.kind == "network"), None)
    weights = dict(zip(judged, stacking_weights(pointwise[judged]), strict=True)) if judged else {}

    def against(place: int, other: int | None) -> PairedDifference | None:
        return None if other is None else paired_difference(pointwise[place], pointwise[other])

    def judgement(place: int) -> dict[str, Any]:
        if best is None or place not in judged:
            return {}
        pair = pointwise[best], pointwise[place]
        found = paired_difference(*pair).outcome == "better"
        # A left-out subject is never foretold better than by the fit that knows it.
        most = np.where(doubtful[place], at_most[place], pointwise[place])
        settled = found and settled_outcome(pair[0], most, doubtful[best]) == "better"
        judged_by: dict[str, Any] = {"refuted": settled, "hangs_on_doubtful": found and not settled}
        if network in judged and place != network:
            pair = pointwise[place], pointwise[network]
            judged_by["standing"] = standing(*pair, doubtful[place] | doubtful[network])
        return judged_by

    compared = [
        replace(
            own,
            against_best=against(place, best),
            against_network=against(place, network),
            weight=float(weights.get(place, np.nan)),
            **judgement(place),
        )
        for place, own in enumerate(fitted)
    ]
    kept = [own for own in compared if own.is_kept]
    return (
        *sorted(kept, key=lambda own: (own.size, own.complexity, -own.elpd)),
        *sorted((own for own in compared if own.hangs_on_doubtful), key=lambda own: -own.elpd),
        *sorted((own for own in compared if own.refuted), key=lambda own: -own.elpd),
        *sorted((own for own in compared if own.unsettled), key=lambda own: -own.elpd),
        *(own for own in candidates if not own.is_compared),
    )


def _left_out(own: Candidate, name: str) -> Array:
    table: Any = own.left_out  # there, for only what was compared is asked
    return np.asarray(table[name])


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
