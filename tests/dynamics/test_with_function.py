"""A network replaced by an expression: the same system as one that is written so by hand."""

from __future__ import annotations

import cloudpickle
import numpy as np
import pytensor.tensor as pt
import pytest
from pytensor.compile.maker import function
from pytensor.configdefaults import config

from bnode_nlme.dynamics import MLP, DeclarationError, System

ELIMINATION = MLP("elimination", inputs=1, hidden=(2,), output="positive")
INTERACTION = MLP("interaction", inputs=2, hidden=(2,), outputs=2)

learned = System(
    states=("central", "effect"),
    parameters=("V",),
    networks=(ELIMINATION, INTERACTION),
    rhs=lambda t, y, p, nn, c: {
        "central": -nn.elimination(y.central / p.V) * y.central,
        "effect": nn.interaction(pt.stack([y.central, y.effect]))[1] - y.effect,
    },
    outputs={"cp": lambda t, y, p, nn, c: nn.elimination(y.central) * y.central / p.V},
)


def values(system: System, y: list[float], p: list[float], w: np.ndarray) -> np.ndarray:
    graph = system.graph
    with config.change_flags(mode="FAST_COMPILE"):
        compute = function(
            [graph.state, graph.parameters, graph.weights],
            [graph.derivative, graph.outputs],
            on_unused_input="ignore",
        )
    return np.concatenate(compute(y, p, w))


def test_one_network_replaced_leaves_the_other() -> None:
    replaced = learned.with_function(
        "elimination", lambda p, x: p.Vmax / (p.Km + x), ("Vmax", "Km")
    )
    assert replaced.parameters == ("V", "Vmax", "Km")
    assert [network.name for network in replaced.networks] == ["interaction"]
    assert len(learned.networks) == 2
    w = np.linspace(-1.0, 1.0, INTERACTION.size)
    found = values(replaced, [6.0, 0.5], [2.0, 1.5, 3.0], w)
    interaction = INTERACTION.evaluate(w, [[6.0, 0.5]])[0, 1]
    wanted = [-1.5 / (3.0 + 3.0) * 6.0, interaction - 0.5, 1.5 / (3.0 + 6.0) * 6.0 / 2.0]
    np.testing.assert_allclose(found, wanted, rtol=1e-14)


def test_several_outputs_inputs_as_a_tensor_and_old_parameters() -> None:
    replaced = learned.with_function(
        "interaction", lambda p, x, z: (0.0, p.slope * x * z / p.V), ("slope",)
    )
    w = np.linspace(-1.0, 1.0, ELIMINATION.size)
    found = values(replaced, [6.0, 0.5], [2.0, 0.1], w)
    np.testing.assert_allclose(found[1], 0.1 * 6.0 * 0.5 / 2.0 - 0.5, rtol=1e-14)
    twice = replaced.with_function("elimination", lambda p, x: 0.25)
    assert twice.networks == ()
    np.testing.assert_allclose(values(twice, [6.0, 0.5], [2.0, 0.1], np.zeros(0))[0], -1.5)


def test_it_travels_to_other_processes() -> None:
    replaced = learned.with_function("elimination", lambda p, x: p.k, ("k",))
    again = cloudpickle.loads(cloudpickle.dumps(replaced))
    assert again.parameters == ("V", "k")


def test_what_cannot_be_replaced() -> None:
    with pytest.raises(
        DeclarationError, match=r"no network 'uptake'.*'elimination', 'interaction'"
    ):
        learned.with_function("uptake", lambda p, x: 0.0)
    with pytest.raises(DeclarationError, match="'V' is declared twice in parameters="):
        learned.with_function("elimination", lambda p, x: p.V, ("V",))
    with pytest.raises(
        DeclarationError, match=r"network 'elimination': wanted a function of \(p, x1\)"
    ):
        learned.with_function("elimination", lambda p: p.V)
    with pytest.raises(DeclarationError, match="sequence of 2 expressions"):
        learned.with_function("interaction", lambda p, x, z: x)
    with pytest.raises(DeclarationError, match="no parameter named 'Km'"):
        learned.with_function("elimination", lambda p, x: p.Km)
