"""stiff: target-mediated disposition, a 1-8-1 network eliminates, kon R about 1e3/h, 32 subjects."""

from __future__ import annotations

from typing import Any

import numpy as np

import bnode_nlme as bn
from benchmarks.problems.dense import dense, softplus
from benchmarks.problems.problem import SEED, Problem
from benchmarks.problems.table import Table

SUBJECTS, DOSE = 32, 100.0
TIMES = (0.1, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 24.0, 48.0, 72.0)
SCALE = 50.0
TYPICAL = {"kel": 0.1, "R0": 10.0, "kdeg": 0.1, "kint": 0.05, "kon": 100.0, "koff": 1.0}

STAN = """
  real elimination(real x, vector w) {
    return log1p_exp(dot_product(w[17:24], tanh(w[1:8] * x + w[9:16])) + w[25]);
  }
  vector derivative(real t, vector y, vector p, vector w) {
    real binding = p[5] * y[1] * y[2] - p[6] * y[3];
    return [-p[1] * elimination(y[1] / 50, w) * y[1] - binding,
            p[3] * (p[2] - y[2]) - binding,
            binding - p[4] * y[3]]';
  }
  vector readout(vector y, vector p) { return [y[1] + y[3], y[2] + y[3]]'; }
  vector initial(vector p) { return [0, p[2], 0]'; }
"""


def _study() -> bn.Study:
    table = Table()
    for subject in range(1, SUBJECTS + 1):
        table.dose(subject, 0.0, DOSE)
        for time in TIMES:
            table.observe(subject, time, ("ligand", "target"))
    return table.study()


def _system() -> bn.System:
    elimination = bn.MLP(
        "elimination", inputs=1, hidden=(8,), activation="tanh", output="positive", scale=SCALE
    )
    return bn.System(
        states=("free", "receptor", "complex"),
        parameters=tuple(TYPICAL),
        networks=(elimination,),
        rhs=lambda t, y, p, nn, c: {
            "free": -p.kel * nn.elimination(y.free) * y.free
            - (p.kon * y.free * y.receptor - p.koff * y.complex),
            "receptor": p.kdeg * (p.R0 - y.receptor)
            - (p.kon * y.free * y.receptor - p.koff * y.complex),
            "complex": p.kon * y.free * y.receptor - p.koff * y.complex - p.kint * y.complex,
        },
        outputs={
            "ligand": lambda t, y, p, nn, c: y.free + y.complex,
            "target": lambda t, y, p, nn, c: y.receptor + y.complex,
        },
        initial={"receptor": lambda p, c: p.R0},
    )


def stiff() -> Problem:
    """Ligand that binds its target within seconds and is eliminated over days."""
    system = _system()
    (network,) = system.networks
    rng = np.random.default_rng(SEED)
    weights = 0.7 * rng.standard_normal(network.size)
    deviations = 0.2 * rng.standard_normal((SUBJECTS, len(TYPICAL)))

    def derivative(xp: Any, t: Any, y: Any, p: Any, w: Any) -> list[Any]:
        binding = p[4] * y[0] * y[1] - p[5] * y[2]
        rate = p[0] * softplus(xp, dense(xp, network, w, y[0] / SCALE))
        return [
            -rate * y[0] - binding,
            p[2] * (p[1] - y[1]) - binding,
            binding - p[3] * y[2],
        ]

    return Problem(
        name="stiff",
        system=system,
        study=_study(),
        parameters=np.array(list(TYPICAL.values())) * np.exp(deviations),
        weights=weights,
        sigma=(1.0, 0.5),
        derivative=derivative,
        readout=lambda xp, y, p: [y[0] + y[2], y[1] + y[2]],
        initial=lambda xp, p: [0.0 * p[0], p[1], 0.0 * p[0]],
        stan=STAN,
        stiff=True,
    ).with_data()
