"""The graph of a system: values against plain NumPy, gradients against central differences."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytensor.tensor as pt
import pytest
from numpy.typing import NDArray
from pytensor.compile.maker import function
from pytensor.conditional.op import IfElse
from pytensor.configdefaults import config
from pytensor.gradient import grad
from pytensor.graph.traversal import ancestors
from pytensor.scan.op import Scan
from pytensor.tensor.shape import Shape, Shape_i, SpecifyShape
from pytensor.tensor.variable import TensorVariable

from bnode_nlme.dynamics import MLP, System, SystemGraph
from tests.dynamics.systems import CASES, Case

type Array = NDArray[np.float64]


def compiled(graph: SystemGraph, results: list[Any]) -> Callable[..., list[Array]]:
    compute: Callable[..., list[Array]] = function(
        [graph.time, graph.state, graph.parameters, graph.weights, graph.covariates],
        results,
        mode="FAST_COMPILE",
        on_unused_input="ignore",
    )
    return compute


def a_point(system: System, seed: int) -> tuple[float, Array, Array, Array, Array]:
    rng = np.random.default_rng(seed)
    return (
        float(rng.uniform(0.1, 5.0)),
        rng.uniform(0.5, 3.0, size=len(system.states)),
        rng.uniform(0.5, 3.0, size=len(system.parameters)),
        rng.normal(size=system.n_weights),
        rng.uniform(50.0, 90.0, size=len(system.covariates)),
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_values_equal_plain_numpy(case: Case) -> None:
    graph = case.system.graph
    compute = compiled(graph, [graph.derivative, graph.outputs, graph.initial])
    for seed in range(10):
        point = a_point(case.system, seed)
        for found, expected in zip(compute(*point), case.by_hand(*point), strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.parametrize("which", [0, 1, 2], ids=["derivative", "outputs", "initial"])
def test_gradients_equal_central_differences(case: Case, which: int) -> None:
    graph = case.system.graph
    result = (graph.derivative, graph.outputs, graph.initial)[which]
    rng = np.random.default_rng(which)
    direction = rng.normal(size=result.type.shape)
    wrt = [graph.time, graph.state, graph.parameters, graph.weights, graph.covariates]
    gradients: Any = grad((result * direction).sum(), wrt, disconnected_inputs="ignore")
    found = compiled(graph, gradients)(*a_point(case.system, 7))

    def along(*point: Array) -> float:
        return float(np.dot(case.by_hand(*point)[which], direction))  # type: ignore[arg-type]

    point = [np.asarray(value) for value in a_point(case.system, 7)]
    for position, values in enumerate(point):
        expected = np.zeros(values.shape)
        for index in np.ndindex(values.shape):
            h = 1e-5 * max(1.0, abs(float(values[index])))
            ahead, behind = list(point), list(point)
            ahead[position] = values.copy()
            behind[position] = values.copy()
            ahead[position][index] += h
            behind[position][index] -= h
            expected[index] = (along(*ahead) - along(*behind)) / (2 * h)
        np.testing.assert_allclose(found[position], expected, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_shape_is_static_every_type_float64_and_no_op_is_dynamic(case: Case) -> None:
    system, graph = case.system, case.system.graph
    assert graph.time.type.shape == ()
    assert graph.state.type.shape == graph.derivative.type.shape == (len(system.states),)
    assert graph.initial.type.shape == (len(system.states),)
    assert graph.outputs.type.shape == (len(system.output_names),)
    assert graph.parameters.type.shape == (len(system.parameters),)
    assert graph.weights.type.shape == (system.n_weights,)
    assert graph.covariates.type.shape == (len(system.covariates),)
    for variable in ancestors([graph.derivative, graph.outputs, graph.initial]):
        if isinstance(variable, TensorVariable):
            assert None not in variable.type.shape
            assert variable.owner is None or variable.dtype == "float64"
        if variable.owner is not None:
            assert not isinstance(variable.owner.op, Scan | IfElse | Shape | Shape_i | SpecifyShape)


def test_initial_depends_on_parameters_and_covariates_only() -> None:
    for case in CASES:
        graph = case.system.graph
        used = set(ancestors([graph.initial]))
        assert not used & {graph.time, graph.state, graph.weights}


def test_weights_lie_in_the_order_of_the_networks_not_of_their_use() -> None:
    system = System(
        states=("x",),
        parameters=(),
        networks=(MLP("second_used", 1, ()), MLP("first_used", 1, ())),
        rhs=lambda t, y, p, nn, c: {"x": nn.first_used(y.x) + 100.0 * nn.second_used(y.x)},
    )
    assert dict(system.weight_slices) == {"second_used": slice(0, 2), "first_used": slice(2, 4)}
    compute = compiled(system.graph, [system.graph.derivative])
    (value,) = compute(0.0, [2.0], [], [1.0, 3.0, 5.0, 7.0], [])
    np.testing.assert_allclose(value, [(5 * 2 + 7) + 100 * (1 * 2 + 3)])


def test_numbers_integers_and_single_precision_become_float64() -> None:
    system = System(
        states=("a", "b", "d", "e"),
        parameters=("n",),
        rhs=lambda t, y, p, nn, c: {
            "a": 0,
            "b": np.float32(0.5),
            "d": pt.cast(p.n, "int64"),
            "e": np.array(2.5),
        },
    )
    compute = compiled(system.graph, [system.graph.derivative])
    (value,) = compute(0.0, np.zeros(4), [3.7], [], [])
    assert value.dtype == np.float64
    np.testing.assert_array_equal(value, [0.0, 0.5, 3.0, 2.5])


def test_constants_keep_double_precision_under_single_precision_defaults() -> None:
    with config.change_flags(floatX="float32"):
        system = System(("x",), ("k",), lambda t, y, p, nn, c: {"x": -0.1 * p.k * y.x + 0.1})
    compute = compiled(system.graph, [system.graph.derivative])
    (value,) = compute(0.0, [3.0], [2.0], [], [])
    np.testing.assert_allclose(value, [-0.1 * 2.0 * 3.0 + 0.1], rtol=1e-15)


def test_functions_are_called_once() -> None:
    calls: list[str] = []

    def rhs(t, y, p, nn, c):
        calls.append("rhs")
        return {"x": -p.k * y.x}

    def output(t, y, p, nn, c):
        calls.append("output")
        return y.x

    def initial(p, c):
        calls.append("initial")
        return p.k

    System(("x",), ("k",), rhs, outputs={"o": output}, initial={"x": initial})
    assert sorted(calls) == ["initial", "output", "rhs"]
