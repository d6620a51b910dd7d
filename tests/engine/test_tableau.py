"""The order conditions of the Runge-Kutta pair and of its continuous extension.

One condition for each rooted tree (Hairer, Norsett and Wanner 1993, theorem II.2.13): the weights'
sum over what the tree makes of the matrix is the reciprocal of the tree's density.
"""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from bnode_nlme.engine.tableau import DENSE, ERROR, MATRIX, NODES, STAGES

A = np.array([[*row, *[0.0] * (STAGES - len(row))] for row in MATRIX])
ONE = np.ones(STAGES)
Tree = tuple["Tree", ...]


def trees(order: int) -> list[Tree]:
    """Every rooted tree of so many vertices: a vertex is the sorted tuple of its branches."""
    found: set[Tree] = set()

    def grow(left: int, most: int, branches: tuple[Tree, ...]) -> None:
        if left == 0:
            found.add(tuple(sorted(branches, key=repr)))
        for size in range(1, min(left, most) + 1):
            for branch in trees(size):
                grow(left - size, size, (*branches, branch))

    grow(order - 1, order - 1, ())
    return sorted(found, key=repr)


def size(tree: Tree) -> int:
    return 1 + sum(size(branch) for branch in tree)


def density(tree: Tree) -> int:
    return size(tree) * int(np.prod([density(branch) for branch in tree]))


def stages(tree: Tree) -> np.ndarray:
    value = ONE
    for branch in tree:
        value = value * (A @ stages(branch))
    return value


@pytest.mark.parametrize(("order", "number"), [(1, 1), (2, 1), (3, 2), (4, 4), (5, 9)])
def test_there_are_as_many_conditions_as_the_theory_says(order: int, number: int) -> None:
    assert len(trees(order)) == number


def test_nodes_are_the_sums_of_the_rows() -> None:
    assert_allclose(A @ ONE, NODES, atol=1e-14)


@pytest.mark.parametrize("order", [1, 2, 3, 4, 5])
def test_the_solution_has_order_5(order: int) -> None:
    for tree in trees(order):
        assert_allclose(A[-1] @ stages(tree), 1 / density(tree), atol=1e-13)


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_the_embedded_solution_has_order_4(order: int) -> None:
    for tree in trees(order):
        assert_allclose(np.array(ERROR) @ stages(tree), 0.0, atol=1e-13)


def test_the_embedded_solution_has_not_order_5() -> None:
    assert max(abs(np.array(ERROR) @ stages(tree)) for tree in trees(5)) > 1e-5


@pytest.mark.parametrize("fraction", [0.1, 0.5, 0.77, 1.0])
@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_the_continuous_extension_has_order_4(order: int, fraction: float) -> None:
    weights = np.array(DENSE) @ fraction ** np.arange(1, 5)
    for tree in trees(order):
        assert_allclose(weights @ stages(tree), fraction**order / density(tree), atol=1e-13)
