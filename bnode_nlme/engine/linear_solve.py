"""A small dense linear system, in compiled code."""

from __future__ import annotations

import numpy as np

from bnode_nlme.engine.compilation import compiled


@compiled
def solve_linear(matrix: np.ndarray, right: np.ndarray) -> bool:
    """Solve for `right` in place, by elimination with partial pivoting; `matrix` is used up.

    Returns False where the matrix is singular or not finite; `right` is of no use then.
    """
    size = right.shape[0]
    for column in range(size):
        pivot = column
        for row in range(column + 1, size):
            if abs(matrix[row, column]) > abs(matrix[pivot, column]):
                pivot = row
        if not 0.0 < abs(matrix[pivot, column]) < np.inf:
            return False
        for other in range(column, size):
            matrix[column, other], matrix[pivot, other] = (
                matrix[pivot, other],
                matrix[column, other],
            )
        right[column], right[pivot] = right[pivot], right[column]
        for row in range(column + 1, size):
            factor = matrix[row, column] / matrix[column, column]
            for other in range(column, size):
                matrix[row, other] -= factor * matrix[column, other]
            right[row] -= factor * right[column]
    for row in range(size - 1, -1, -1):
        for other in range(row + 1, size):
            right[row] -= matrix[row, other] * right[other]
        right[row] /= matrix[row, row]
        if not abs(right[row]) < np.inf:
            return False
    return True
