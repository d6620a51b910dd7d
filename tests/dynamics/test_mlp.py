"""The network: layout of its weights, values against hand-written NumPy, and its promises."""

import itertools
import pickle
from dataclasses import FrozenInstanceError, replace
from typing import Any

import numpy as np
import pytensor.tensor as pt
import pytest
from numpy.typing import NDArray
from pytensor.compile.maker import function
from pytensor.compile.mode import Mode
from pytensor.gradient import grad

from bnode_nlme.dynamics import ACTIVATIONS, MLP

HIDDEN = [(), (3,), (4, 3)]


def valid_networks() -> list[MLP]:
    networks = []
    for activation, output, outputs, hidden, anchor in itertools.product(
        ACTIVATIONS, ("linear", "positive", "monotone"), (1, 2), HIDDEN, (None, (2.0, -0.3))
    ):
        if output == "positive" and anchor is not None:
            continue
        if output == "monotone" and activation == "swish":
            continue
        networks.append(
            MLP("f", 2, hidden, activation, output, outputs, (3.0, 0.7), anchor)  # type: ignore[arg-type]
        )
    return networks


def label(network: MLP) -> str:
    anchored = "-anchored" if network.anchor is not None else ""
    widths = "x".join(map(str, network.hidden)) or "none"
    return f"{network.activation}-{network.output}-{network.outputs}-{widths}{anchored}"


def by_hand(network: MLP, w: NDArray[np.float64], x: NDArray[np.float64]) -> NDArray[np.float64]:
    """The definition written out for one point, sharing no code with the package."""
    functions: dict[str, Any] = {
        "tanh": np.tanh,
        "softplus": lambda a: np.log1p(np.exp(a)),
        "sigmoid": lambda a: 1 / (1 + np.exp(-a)),
        "relu": lambda a: a * (a > 0),
        "swish": lambda a: a / (1 + np.exp(-a)),
    }

    def f(z: NDArray[np.float64]) -> NDArray[np.float64]:
        widths = [network.inputs, *network.hidden, network.outputs]
        start = 0
        for layer in range(len(widths) - 1):
            n_in, n_out = widths[layer], widths[layer + 1]
            W = w[start : start + n_in * n_out].reshape(n_out, n_in)
            b = w[start + n_in * n_out : start + n_in * n_out + n_out]
            start += n_in * n_out + n_out
            if network.output == "monotone":
                W = np.log1p(np.exp(W))
            z = W @ z + b
            if layer < len(widths) - 2:
                z = functions[network.activation](z)
        assert start == network.size
        return np.log1p(np.exp(z)) if network.output == "positive" else z

    scale = np.asarray(network.scale)
    if network.anchor is None:
        y = f(x / scale)
    else:
        y = f((x - np.asarray(network.anchor)) / scale) - f(np.zeros(network.inputs))
    return y[0] if network.outputs == 1 else y


@pytest.mark.parametrize("network", valid_networks(), ids=label)
def test_graph_and_evaluate_equal_the_definition(network: MLP) -> None:
    rng = np.random.default_rng(1)
    w = rng.normal(size=(3, network.size))
    x = rng.normal(scale=2.0, size=(5, 2))
    expected = np.array([[by_hand(network, row, point) for point in x] for row in w])

    np.testing.assert_allclose(network.evaluate(w, x), expected, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(network.evaluate(w[0], x), expected[0], rtol=1e-12, atol=1e-14)

    weights = pt.vector("w", shape=(network.size,), dtype="float64")
    a, b = pt.dscalars("a", "b")
    grid = pt.tensor("grid", shape=(4, None, 2), dtype="float64")
    points = pt.tensor("points", shape=(None, None), dtype="float64")
    graphs = [
        network(weights, a, b),
        network(weights, pt.stack([a, b])),
        network(weights, points),
        network(weights, grid),
    ]
    trailing = () if network.outputs == 1 else (network.outputs,)
    assert graphs[0].type.shape == trailing
    assert graphs[3].type.shape == (4, None, *trailing)
    assert all(graph.dtype == "float64" for graph in graphs)
    compute = function([weights, a, b, points, grid], graphs, mode="FAST_COMPILE")
    scalar, vector, matrix, tensor = compute(w[0], *x[1], x, np.tile(x, (4, 1, 1)))
    np.testing.assert_allclose(scalar, expected[0, 1], rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(vector, expected[0, 1], rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(matrix, expected[0], rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(tensor, np.tile(expected[0], (4, *[1] * (1 + len(trailing)))), 1e-12)


def test_layers_tile_the_weight_vector_in_order() -> None:
    network = MLP("f", inputs=3, hidden=(4, 2), outputs=2)
    positions = np.arange(network.size)
    pieces = [positions[place] for layer in network.layers for place in (layer.weight, layer.bias)]
    np.testing.assert_array_equal(np.concatenate(pieces), positions)
    assert [(layer.fan_in, layer.fan_out) for layer in network.layers] == [(3, 4), (4, 2), (2, 2)]
    assert network.size == 3 * 4 + 4 + 4 * 2 + 2 + 2 * 2 + 2


def test_unpack_agrees_between_arrays_draws_and_symbols() -> None:
    network = MLP("f", inputs=3, hidden=(4,), outputs=2)
    draws = np.arange(2.0 * 5 * network.size).reshape(2, 5, network.size)
    batched = network.unpack(draws)
    single = network.unpack(draws[1, 3])
    symbol = pt.vector("w", dtype="float64")
    symbolic = network.unpack(symbol)
    for layer, (W, b), (W1, b1), (Ws, bs) in zip(
        network.layers, batched, single, symbolic, strict=True
    ):
        assert W.shape == (2, 5, layer.fan_out, layer.fan_in)
        assert b.shape == (2, 5, layer.fan_out)
        np.testing.assert_array_equal(W[1, 3], W1)
        np.testing.assert_array_equal(b[1, 3], b1)
        np.testing.assert_array_equal(W1, draws[1, 3][layer.weight].reshape(W1.shape))
        np.testing.assert_array_equal(Ws.eval({symbol: draws[1, 3]}), W1)
        np.testing.assert_array_equal(bs.eval({symbol: draws[1, 3]}), b1)


def test_a_weight_vector_of_unknown_length_is_checked_when_it_runs() -> None:
    network = MLP("f", inputs=1, hidden=(2,))
    w = pt.vector("w", dtype="float64")
    value = network(w, 1.0)
    with pytest.raises(Exception, match=r"SpecifyShape|shape"):
        value.eval({w: np.zeros(network.size + 1)})


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("hidden", HIDDEN)
@pytest.mark.parametrize("optimizer", ["merge", "fast_run"])
def test_anchored_networks_are_exactly_zero_at_the_anchor(
    activation: Any, hidden: tuple[int, ...], optimizer: str
) -> None:
    rng = np.random.default_rng(2)
    anchor = (0.1, 97.3)
    network = MLP("f", 2, hidden, activation, outputs=3, scale=(0.3, 7.0), anchor=anchor)
    w = pt.vector("w", shape=(network.size,), dtype="float64")
    a, b = pt.dscalars("a", "b")
    mode = Mode(linker="py", optimizer=optimizer)
    compute = function([w, a, b], network(w, a, b), mode=mode)
    draws = rng.normal(scale=3.0, size=(50, network.size))
    for draw in draws:
        np.testing.assert_array_equal(compute(draw, *anchor), np.zeros(3))
    elsewhere = [np.any(compute(draw, 0.4, 90.0) != 0) for draw in draws]
    assert np.mean(elsewhere) > 0.5, "control: it is not 0 everywhere (but where relu is dead)"


@pytest.mark.parametrize("activation", ["tanh", "softplus", "sigmoid", "relu"])
@pytest.mark.parametrize("hidden", HIDDEN)
def test_monotone_networks_never_decrease_in_any_input(
    activation: Any, hidden: tuple[int, ...]
) -> None:
    rng = np.random.default_rng(3)
    network = MLP("f", 3, hidden, activation, output="monotone", outputs=2)
    w = rng.normal(scale=3.0, size=(40, network.size))
    x = rng.normal(size=(30, 3))
    base = network.evaluate(w, x)
    for i in range(3):
        higher = x.copy()
        higher[:, i] += rng.uniform(0.01, 2.0, size=30)
        assert np.all(network.evaluate(w, higher) >= base - 1e-12)
    plain = replace(network, output="linear")
    falling = plain.evaluate(w, x + np.array([1.0, 0.0, 0.0])) < plain.evaluate(w, x) - 1e-6
    assert falling.any(), "control: without the constraint some of them do decrease"


def test_positive_networks_stay_positive_where_linear_ones_do_not() -> None:
    rng = np.random.default_rng(4)
    w = rng.normal(scale=5.0, size=(200, 25))
    x = np.linspace(-3, 3, 20)[:, None]
    assert np.all(MLP("f", 1, output="positive").evaluate(w, x) > 0)
    assert np.any(MLP("f", 1, output="linear").evaluate(w, x) < 0)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_do_not_overflow_and_agree_between_graph_and_array(name: str) -> None:
    x = np.array([-1e4, -750.0, -30.0, -1.0, 0.0, 1.0, 30.0, 750.0, 1e4])
    symbol = pt.dvector("x")
    compute = function([symbol], ACTIVATIONS[name].graph(symbol), mode="FAST_COMPILE")
    values = ACTIVATIONS[name].array(x)
    assert np.all(np.isfinite(values))
    np.testing.assert_allclose(values, compute(x), rtol=1e-13, atol=1e-300)
    steps = np.diff(ACTIVATIONS[name].array(np.linspace(-6, 6, 2001)))
    assert bool(np.all(steps >= 0)) == ACTIVATIONS[name].increasing


@pytest.mark.parametrize("network", valid_networks()[::7], ids=label)
def test_gradient_with_respect_to_weights_and_inputs(network: MLP) -> None:
    rng = np.random.default_rng(5)
    w = pt.vector("w", shape=(network.size,), dtype="float64")
    x = pt.vector("x", shape=(2,), dtype="float64")
    y = network(w, x)
    total = y if network.outputs == 1 else y.sum()
    compute = function([w, x], grad(total, [w, x]), mode="FAST_COMPILE")
    w0, x0 = rng.normal(size=network.size), rng.normal(size=2)
    by_w, by_x = compute(w0, x0)

    def value(w_: NDArray[np.float64], x_: NDArray[np.float64]) -> float:
        return float(np.sum(network.evaluate(w_, x_[None, :])))

    h = 1e-6
    differences_w = [(value(w0 + d, x0) - value(w0 - d, x0)) / (2 * h) for d in h * np.eye(w0.size)]
    differences_x = [(value(w0, x0 + d) - value(w0, x0 - d)) / (2 * h) for d in h * np.eye(2)]
    np.testing.assert_allclose(by_w, differences_w, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(by_x, differences_x, rtol=1e-6, atol=1e-8)


def test_float32_weights_and_integer_inputs_become_float64() -> None:
    network = MLP("f", inputs=1)
    w = pt.vector("w", shape=(network.size,), dtype="float32")
    assert network(w, 2).dtype == "float64"


def test_fields_are_canonical_frozen_hashable_and_picklable() -> None:
    network = MLP("f", np.int64(2), [4], scale=10, anchor=[0, 1])  # type: ignore[arg-type]
    assert network == MLP("f", 2, (4,), scale=(10.0, 10.0), anchor=(0.0, 1.0))
    assert hash(network) == hash(MLP("f", 2, (4,), scale=10.0, anchor=(0.0, 1.0)))
    assert type(network.inputs) is int
    assert pickle.loads(pickle.dumps(network)) == network
    with pytest.raises(FrozenInstanceError, match="cannot assign to field 'hidden'"):
        network.hidden = (3,)  # type: ignore[misc]


@pytest.mark.parametrize("anchor", [None, 3.0])
@pytest.mark.parametrize("hidden", [(4,), (4, 3)])
def test_the_network_is_linear_in_its_features(hidden: tuple[int, ...], anchor: Any) -> None:
    net = MLP("f", inputs=1, hidden=hidden, scale=2.0, anchor=anchor)
    w = np.random.default_rng(4).normal(size=net.size)
    x = np.linspace(0.0, 6.0, 5)[:, None]
    W, b = net.unpack(w)[-1]
    wanted = net.features(w, x).eval() @ W.T + (0.0 if anchor is not None else b)
    assert wanted.shape == (5, 1)
    np.testing.assert_allclose(net(w, x).eval(), wanted[:, 0], rtol=1e-14)
