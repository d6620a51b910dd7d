"""The two models of the demonstration: absorption learned, and absorption at a constant rate."""

from __future__ import annotations

from collections.abc import Callable, Mapping
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

AMOUNTS = np.linspace(0.0, NOMINAL_DOSE, 41)
"""mg; where the learned function is reported."""

RATE = "absorption_rate_constant"
"""Name, in the posterior, of the learned function of the typical subject (1/h) over `AMOUNTS`."""

PARAMETERS = ("ka", "CL", "V")
_LOG_PRIORS = {"ka": 0.45, "CL": 1.0, "V": 3.45}

# While much is left to absorb, and when most has been.
_EARLY = np.linspace(0.5 * NOMINAL_DOSE, NOMINAL_DOSE, 5)[:, None]
_LATE = np.linspace(0.125 * NOMINAL_DOSE, 0.5 * NOMINAL_DOSE, 4)[:, None]

SOLVER: Mapping[str, Any] = {"method": "auto", "rtol": 1e-4, "atol": 1e-3}
"""How the models are solved: to a thousandth of what the measurements scatter by."""


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


def learned_model(study: Study, solver: Mapping[str, Any] = SOLVER) -> Demonstration:
    """One compartment; the absorption rate constant is a function of the amount left.

    The network is the logarithm of the rate constant, up to a constant. Two things make its
    posterior one that NUTS can cross in long steps. The prior of the function stays as it is.

    - Its level is taken off the logarithm of ka, so that ka is the (geometric) mean rate constant
      over the first half of absorption, where the data determine it best, whatever the network
      does. Otherwise level and ka are confounded.
    - How much faster absorption is in its second half is sampled itself (`NetworkWeights`,
      ``contrast=``): the data determine this number far better than any weight.
    """
    # Inputs are counted from where the rate changes most: weights and biases of the hidden layer
    # are then not confounded.
    network = MLP(
        "absorption",
        inputs=1,
        hidden=(5,),
        scale=NOMINAL_DOSE / 3.0,
        anchor=0.75 * NOMINAL_DOSE,
    )
    system = _one_compartment(
        lambda depot, p, nn: p.ka * pt.exp(nn.absorption(depot)), networks=(network,)
    )
    with pm.Model(coords=study.coords | {"amount": AMOUNTS}) as model:
        weights = NetworkWeights(network.name, network, contrast=(_LATE, _EARLY))
        level = network(weights, _EARLY).mean()
        log_ka = _population(study, system, {network.name: weights}, level, solver)
        pm.Deterministic(
            RATE, pt.exp(log_ka - level + network(weights, AMOUNTS[:, None])), dims="amount"
        )
    return Demonstration("learned absorption", system, network, model)


def classical_model(study: Study, solver: Mapping[str, Any] = SOLVER) -> Demonstration:
    """One compartment with absorption at a constant rate."""
    system = _one_compartment(lambda depot, p, nn: p.ka)
    with pm.Model(coords=study.coords) as model:
        _population(study, system, {}, 0.0, solver)
    return Demonstration("constant rate", system, None, model)


def _one_compartment(rate: Callable[..., Any], networks: tuple[MLP, ...] = ()) -> System:
    return System(
        states=("depot", "central"),
        parameters=PARAMETERS,
        networks=networks,
        rhs=lambda t, y, p, nn, c: {
            "depot": -rate(y.depot, p, nn) * y.depot,
            "central": rate(y.depot, p, nn) * y.depot - p.CL / p.V * y.central,
        },
        outputs={"cp": lambda t, y, p, nn, c: y.central / p.V},
    )


def _population(
    study: Study,
    system: System,
    weights: Mapping[str, Any],
    level: Any,
    solver: Mapping[str, Any],
) -> Any:
    """Typical values, random effects and measurements; returns the typical subject's log ka."""
    # Eleven measurements a subject determine its parameters well: centred.
    eta = RandomEffects("eta", PARAMETERS, correlated=False, centred=True)
    typical = {name: pm.Normal(f"log_{name}", _LOG_PRIORS[name], 1.0) for name in PARAMETERS}
    individual = {}
    for index, name in enumerate(PARAMETERS):
        logarithm = typical[name] + eta[:, index] - (level if name == "ka" else 0.0)
        individual[name] = pm.Deterministic(name, pt.exp(logarithm), dims="subject")
    sigma = pm.HalfNormal("sigma", 2.0)
    NeuralODE(
        "cp",
        system,
        study,
        parameters=individual,
        weights=weights,
        error=Additive(sigma),
        **solver,
    )
    return typical["ka"]
