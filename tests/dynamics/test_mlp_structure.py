"""What is declared of a learned function holds for every weight vector, in every way to evaluate it."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytensor.tensor as pt
import pytest
from pytensor.compile.maker import function
from pytensor.compile.mode import Mode
from pytensor.gradient import grad

import bnode_nlme as bn
from bnode_nlme.dynamics import MLP, DeclarationError

RANGES = [(None, None), (-0.5, None), (None, 2.0), (-0.5, 2.0)]


def draws(network: MLP, count: int = 200, scale: float = 4.0) -> Any:
    return np.random.default_rng(1).normal(scale=scale, size=(count, network.size))


def in_graph(network: MLP, w: Any, x: Any) -> Any:
    weights = pt.vector("w", shape=(network.size,), dtype="float64")
    scalars = [pt.dscalar(f"x{i}") for i in range(network.inputs)]
    compute = function([weights, *scalars], network(weights, *scalars), mode="FAST_COMPILE")
    return np.array([[compute(row, *point) for point in x] for row in w])


@pytest.mark.parametrize(
    ("output", "anchor", "ends"),
    [
        case
        for case in itertools.product(("linear", "positive", "monotone"), (None, 1.5), RANGES)
        if not (case[0] == "positive" and (case[1] is not None or case[2][0] is not None))
    ],
)
def test_values_stay_in_the_range_and_the_graph_agrees(output: Any, anchor: Any, ends: Any) -> None:
    network = MLP("f", 1, (5,), output=output, anchor=anchor, lower=ends[0], upper=ends[1])
    free = MLP("f", 1, (5,), output=output, anchor=anchor)
    x = np.linspace(-4.0, 6.0, 41)[:, None]
    w = draws(network)
    y = network.evaluate(w, x)
    lower = 0.0 if output == "positive" else -np.inf if ends[0] is None else ends[0]
    upper = np.inf if ends[1] is None else ends[1]
    rounding = 4 * np.finfo(float).eps
    assert y.min() >= lower - rounding
    assert y.max() <= upper + rounding
    without = free.evaluate(w, x)
    for end, beyond in ((ends[0], without < lower), (ends[1], without > upper)):
        assert end is None or beyond.any(), "control: without the ends some values lie beyond them"
    np.testing.assert_allclose(in_graph(network, w[:3], x[::8]), y[:3, ::8], rtol=1e-11, atol=1e-13)
    if anchor is not None:
        np.testing.assert_array_equal(network.evaluate(w, [[anchor]]), 0.0)
        small = np.abs(without) < 1e-3
        np.testing.assert_allclose(y[small], without[small], rtol=2e-5)
    if output == "monotone":
        assert np.all(np.diff(y, axis=1) >= -1e-12)


def test_bent_values_have_two_continuous_derivatives() -> None:
    network = MLP("f", 1, (), anchor=0.0, lower=-0.5, upper=2.0)
    w = pt.vector("w", shape=(2,), dtype="float64")
    x = pt.dscalar("x")
    first: Any = grad(network(w, x), x)
    second: Any = grad(first, x)
    compute = function([w, x], [first, second], mode="FAST_COMPILE")
    sides = [compute(np.array([1.0, 0.0]), side) for side in (-1e-7, 0.0, 1e-7)]
    np.testing.assert_allclose([side[0] for side in sides], 1.0, rtol=1e-12)
    np.testing.assert_allclose([side[1] for side in sides], 0.0, atol=1e-5)


@pytest.mark.parametrize("anchor", [None, (3.0, 0.2)])
def test_periodic_inputs_come_round_again(anchor: Any) -> None:
    network = MLP("f", 2, (6,), period=(24.0, None), scale=(1.0, 5.0), anchor=anchor)
    assert network.size == 3 * 6 + 6 + 6 + 1
    w = draws(network, scale=1.0)
    x = np.column_stack([np.linspace(0.0, 24.0, 13), np.linspace(-3.0, 3.0, 13)])
    later = x + np.array([72.0, 0.0])
    np.testing.assert_allclose(network.evaluate(w, later), network.evaluate(w, x), atol=1e-12)
    other = x + np.array([0.0, 24.0])
    apart = np.abs(network.evaluate(w, other) - network.evaluate(w, x)).max(axis=1)
    assert np.median(apart) > 0.1, "control: the other input does not come round"
    half = np.abs(network.evaluate(w, x + np.array([12.0, 0.0])) - network.evaluate(w, x)).max(
        axis=1
    )
    assert np.median(half) > 0.1, "control: half a day is another time of day"
    np.testing.assert_allclose(in_graph(network, w[:3], x), network.evaluate(w[:3], x), rtol=1e-11)
    if anchor is not None:
        np.testing.assert_array_equal(network.evaluate(w, [anchor]), 0.0)


@pytest.mark.parametrize("optimizer", ["merge", "fast_run"])
def test_anchors_are_exact_beside_bounds_and_periods(optimizer: str) -> None:
    network = MLP("f", 2, (4, 3), period=(7.0, None), anchor=(2.1, 97.3), lower=-1.0, upper=3.0)
    w = pt.vector("w", shape=(network.size,), dtype="float64")
    a, b = pt.dscalars("a", "b")
    mode = Mode(linker="py", optimizer=optimizer)
    compute = function([w, a, b], network(w, a, b), mode=mode)
    for draw in draws(network, 50):
        assert compute(draw, 2.1, 97.3) == 0.0


def test_the_engine_solves_what_the_network_says() -> None:
    # Production that follows the time of day, bounded; solved natively, and by quadrature in NumPy.
    network = MLP("drive", 1, (4,), period=24.0, lower=0.2, upper=1.5)
    system = bn.System(
        states=("made",),
        parameters=(),
        networks=(network,),
        rhs=lambda t, y, p, nn, c: {"made": nn.drive(t)},
    )
    study = bn.Study.from_regimen(bn.Regimen(1.0), times=[0.0, 10.0, 48.0, 96.0])
    w = draws(network, 1, 1.5)[0]
    made = bn.simulate(system, study, {}, {"drive": w}, rtol=1e-9, atol=1e-10)["made"].to_numpy()
    grid = (np.arange(24000) + 0.5) / 1000.0
    one_day = network.evaluate(w, grid[:, None]).mean() * 24.0
    np.testing.assert_allclose(made[2] - made[0], 2.0 * one_day + 1.0, rtol=1e-6)
    np.testing.assert_allclose(made[3] - made[2], 2.0 * one_day, rtol=1e-6)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"lower": 2.0, "upper": 1.0}, r"lower= must be below upper=, found 2 and 1"),
        ({"lower": "low"}, r"lower= wants a finite number or None, found 'low'"),
        ({"upper": np.inf}, r"upper= wants a finite number or None, found inf"),
        ({"output": "positive", "lower": 1.0}, r"output='positive' is lower=0, and lower=1"),
        ({"output": "positive", "upper": -1.0}, r"lower= must be below upper=, found 0 and -1"),
        ({"anchor": 0.0, "lower": 0.0}, r"leave room for on both sides; found lower=0\.0"),
        ({"anchor": 0.0, "upper": -1.0}, r"leave room for on both sides; .*upper=-1\.0"),
        ({"period": 0.0}, r"period= wants one positive number, or 2, .* found 0\.0"),
        ({"period": (24.0,)}, r"period= wants one positive number, or 2, .* found \(24\.0,\)"),
        ({"period": 24.0, "output": "monotone"}, r"output='monotone' never comes round again"),
    ],
)
def test_what_contradicts_itself_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(DeclarationError, match=message):
        MLP(**{"name": "f", "inputs": 2, **fields})


def test_what_is_declared_is_printed() -> None:
    net = MLP("effect", 1, output="monotone", anchor=0.0, upper=3.0)
    system = bn.System(("a",), (), lambda t, y, p, nn, c: {"a": nn.effect(y.a)}, networks=(net,))
    assert "effect (1-8-1 tanh, monotone, below 3, anchored)" in repr(system)


def test_one_unit_of_a_logarithmic_input_is_an_emax_curve() -> None:
    EC50 = 3.0
    network = MLP("f", 1, (1,), anchor=0.0, scale=EC50, logarithmic=True)
    # tanh(log(1 + z) / 2) is z / (2 + z): half its EC50 here.
    w = np.array([0.5, 0.0, 0.8, 0.0])
    x = np.linspace(0.0, 100.0, 21)[:, None]
    np.testing.assert_allclose(
        network.evaluate(w, x), 0.8 * x[:, 0] / (2 * EC50 + x[:, 0]), rtol=1e-12
    )


@pytest.mark.parametrize("chosen", [True, (True, False), (False, True)])
def test_logarithmic_inputs_in_every_way_to_evaluate(chosen: Any) -> None:
    network = MLP(
        "f", 2, (4,), anchor=(1.0, 0.0), scale=(2.0, 5.0), output="monotone", logarithmic=chosen
    )
    plain = MLP("f", 2, (4,), anchor=0.0, output="monotone")
    x = np.random.default_rng(3).uniform([1.0, 0.0], [9.0, 40.0], size=(7, 2))
    z = (x - [1.0, 0.0]) / [2.0, 5.0]
    own = np.broadcast_to(chosen, 2)
    z[:, own] = np.log1p(z[:, own])
    w = draws(network, 5)
    wanted = plain.evaluate(w, z)
    np.testing.assert_allclose(network.evaluate(w, x), wanted, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(in_graph(network, w, x), wanted, rtol=1e-11, atol=1e-13)
    np.testing.assert_array_equal(network.evaluate(w, [[1.0, 0.0]]), 0.0)
    assert "logarithmic" in repr(
        bn.System(
            states=("a",), parameters=(), networks=(network,),
            rhs=lambda t, y, p, nn, c: {"a": -nn.f(y.a, t)},
        )
    )  # fmt: skip


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ({"logarithmic": 1.0}, r"logarithmic= wants True or False, or 2 of them, .* found 1\.0"),
        ({"logarithmic": (True,)}, r"logarithmic= wants True or False, .* found \(True,\)"),
        ({"logarithmic": True, "period": (24.0, None)}, "cannot be logarithmic too"),
    ],
)
def test_what_is_no_choice_of_logarithmic_inputs(declared: Any, said: str) -> None:
    with pytest.raises(DeclarationError, match=said):
        MLP("f", 2, **declared)
