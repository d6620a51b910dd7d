"""The system of section 5 of the design: depot and central, a network eliminates."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from bnode_nlme.dynamics.mlp import MLP
from bnode_nlme.dynamics.system import System
from bnode_nlme.study.read_nonmem import read_nonmem
from bnode_nlme.study.study import Study

SUBJECTS = 128
TIMES = np.array([0.25, 0.5, 1.0, 2.0, 3.5, 5.0, 7.0, 9.0, 12.0, 24.0])
DOSE = 1.0
PARAMETERS = ("ka", "V", "k")
RTOL, ATOL = 1e-6, 1e-8


def pk_net_system(scale: float | None = None) -> System:
    """One-compartment oral model whose elimination rate is a 1-8-1 tanh network of amount / V."""
    elimination = MLP(
        "elimination", inputs=1, hidden=(8,), activation="tanh", output="positive", scale=scale
    )
    return System(
        states=("depot", "central"),
        parameters=PARAMETERS,
        networks=(elimination,),
        rhs=lambda t, y, p, nn, c: {
            "depot": -p.ka * y.depot,
            "central": p.ka * y.depot - p.k * nn.elimination(y.central / p.V) * y.central,
        },
        outputs={"cp": lambda t, y, p, nn, c: y.central / p.V},
    )


def pk_net_study(subjects: int = SUBJECTS) -> Study:
    """A unit dose at time 0 and ten observations for each subject."""
    rows = [
        row
        for subject in range(1, subjects + 1)
        for row in (
            {"ID": subject, "TIME": 0.0, "AMT": DOSE, "DV": np.nan, "EVID": 1},
            *({"ID": subject, "TIME": t, "AMT": 0.0, "DV": 0.1, "EVID": 0} for t in TIMES),
        )
    ]
    return read_nonmem(pd.DataFrame(rows))


def pk_net_values(subjects: int = SUBJECTS, seed: int = 20240) -> dict[str, Any]:
    """Individual parameters (subjects, 3), weights (25,) and cotangents of cp (rows,)."""
    rng = np.random.default_rng(seed)
    typical = np.array([1.0, 1.0, 0.3])
    return {
        "parameters": typical * np.exp(0.2 * rng.standard_normal((subjects, len(PARAMETERS)))),
        "weights": 0.7 * rng.standard_normal(25),
        "cotangents": rng.standard_normal(subjects * len(TIMES)),
    }
