"""Which covariates a sampler offers to exchange for which."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bnode_nlme.discovery.inclusion_design import Term

Array = NDArray[np.float64]

_CORRELATION_POWER = 4


def exchange_probabilities(terms: Sequence[Term], correlation: Array) -> Array:
    """Probability with which each term is offered to be exchanged for each other, (terms, terms)."""
    effect = np.array([term.effect for term in terms])
    covariate = np.array([term.covariate for term in terms])
    alike = np.abs(correlation[np.ix_(covariate, covariate)]) ** _CORRELATION_POWER + 1e-6
    alike *= (effect[:, None] == effect) & (covariate[:, None] != covariate)
    total = alike.sum(axis=1, keepdims=True)
    return np.divide(alike, total, out=np.zeros_like(alike), where=total > 0.0)
