"""The columns of every covariate's terms in a spike and slab."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bnode_nlme.discovery.covariate_shapes import Shape

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Term:
    """One covariate on one effect: in with one of its shapes, or out.

    Attributes
    ----------
    effect, covariate
        Which, counted from 0.
    columns : tuple of ndarray of int
        For each shape, the columns of the design.
    """

    effect: int
    covariate: int
    columns: tuple[NDArray[np.int64], ...]


class Design:
    """The columns of all terms.

    Parameters
    ----------
    shapes : sequence of sequence of Shape
        Of each covariate.
    effects
        Number of effects, K.
    allowed : ndarray of bool (K, covariates)
        Which covariates may enter which effects.

    Attributes
    ----------
    columns : ndarray (S, C)
        A constant, and the functions of all covariates.
    of_covariate : tuple of ndarray of int
        The columns, among those C, of each covariate.
    terms : tuple of Term
    width : int
        K * C: columns are counted effect by effect.
    """

    def __init__(
        self, shapes: Sequence[Sequence[Shape]], effects: int, allowed: NDArray[np.bool_]
    ) -> None:
        self.shapes = tuple(tuple(own) for own in shapes)
        parts: list[Array] = [np.ones((shapes[0][0].reference.size, 1))]
        places: list[list[NDArray[np.int64]]] = []
        own_columns = []
        count = 1
        for covariate, own in enumerate(self.shapes):
            functions = self.functions(covariate, own[0].reference)
            parts.append(functions)
            places.append(_places(own, count))
            own_columns.append(np.arange(count, count + functions.shape[1]))
            count += functions.shape[1]
        self.of_covariate = tuple(own_columns)
        self.columns = np.concatenate(parts, axis=1)
        self.width = effects * count
        self.constants = np.arange(effects) * count
        self.terms = tuple(
            Term(k, j, tuple(at + k * count for at in places[j]))
            for k in range(effects)
            for j in range(len(shapes))
            if allowed[k, j]
        )

    def functions(self, covariate: int, x: Array) -> Array:
        """The columns of one covariate at values of it, (values, columns)."""
        parts = []
        for shape in self.shapes[covariate]:
            basis = shape.basis(x)
            # A curve's first function is the straight line, which is there already.
            parts.append(basis[:, 1:] if shape.name == "curve" else basis)
        return np.concatenate(parts, axis=1)


def _places(shapes: Sequence[Shape], first: int) -> list[NDArray[np.int64]]:
    """The columns of each shape of a covariate whose functions begin at one."""
    result: list[NDArray[np.int64]] = []
    for shape in shapes:
        if shape.name == "curve":
            bends = np.arange(first, first + shape.size - 1)
            result.append(np.concatenate([result[0], bends]))
            first += bends.size
        else:
            result.append(np.arange(first, first + shape.size))
            first += shape.size
    return result


def padded(terms: Sequence[Term]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The columns of each shape of each term, and their number, as arrays."""
    shapes = max(len(term.columns) for term in terms)
    sizes = np.zeros((len(terms), shapes), dtype=np.int64)
    for t, term in enumerate(terms):
        sizes[t, : len(term.columns)] = [columns.size for columns in term.columns]
    padded = np.zeros((len(terms), shapes, int(sizes.max())), dtype=np.int64)
    for t, term in enumerate(terms):
        for shape, columns in enumerate(term.columns):
            padded[t, shape, : columns.size] = columns
    return padded, sizes
