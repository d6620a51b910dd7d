"""Sparse regression of posterior draws of a learned function, and how stable the choice is."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import sympy
from numpy.typing import NDArray

from bnode_nlme.discovery.form_fit import FunctionDraws
from bnode_nlme.discovery.forms import Form

Array = NDArray[np.float64]

_MOST = 3
_CLOSE = 0.5
"""Of posterior standard deviations: a sum of terms that is as close to a draw is close enough."""
_HALF = 0.5


@dataclass(frozen=True, eq=False)
class SparseTerms:
    """Terms whose sum makes up the draws of a function.

    Attributes
    ----------
    frequency : mapping of str to float
        For each term of the dictionary, the share of draws that chose it.
    chosen : tuple of str
        The set of terms that most draws chose.
    share
        The share of draws that chose just this set.
    form : Form
        The sum of these terms, with real constants.
    """

    frequency: dict[str, float]
    chosen: tuple[str, ...]
    share: float
    form: Form


def sparse_terms(draws: FunctionDraws, rng: np.random.Generator) -> SparseTerms:
    """Choose terms for each draw, on a random half of the points, and count.

    For each draw: the best subset of the dictionary, the smallest set of terms whose weighted least
    squares fit is within half a posterior standard deviation of the draw, of those of one size the
    closest; three terms at most. Draws and halves of the points play the part of the subsamples of
    stability selection (Meinshausen and Bühlmann 2010, doi:10.1111/j.1467-9868.2010.00740.x): a
    term that hangs on one draw is chosen rarely.

    Parameters
    ----------
    draws
        Of the function.
    rng
        For the halves.
    """
    terms = dictionary(draws)
    inputs = draws.points.shape[1]
    names = list(terms)
    symbols = ["x"] if inputs == 1 else [f"x{place + 1}" for place in range(inputs)]
    columns = []
    for term in terms.values():
        function = sympy.lambdify([sympy.Symbol(s) for s in symbols], term, modules="numpy")
        columns.append(np.broadcast_to(function(*draws.points.T), (len(draws.points),)))
    matrix = np.stack(columns, axis=1).astype(np.float64)
    root = np.sqrt(draws.weight) / draws.spread
    found: Counter[tuple[int, ...]] = Counter()
    for values in draws.values:
        half = rng.permutation(len(values))[: max(_MOST + 2, int(_HALF * len(values)))]
        scale = np.sqrt(np.sum(draws.weight[half]))
        weighted = root[half] / scale
        found[_smallest(matrix[half] * weighted[:, None], values[half] * weighted)] += 1
    chosen, count = found.most_common(1)[0]
    total = len(draws.values)
    frequency = {
        name: sum(n for members, n in found.items() if place in members) / total
        for place, name in enumerate(names)
    }
    expression = sum(
        sympy.Symbol(f"c{rank}") * terms[names[place]] for rank, place in enumerate(chosen)
    )
    form = Form(
        "sparse: " + " + ".join(names[place] for place in chosen),
        expression,
        inputs,
        tuple(f"c{rank}" for rank in range(len(chosen))),
    )
    return SparseTerms(frequency, tuple(names[p] for p in chosen), count / total, form)


def dictionary(draws: FunctionDraws) -> dict[str, sympy.Expr]:
    """Terms by name; those with a scale have the median of the visited inputs for it."""
    inputs = draws.points.shape[1]
    terms: dict[str, sympy.Expr] = {"1": sympy.Integer(1)}
    symbols = [sympy.Symbol("x")]
    if inputs > 1:
        symbols = [sympy.Symbol(f"x{place + 1}") for place in range(inputs)]
    for place, x in enumerate(symbols):
        order = np.argsort(draws.points[:, place])
        share = np.cumsum(draws.weight[order])
        middle = abs(draws.points[order, place][np.searchsorted(share, 0.5)]) or 1.0
        m = sympy.Float(middle, 3)
        for term in (x, x**2, 1 / (m + x), x / (m + x), sympy.exp(-x / m)):
            terms[str(term)] = term
    for place, x in enumerate(symbols):
        for other in symbols[place + 1 :]:
            terms[str(x * other)] = x * other
    return terms


def _smallest(matrix: Array, values: Array) -> tuple[int, ...]:
    """The smallest set of columns that makes up the values closely; of those the closest."""
    best: tuple[int, ...] = ()
    for size in range(1, _MOST + 1):
        least = np.inf
        for columns in combinations(range(matrix.shape[1]), size):
            some = matrix[:, columns]
            rest = values - some @ np.linalg.lstsq(some, values, rcond=None)[0]
            if (distance := float(np.linalg.norm(rest))) < least:
                best, least = columns, distance
        if least <= _CLOSE:
            break
    return best
