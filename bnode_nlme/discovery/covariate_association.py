"""How much alike covariates are, numbers and codes of categories among them."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def association(covariates: Mapping[str, Array], categorical: Collection[str]) -> Array:
    """Correlation of every pair of covariates, whatever their kind.

    Parameters
    ----------
    covariates : mapping of str to ndarray (S,)
        Each with two different values or more.
    categorical
        Which are codes of categories without an order.

    Returns
    -------
    ndarray (covariates, covariates)
        Of two numbers Spearman's rank correlation, from -1 to 1. Of a number and categories the
        correlation ratio: the root of the share of the ranks' variance that lies between the
        categories. Of two sets of categories the largest correlation that any scores given to
        them can have (the first canonical correlation: Hirschfeld 1935,
        doi:10.1017/S0305004100013517). Both from 0 to 1, for codes have no direction.
    """
    bases = {
        name: _basis(values, name in categorical and np.unique(values).size > 2)
        for name, values in covariates.items()
    }
    result = np.eye(len(bases))
    own = list(bases.values())
    for i, first in enumerate(own):
        for j, second in enumerate(own[:i]):
            products = first.T @ second
            numbers = products.size == 1
            value = products.item() if numbers else np.linalg.norm(products, ord=2)
            result[i, j] = result[j, i] = np.clip(value, -1.0, 1.0)
    return result


def _basis(values: Array, categories: bool) -> Array:
    """Orthonormal centred functions of a covariate, (S, 1) or (S, categories - 1)."""
    levels, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    if not categories:
        # Ties share a rank: what is alike up to a monotone change is alike.
        ranks = (np.cumsum(counts) - 0.5 * counts)[place]
        centred = ranks - ranks.mean()
        return np.asarray((centred / np.linalg.norm(centred))[:, None])
    codes = np.eye(levels.size)[place][:, 1:]
    return np.asarray(np.linalg.qr(codes - codes.mean(axis=0))[0])
