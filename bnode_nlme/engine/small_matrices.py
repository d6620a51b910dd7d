"""Small dense matrices, in compiled code."""

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


@compiled
def spectral_radius(matrix: np.ndarray) -> float:
    """Largest magnitude of an eigenvalue, from a high power's size (Gelfand's formula).

    Good to a part in a thousand whatever the units of rows and columns; NaN where an element is.
    """
    size, squarings = matrix.shape[0], 16
    power, square = np.empty((size, size)), np.empty((size, size))
    for i in range(size):
        for j in range(size):
            power[i, j] = matrix[i, j]
    logarithm = 0.0
    for squared in range(squarings + 1):
        largest = 0.0
        for i in range(size):
            for j in range(size):
                if not abs(power[i, j]) <= largest:
                    largest = abs(power[i, j])
        if not 0.0 < largest < np.inf:
            return 0.0 if largest == 0.0 else np.nan
        logarithm += np.log(largest)
        if squared == squarings:
            break
        for i in range(size):
            for j in range(size):
                total = 0.0
                for k in range(size):
                    total += power[i, k] / largest * (power[k, j] / largest)
                square[i, j] = total
        power, square = square, power
        logarithm *= 2.0
    return np.exp(logarithm / 2.0**squarings)
