"""Array operations, sharing and networks in native code against PyTensor's own evaluation."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytensor.tensor as pt
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from pytensor.gradient import disconnected_grad, grad_clip, zero_grad
from pytensor.tensor.shape import specify_shape
from pytensor.tensor.sort import sort

from bnode_nlme.dynamics import MLP
from bnode_nlme.engine import LoweringError
from bnode_nlme.engine.lowering import vector_jacobian_product
from bnode_nlme.engine.program import Program
from tests.engine.lowered import by_pytensor, natively, program_of

X = pt.tensor("x", shape=(6,), dtype="float64")
M = X.reshape((2, 3))
VALUES = np.random.default_rng(4).normal(size=(5, 6))

ARRAYS: dict[str, Callable[[], list[Any]]] = {
    "join": lambda: [pt.join(0, X[:2], X[3:], X[:1]), pt.concatenate([M, M * 2], axis=1)],
    "stack": lambda: [pt.stack([X[0], X[5], X[2]]), pt.stack([X, X], axis=1)],
    "split": lambda: pt.split(X, [1, 3, 2]) + pt.split(M, [2, 1], axis=1),
    "subtensor": lambda: [X[1:5:2], X[::-1], M[1, ::2], M[:, -1], X[-2]],
    "set subtensor": lambda: [
        pt.set_subtensor(X[1:4], X[3:6] ** 2),
        pt.set_subtensor(M[0], 3.0),
        pt.set_subtensor(X[2], X[0]),
    ],
    "increment subtensor": lambda: [
        pt.inc_subtensor(X[::2], X[1::2]),
        pt.inc_subtensor(M[:, 1], X[0]),
        pt.inc_subtensor(X[5], 2.0),
    ],
    "reshape": lambda: [X.reshape((3, 2)).T, M.flatten(), X.reshape((1, 6, 1))],
    "dimshuffle": lambda: [
        M.dimshuffle(1, "x", 0),
        M.T,
        pt.expand_dims(X, 0).squeeze(0),
        X.dimshuffle("x", 0, "x"),
    ],
    "sum": lambda: [X.sum(), M.sum(axis=0), M.sum(axis=1), M.mean(axis=(0, 1)), X[:0].sum()],
    "product": lambda: [X.prod(), M.prod(axis=1), X[:0].prod()],
    "maximum and minimum": lambda: [X.max(), M.max(axis=0), M.min(axis=1), X.min()],
    "all and any": lambda: [
        pt.all(X > -9) * 1.0,
        pt.any(M > 0, axis=0) * 1.0,
        pt.all(M > 0, axis=1) * 1.0,
    ],
    "alloc": lambda: [pt.alloc(X[0], 2, 3) * M, pt.ones((3,)) * X[3], pt.zeros_like(X) + X],
    "fill": lambda: [pt.fill(M, X[1]), pt.ones_like(M) * M, pt.full((2, 3), X[0])],
    "broadcast": lambda: [M + X[:3], M * X[:2][:, None], pt.broadcast_to(X[0], (4,)), X - 1.0],
    "dot": lambda: [pt.dot(X[:3], X[3:]), pt.dot(M, X[:3]), pt.dot(X[:2], M), pt.dot(M, M.T)],
    "matmul": lambda: [M @ M.T, M @ X[3:], X[:2] @ M, pt.outer(X[:2], X[:3])],
    "shape": lambda: [X / X.shape[0], X * M.shape[1], X.size * X[0]],
    "identity marks": lambda: [
        zero_grad(X) + disconnected_grad(X),
        grad_clip(X, -1, 1),
        specify_shape(X, (6,)),
        pt.cast(X, "float64"),
    ],
    "constants": lambda: [X + np.arange(6.0), M * np.ones((2, 1)), pt.constant([1.5, 2.5])],
    "repeat and tile": lambda: [pt.tile(X[:2], 3), pt.concatenate([X[:2]] * 3)],
    "norm and variance": lambda: [pt.sqrt((X**2).sum()), X.var(), X.std()],
}


@pytest.mark.parametrize("name", ARRAYS)
def test_array_operations(name: str) -> None:
    outputs = ARRAYS[name]()
    assert_allclose(
        natively(X, outputs, VALUES), by_pytensor(X, outputs, VALUES), rtol=1e-13, atol=1e-14
    )


@pytest.mark.parametrize("name", ARRAYS)
def test_their_derivatives(name: str) -> None:
    for output in ARRAYS[name]():
        seed = pt.cos(pt.arange(int(np.prod(output.type.shape)))).reshape(output.type.shape)
        gradient = vector_jacobian_product(output, [X], pt.constant(seed.eval()))
        found = natively(X, gradient, VALUES)
        assert_allclose(found, by_pytensor(X, gradient, VALUES), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize(
    ("outputs", "name"),
    [
        (lambda: [X[pt.argmax(X)]], "Argmax"),
        (lambda: [X[np.array([0, 3, 4])]], "AdvancedSubtensor"),
        (lambda: [pt.linalg.inv(M @ M.T)], "MatrixInverse"),
        (lambda: [sort(X)], "Sort"),
    ],
)
def test_an_operation_without_counterpart_is_refused_by_name(
    outputs: Callable[[], list[Any]], name: str
) -> None:
    with pytest.raises(LoweringError, match=name):
        program_of(X, outputs())


def test_an_index_that_depends_on_the_state_is_refused() -> None:
    with pytest.raises(LoweringError, match="not known before the solve"):
        program_of(X, [X[pt.cast(X[0], "int64")]])


def test_a_reduction_without_counterpart_is_refused() -> None:
    import pytensor.scalar as ps
    from pytensor.tensor.elemwise import CAReduce

    reduced: Any = CAReduce(ps.xor)(X > 0)
    with pytest.raises(LoweringError, match="reduces an array"):
        program_of(X, [reduced])


def test_outside_variables_are_refused() -> None:
    outside = pt.scalar("outside", dtype="float64")
    with pytest.raises(LoweringError, match="outside, which is no input"):
        program_of(X, [X * outside])


def test_unknown_lengths_are_refused() -> None:
    with pytest.raises(LoweringError, match="unknown length"):
        program_of(pt.vector("x", dtype="float64"), [X])


def test_common_expressions_are_computed_once() -> None:
    rate = pt.exp(X[0]) / (1 + pt.exp(X[0]) * X[1])
    program = program_of(X, [rate, -rate, rate * X[2], pt.exp(X[0])])
    names = [program.instructions[number].operation for number in program.live()]
    assert names.count("exp") == 1
    assert names.count("div") == 1


def test_dead_code_and_constants_are_folded() -> None:
    program = program_of(
        X, [X[0] * 0.0 + pt.constant(2.0) * 3.0, pt.switch(np.array(True), X[1], X[2])]
    )
    names = [program.instructions[number].operation for number in program.live()]
    assert sorted(names) == ["const", "input"]


def test_a_program_keeps_signed_zeros_and_nan_apart() -> None:
    program = Program(())
    assert program.constant(0.0) != program.constant(-0.0)
    assert program.constant(float("nan")) == program.constant(float("nan"))
    assert program.constant(2.0) == program.constant(2)


def test_a_specialised_program_is_the_jacobian() -> None:
    seed = pt.tensor("seed", shape=(2,), dtype="float64")
    both = pt.stack([X[0] * pt.exp(X[1]), X[1] * X[2]])
    from bnode_nlme.engine.lowering import lower

    adjoint = lower([("state", X), ("seed", seed)], vector_jacobian_product(both, [X], seed))
    rows = adjoint.specialised("seed", [[1.0, 0.0], [0.0, 1.0]])
    operations = [rows.instructions[number].operation for number in rows.live()]
    # exp(x1), x0 exp(x1), x2, x1 and zeros: nothing is left of the seed
    assert operations.count("exp") == 1
    assert operations.count("mul") == 1
    assert operations.count("add") == 0


@pytest.mark.parametrize("activation", ["tanh", "softplus", "sigmoid", "relu", "swish"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"output": "positive"},
        {"output": "monotone"},
        {"anchor": (0.3, -0.2)},
        {"outputs": 3, "scale": (2.0, 0.5)},
        {"hidden": ()},
        {"hidden": (3, 4, 2)},
    ],
    ids=str,
)
def test_networks(activation: Any, options: dict[str, Any]) -> None:
    if activation == "swish" and options.get("output") == "monotone":
        pytest.skip("a monotone network wants an increasing activation")
    mlp = MLP("net", **({"inputs": 2, "hidden": (4,), "activation": activation} | options))
    inputs = pt.tensor("x", shape=(2 + mlp.size,), dtype="float64")
    values = np.random.default_rng(5).normal(size=(4, 2 + mlp.size))
    output = mlp(inputs[2:], inputs[0], inputs[1])
    found = natively(inputs, [output], values)
    wanted = np.array([mlp.evaluate(row[2:], row[None, :2])[0] for row in values])
    assert_allclose(found, wanted.reshape(found.shape), rtol=1e-12, atol=1e-14)
    batch = mlp(inputs[2:], pt.stack([inputs[:2], 2.0 * inputs[:2]]))
    assert_allclose(
        natively(inputs, [batch], values), by_pytensor(inputs, [batch], values), rtol=1e-12
    )


def test_an_anchored_network_is_exactly_zero_at_its_anchor() -> None:
    mlp = MLP("net", inputs=1, hidden=(5,), anchor=0.7, scale=3.0)
    w = pt.tensor("w", shape=(mlp.size,), dtype="float64")
    values = np.random.default_rng(6).normal(size=(20, mlp.size))
    assert_array_equal(natively(w, [mlp(w, 0.7)], values), np.zeros((20, 1)))
