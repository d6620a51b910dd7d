"""A System as an object: frozen, replaceable, readable, picklable."""

import copy
import doctest
from dataclasses import FrozenInstanceError
from typing import Any

import cloudpickle
import numpy as np
import pytest
from pytensor.compile.maker import function

from bnode_nlme.dynamics import MLP, DeclarationError, System
from bnode_nlme.dynamics import mlp as mlp_module
from bnode_nlme.dynamics import system as system_module


@pytest.fixture
def system() -> System:
    rate = 0.5  # a lambda that closes over it is what plain pickle cannot take
    return System(
        states=["depot", "central"],  # type: ignore[arg-type]
        parameters=["CL", "V"],  # type: ignore[arg-type]
        networks=[MLP("absorption", 1, (8,), output="positive")],  # type: ignore[arg-type]
        covariates=("WT",),
        rhs=lambda t, y, p, nn, c: {
            "depot": -nn.absorption(y.depot) * y.depot,
            "central": nn.absorption(y.depot) * y.depot - rate * p.CL / p.V * y.central,
        },
        outputs={"cp": lambda t, y, p, nn, c: y.central / p.V / c.WT},
        initial={"central": lambda p, c: p.V},
    )


def test_attributes_are_tuples_and_read_only_mappings(system: System) -> None:
    assert system.states == ("depot", "central")
    assert system.parameters == ("CL", "V")
    assert system.covariates == ("WT",)
    assert isinstance(system.networks, tuple)
    assert system.output_names == ("cp",)
    assert system.n_weights == 25
    mappings: list[Any] = [system.weight_slices, system.outputs, system.initial]
    for mapping in mappings:
        with pytest.raises(TypeError, match="does not support item assignment"):
            mapping["depot"] = None


def test_attributes_cannot_be_set_or_deleted(system: System) -> None:
    with pytest.raises(FrozenInstanceError, match="cannot assign to field 'states'"):
        system.states = ("a",)  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError, match="cannot delete field 'graph'"):
        del system.graph
    with pytest.raises(FrozenInstanceError, match="cannot assign to field 'derivative'"):
        system.graph.derivative = system.graph.outputs  # type: ignore[misc]


def test_without_outputs_the_states_are_observed(system: System) -> None:
    observed = System(("a", "b"), (), lambda t, y, p, nn, c: {"a": y.b, "b": -y.a})
    assert observed.output_names == ("a", "b")
    value = function([observed.graph.state], observed.graph.outputs, mode="FAST_COMPILE")
    np.testing.assert_array_equal(value([3.0, 4.0]), [3.0, 4.0])


def test_the_declarer_can_change_his_dicts_afterwards() -> None:
    outputs = {"o": lambda t, y, p, nn, c: y.x}
    system = System(("x",), (), lambda t, y, p, nn, c: {"x": -y.x}, outputs=outputs)
    outputs.clear()
    assert system.outputs is not None
    assert list(system.outputs) == ["o"]


def test_replace_declares_anew_and_checks_anew(system: System) -> None:
    other = system.replace(parameters=("V", "CL"))
    assert other.parameters == ("V", "CL")
    assert other.outputs == system.outputs
    assert other.graph is not system.graph
    assert system.parameters == ("CL", "V")
    with pytest.raises(DeclarationError, match=r"parameters: 'unused' declared, but neither"):
        system.replace(parameters=("CL", "V", "unused"))
    with pytest.raises(DeclarationError, match=r"unknown argument 'graph'\. Valid choices: 'sta"):
        system.replace(graph=None)


def test_repr_shows_what_was_declared(system: System) -> None:
    assert repr(system) == (
        "System\n"
        "  states      depot, central\n"
        "  parameters  CL, V\n"
        "  covariates  WT\n"
        "  networks    absorption (1-8-1 tanh, positive)\n"
        "  outputs     cp\n"
        "  initial     central"
    )


@pytest.mark.parametrize("through", ["cloudpickle", "deepcopy"])
def test_copies_compute_the_same(system: System, through: str) -> None:
    other = (
        cloudpickle.loads(cloudpickle.dumps(system))
        if through == "cloudpickle"
        else copy.deepcopy(system)
    )
    assert repr(other) == repr(system)
    assert dict(other.weight_slices) == dict(system.weight_slices)
    w = np.random.default_rng(0).normal(size=25)
    values = []
    for each in (system, other, other.replace(covariates=("WT",))):
        graph = each.graph
        inputs = [graph.state, graph.parameters, graph.weights]
        compute = function(inputs, graph.derivative, mode="FAST_COMPILE")
        values.append(compute([100.0, 2.0], [3.0, 30.0], w))
    np.testing.assert_array_equal(values[0], values[1])
    np.testing.assert_array_equal(values[0], values[2])
    with pytest.raises(TypeError, match="does not support item assignment"):
        other.weight_slices["depot"] = None  # type: ignore[index]


def test_the_arguments_of_a_function_show_and_protect_their_names() -> None:
    seen: dict[str, object] = {}

    def rhs(t, y, p, nn, c):
        seen.update(repr=repr(y), names=list(y), dir=dir(p), none=repr(nn))
        assert y.x is y["x"]
        with pytest.raises(AttributeError, match=r"y\.x cannot be set: .* returns its results"):
            y.x = 0.0
        return {"x": -p.k * y.x}

    System(("x",), ("k",), rhs)
    assert seen == {
        "repr": "<y: states x>",
        "names": ["x"],
        "dir": ["k"],
        "none": "<nn: networks (none)>",
    }


@pytest.mark.parametrize("module", [system_module, mlp_module], ids=["system", "mlp"])
def test_examples_in_docstrings_run(module) -> None:
    outcome = doctest.testmod(module)
    assert outcome.attempted > 0
    assert outcome.failed == 0
