"""Parameters put side by side, and their gradient: against PyTensor's own join."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor.tensor as pt
import pytest
from pytensor.compile.maker import function
from pytensor.gradient import grad

from bnode_nlme.engine.columns_op import ColumnsOp

ROWS = 5
MODES = ["NUMBA", "FAST_COMPILE"]
COTANGENT = np.random.default_rng(3).normal(size=(ROWS, 3))


def value_and_gradient(matrix: Any, inputs: list[Any], mode: str) -> Any:
    weighted = (pt.exp(matrix) * COTANGENT).sum()
    gradients: Any = grad(weighted, inputs)
    compiled = function(inputs, [matrix, *gradients], mode=mode)
    draw = np.random.default_rng(4).normal
    return compiled(draw(size=ROWS), draw(size=1), draw(size=2 * ROWS)[::2])


@pytest.mark.parametrize("mode", MODES)
def test_the_matrix_and_its_gradient_are_those_of_a_join(mode: str) -> None:
    of_subject, shared = pt.vector("CL"), pt.vector("V", shape=(1,))
    strided = pt.vector("ka")
    inputs = [of_subject, shared, strided]
    found = value_and_gradient(
        ColumnsOp(("CL", "V", "ka"), (False, True, False), ROWS)(*inputs), inputs, mode
    )
    joined = pt.stack([of_subject, pt.broadcast_to(shared, (ROWS,)), strided], axis=1)
    wanted = value_and_gradient(joined, inputs, mode)
    for one, other in zip(found, wanted, strict=True):
        assert one.shape == other.shape
        np.testing.assert_allclose(one, other, rtol=1e-14)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("length", [1, ROWS - 1, ROWS + 1])
def test_a_vector_of_another_length_is_named(mode: str, length: int) -> None:
    vectors = [pt.vector("CL"), pt.vector("V")]
    matrix = ColumnsOp(("CL", "V"), (False, False), ROWS)(*vectors)
    compiled = function(vectors, matrix, mode=mode)
    with pytest.raises(
        ValueError, match=r"parameters\['V'\] wants a number or a vector over the 5"
    ):
        compiled(np.ones(ROWS), np.ones(length))
