"""What terms add to the evidence of a linear model whose coefficients are standard normal."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Places = NDArray[np.int64]


@numba.njit(cache=True)
def factor_model(gram: Array, pull: Array, columns: Places) -> tuple[Array, Array]:
    """The Cholesky factor of I + X'WX over some columns, and its inverse times their X'Wy.

    Parameters
    ----------
    gram : ndarray (C, C)
        X'WX of all columns.
    pull : ndarray (C,)
        X'Wy.
    columns : ndarray (m,)
        Of the model.

    Returns
    -------
    ndarray (m, m), lower triangular; ndarray (m,)
    """
    m = columns.size
    lower, solved = np.zeros((m, m)), np.empty(m)
    for i in range(m):
        for j in range(i + 1):
            left = gram[columns[i], columns[j]] + (1.0 if i == j else 0.0)
            for k in range(j):
                left -= lower[i, k] * lower[j, k]
            lower[i, j] = np.sqrt(left) if i == j else left / lower[j, j]
        left = pull[columns[i]]
        for k in range(i):
            left -= lower[i, k] * solved[k]
        solved[i] = left / lower[i, i]
    return lower, solved


@numba.njit(cache=True)
def model_evidence(gram: Array, pull: Array, columns: Places) -> float:
    """Logarithm of the marginal likelihood of a model, up to a constant of all models."""
    lower, solved = factor_model(gram, pull, columns)
    total = 0.0
    for i in range(columns.size):
        total += 0.5 * solved[i] ** 2 - np.log(lower[i, i])
    return total


@numba.njit(cache=True)
def _model_columns(constants: Places, states: Places, columns: Places, sizes: Places) -> Places:
    found = np.empty(constants.size + columns.shape[0] * columns.shape[2], np.int64)
    m = constants.size
    found[:m] = constants
    for term in range(states.size):
        if states[term] > 0:
            shape = states[term] - 1
            for c in range(sizes[term, shape]):
                found[m] = columns[term, shape, c]
                m += 1
    return found[:m]


@numba.njit(cache=True)
def _gain(
    gram: Array, pull: Array, lower: Array, solved: Array, model: Places, added: Places
) -> float:
    """What columns add to the evidence of a model that is factored: Cholesky goes on with them."""
    m, q = model.size, added.size
    rows = np.zeros((q, m + q))
    total = 0.0
    for a in range(q):
        diagonal = gram[added[a], added[a]] + 1.0
        for j in range(m):
            left = gram[added[a], model[j]]
            for k in range(j):
                left -= rows[a, k] * lower[j, k]
            rows[a, j] = left / lower[j, j]
        for b in range(a):
            left = gram[added[a], added[b]]
            for k in range(m + b):
                left -= rows[a, k] * rows[b, k]
            rows[a, m + b] = left / rows[b, m + b]
        for k in range(m + a):
            diagonal -= rows[a, k] ** 2
        rows[a, m + a] = np.sqrt(diagonal)
    forces = np.empty(q)
    for a in range(q):
        force = pull[added[a]]
        for k in range(m):
            force -= rows[a, k] * solved[k]
        for b in range(a):
            force -= rows[a, m + b] * forces[b]
        forces[a] = force / rows[a, m + a]
        total += 0.5 * forces[a] ** 2 - np.log(rows[a, m + a])
    return total


@numba.njit(cache=True)
def scan_terms(
    gram: Array,
    pull: Array,
    constants: Places,
    columns: Places,
    sizes: Places,
    shapes: Places,
    prior: Array,
    states: Places,
    order: Places,
    uniform: Array,
) -> Array:
    """Draw the state of every term in turn, all others given.

    Parameters
    ----------
    gram, pull
        As in `factor_model`.
    constants : ndarray of int
        Columns that are in every model.
    columns : ndarray of int (terms, shapes, q)
        Of each shape of each term, in the first `sizes` places.
    sizes : ndarray of int (terms, shapes)
    shapes : ndarray of int (terms,)
        How many each term has.
    prior : ndarray (terms,)
        Logarithm of the prior odds of each shape against being out.
    states : ndarray of int (terms,)
        0 out, else the number of the shape, from 1; changed in place.
    order, uniform : ndarray (terms,)
        Of the visits, and the random number of each visit.

    Returns
    -------
    ndarray (terms,)
        Probability of being in, when it was visited.
    """
    inside = np.empty(states.size)
    current = False
    model = _model_columns(constants, states, columns, sizes)
    lower, solved = factor_model(gram, pull, model)
    odds = np.empty(columns.shape[1])
    for visit in range(order.size):
        term = order[visit]
        before = states[term]
        if before > 0 or not current:
            states[term] = 0
            model = _model_columns(constants, states, columns, sizes)
            lower, solved = factor_model(gram, pull, model)
            current = True
        most = 0.0
        for shape in range(shapes[term]):
            added = columns[term, shape, : sizes[term, shape]]
            odds[shape] = prior[term] + _gain(gram, pull, lower, solved, model, added)
            most = max(most, odds[shape])
        out = np.exp(-most)
        total = out
        for shape in range(shapes[term]):
            odds[shape] = np.exp(odds[shape] - most)
            total += odds[shape]
        inside[term] = 1.0 - out / total
        left = uniform[visit] * total - out
        if left >= 0.0:
            shape = 0
            while shape < shapes[term] - 1 and left > odds[shape]:
                left -= odds[shape]
                shape += 1
            states[term] = shape + 1
            current = False
    return inside
