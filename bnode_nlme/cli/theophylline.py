"""The two models of the demonstration: absorption learned, and absorption at a constant rate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from bnode_nlme.distributions import Additive, NetworkWeights, NeuralODE, RandomEffects
from bnode_nlme.dynamics import MLP, System
from bnode_nlme.study import Study

NOMINAL_DOSE = 320.0
"""mg; the doses of the study are 267 to 320 mg."""

LEVEL_AMOUNTS = np.linspace(0.5 * NOMINAL_DOSE, NOMINAL_DOSE, 5)
"""mg; where the network's level is taken."""

PARAMETERS = ("ka", "CL", "V")
_LOG_PRIORS = {"ka": 0.45, "CL": 1.0, "V": 3.45}

# At the posterior Adams and BDF cost about the same (benchmarks/README.md); in its tails, where
# absorption becomes very fast, only BDF does not slow down.
_SOLVER: dict[str, Any] = {
    "method": "bdf",
    "rtol": 1e-5,
    "atol": 1e-4,
    "adjoint_rtol": 1e-4,
    "adjoint_atol": 1e-5,
}


@dataclass(frozen=True)
class Demonstration:
    """A model of the theophylline study, with what it was made from.

    Attributes
    ----------
    name : str
    system : System
    network : MLP or None
    model : pymc.Model
    """

    name: str
    system: System
    network: MLP | None
    model: pm.Model


def absorption_network() -> MLP:
    """The network: logarithm of the absorption rate constant, up to a constant.

    Its input is the amount left in the depot, counted from three quarters of the nominal dose and
    scaled to order one: where the rate changes most, input weights and biases are then not
    confounded.
    """
    return MLP(
        "absorption",
        inputs=1,
        hidden=(5,),
        scale=NOMINAL_DOSE / 3.0,
        anchor=0.75 * NOMINAL_DOSE,
    )


def level(network: MLP, weights: Any) -> Any:
    """Mean of the network over the amounts from half the nominal dose to all of it.

    Taken off the logarithm of ka, so that ka is the mean rate constant there, where the data
    determine it best, whatever the network does. Otherwise the network's level and ka are
    confounded: anchored at half the dose instead, the condition number of the posterior at its
    mode is ten times as large.
    """
    return network(weights, LEVEL_AMOUNTS[:, None]).mean()


def learned_model(study: Study) -> Demonstration:
    """One compartment; the absorption rate constant is a function of the amount left."""
    network = absorption_network()
    system = System(
        states=("depot", "central"),
        parameters=PARAMETERS,
        networks=(network,),
        rhs=lambda t, y, p, nn, c: {
            "depot": -p.ka * pt.exp(nn.absorption(y.depot)) * y.depot,
            "central": p.ka * pt.exp(nn.absorption(y.depot)) * y.depot - p.CL / p.V * y.central,
        },
        outputs={"cp": lambda t, y, p, nn, c: y.central / p.V},
    )
    return Demonstration("learned absorption", system, network, _model(study, system, network))


def classical_model(study: Study) -> Demonstration:
    """One compartment with absorption at a constant rate."""
    system = System(
        states=("depot", "central"),
        parameters=PARAMETERS,
        rhs=lambda t, y, p, nn, c: {
            "depot": -p.ka * y.depot,
            "central": p.ka * y.depot - p.CL / p.V * y.central,
        },
        outputs={"cp": lambda t, y, p, nn, c: y.central / p.V},
    )
    return Demonstration("constant rate", system, None, _model(study, system, None))


def _model(study: Study, system: System, network: MLP | None) -> pm.Model:
    with pm.Model(coords=study.coords) as model:
        weights = {} if network is None else {network.name: NetworkWeights(network.name, network)}
        # Eleven measurements a subject determine its parameters well: centred.
        eta = RandomEffects("eta", PARAMETERS, correlated=False, centred=True)
        logarithm = {
            name: pm.Normal(f"log_{name}", _LOG_PRIORS[name], 1.0) + eta[:, index]
            for index, name in enumerate(PARAMETERS)
        }
        if network is not None:
            logarithm["ka"] -= level(network, weights[network.name])
        individual = {
            name: pm.Deterministic(name, pt.exp(value), dims="subject")
            for name, value in logarithm.items()
        }
        sigma = pm.HalfNormal("sigma", 2.0)
        NeuralODE(
            "cp",
            system,
            study,
            parameters=individual,
            weights=weights,
            error=Additive(sigma),
            **_SOLVER,
        )
    return model
