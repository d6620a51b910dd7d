"""pkpd-net: 32 subjects of the warfarin study; a 1-5-1 network drives the turnover of the effect.

Absorption begins 0.9 h after the dose: the package has no lag parameter yet, so the dose's time
is shifted in the table, for every contender.
"""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import numpy as np
import pandas as pd
import pytensor.tensor as pt

import bnode_nlme as bn
from benchmarks.problems.dense import dense
from benchmarks.problems.problem import SEED, Problem

LAG = 0.9
SCALE = 10.0
TYPICAL = {"ka": 0.9, "CL": 0.135, "V": 8.0, "E0": 96.0, "kout": 0.05}

STAN = """
  real drive(real x, vector w) {
    vector[5] h = tanh(w[1:5] * x + w[6:10]) - tanh(w[6:10]);
    return dot_product(w[11:15], h);
  }
  vector derivative(real t, vector y, vector p, vector w) {
    real absorbed = p[1] * y[1];
    return [-absorbed, absorbed - p[2] / p[3] * y[2],
            p[5] * (p[4] * exp(drive(y[2] / p[3] / 10, w)) - y[3])]';
  }
  vector readout(vector y, vector p) { return [y[2] / p[3], y[3]]'; }
  vector initial(vector p) { return [0, 0, p[4]]'; }
"""


def _study() -> bn.Study:
    table = pd.read_csv(str(files("bnode_nlme.datasets") / "warfarin_pkpd.csv"))
    table["TIME"] = table["TIME"].where(table["EVID"] != 1, table["TIME"] + LAG)
    table = table.sort_values(["ID", "TIME"], kind="stable")
    return bn.read_nonmem(table[["ID", "TIME", "AMT", "EVID", "CMT", "DV", "DVID", "MDV"]])


def _system() -> bn.System:
    drive = bn.MLP("drive", inputs=1, hidden=(5,), activation="tanh", scale=SCALE, anchor=0.0)
    return bn.System(
        states=("depot", "central", "effect"),
        parameters=tuple(TYPICAL),
        networks=(drive,),
        rhs=lambda t, y, p, nn, c: {
            "depot": -p.ka * y.depot,
            "central": p.ka * y.depot - p.CL / p.V * y.central,
            "effect": p.kout * (p.E0 * pt.exp(nn.drive(y.central / p.V)) - y.effect),
        },
        outputs={
            "cp": lambda t, y, p, nn, c: y.central / p.V,
            "pca": lambda t, y, p, nn, c: y.effect,
        },
        initial={"effect": lambda p, c: p.E0},
    )


def pkpd_net() -> Problem:
    """Warfarin's concentration and its effect on prothrombin complex activity."""
    study, system = _study(), _system()
    (network,) = system.networks
    rng = np.random.default_rng(SEED)
    weights = 0.7 * rng.standard_normal(network.size)
    weights[:5] = np.abs(weights[:5]) + 0.5
    weights[10:15] = -np.abs(weights[10:15]) - 0.2  # more drug, less production
    deviations = 0.2 * rng.standard_normal((study.n_subjects, len(TYPICAL)))

    def derivative(xp: Any, t: Any, y: Any, p: Any, w: Any) -> list[Any]:
        absorbed = p[0] * y[0]
        x = y[1] / p[2] / SCALE
        drive = dense(xp, network, w, x) - dense(xp, network, w, xp.zeros(()))
        return [
            -absorbed,
            absorbed - p[1] / p[2] * y[1],
            p[4] * (p[3] * xp.exp(drive) - y[2]),
        ]

    return Problem(
        name="pkpd-net",
        system=system,
        study=study,
        parameters=np.array(list(TYPICAL.values())) * np.exp(deviations),
        weights=weights,
        sigma=(0.5, 4.0),
        derivative=derivative,
        readout=lambda xp, y, p: [y[1] / p[2], y[2]],
        initial=lambda xp, p: [0.0 * p[0], 0.0 * p[0], p[3]],
        stan=STAN,
    ).with_data()
