"""multi-dose: two compartments, 20 doses, 30 observations, a 2-16-16-1 network, 64 subjects."""

from __future__ import annotations

from typing import Any

import numpy as np

import bnode_nlme as bn
from benchmarks.problems.dense import dense, softplus
from benchmarks.problems.problem import SEED, Problem
from benchmarks.problems.table import Table

SUBJECTS, DOSES, EVERY, AMOUNT = 64, 20, 12.0, 100.0
SCALE = 10.0
TYPICAL = {"CL": 2.0, "V1": 10.0, "Q": 3.0, "V2": 20.0}

STAN = """
  real elimination(row_vector x, vector w) {
    vector[16] first = tanh(to_matrix(w[1:32], 16, 2, 0) * x' + w[33:48]);
    vector[16] second = tanh(to_matrix(w[49:304], 16, 16, 0) * first + w[305:320]);
    return log1p_exp(dot_product(w[321:336], second) + w[337]);
  }
  vector derivative(real t, vector y, vector p, vector w) {
    real c1 = y[1] / p[2];
    real c2 = y[2] / p[4];
    real exchange = p[3] * (c1 - c2);
    return [-p[1] * elimination([c1 / 10, c2 / 10], w) * c1 - exchange, exchange]';
  }
  vector readout(vector y, vector p) { return [y[1] / p[2]]'; }
  vector initial(vector p) { return [0, 0]'; }
"""


def _study() -> bn.Study:
    table = Table()
    for subject in range(1, SUBJECTS + 1):
        for dose in range(DOSES):
            begin = dose * EVERY
            table.dose(subject, begin, AMOUNT)
            if dose % 2 == 0:
                table.observe(subject, begin + 2.0)
            table.observe(subject, begin + EVERY)  # before the next dose, whose row comes later
    return table.study()


def _system() -> bn.System:
    elimination = bn.MLP(
        "elimination",
        inputs=2,
        hidden=(16, 16),
        activation="tanh",
        output="positive",
        scale=SCALE,
    )
    return bn.System(
        states=("central", "peripheral"),
        parameters=tuple(TYPICAL),
        networks=(elimination,),
        rhs=lambda t, y, p, nn, c: {
            "central": -p.CL
            * nn.elimination(y.central / p.V1, y.peripheral / p.V2)
            * (y.central / p.V1)
            - p.Q * (y.central / p.V1 - y.peripheral / p.V2),
            "peripheral": p.Q * (y.central / p.V1 - y.peripheral / p.V2),
        },
        outputs={"cp": lambda t, y, p, nn, c: y.central / p.V1},
    )


def multi_dose() -> Problem:
    """Twenty boluses twelve hours apart; a network of both concentrations eliminates."""
    system = _system()
    (network,) = system.networks
    rng = np.random.default_rng(SEED)
    fan_in = [layer.fan_in for layer in network.layers]
    weights = rng.standard_normal(network.size)
    for layer, inputs in zip(network.layers, fan_in, strict=True):
        weights[layer.weight] /= np.sqrt(inputs)
        weights[layer.bias] *= 0.3
    deviations = 0.2 * rng.standard_normal((SUBJECTS, len(TYPICAL)))

    def derivative(xp: Any, t: Any, y: Any, p: Any, w: Any) -> list[Any]:
        c1, c2 = y[0] / p[1], y[1] / p[3]
        exchange = p[2] * (c1 - c2)
        level = softplus(xp, dense(xp, network, w, c1 / SCALE, c2 / SCALE))
        return [-p[0] * level * c1 - exchange, exchange]

    return Problem(
        name="multi-dose",
        system=system,
        study=_study(),
        parameters=np.array(list(TYPICAL.values())) * np.exp(deviations),
        weights=weights,
        sigma=(0.5,),
        derivative=derivative,
        readout=lambda xp, y, p: [y[0] / p[1]],
        initial=lambda xp, p: [0.0 * p[0], 0.0 * p[0]],
        stan=STAN,
    ).with_data()
