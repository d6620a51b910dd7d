"""Systems, studies and declarations that the tests of this folder share."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

import bnode_nlme as bn
from tests.distributions.problems import bolus_table

oral = bn.System(
    states=("depot", "central"),
    parameters=("ka", "CL", "V"),
    rhs=lambda t, y, p, nn, c: {
        "depot": -p.ka * y.depot,
        "central": p.ka * y.depot - p.CL / p.V * y.central,
    },
    outputs={"cp": lambda t, y, p, nn, c: y.central / p.V},
)

bolus = bn.System(
    states=("central",),
    parameters=("CL", "V"),
    rhs=lambda t, y, p, nn, c: {"central": -p.CL / p.V * y.central},
    outputs={"cp": lambda t, y, p, nn, c: y.central / p.V},
)

WEIGHTS = np.array([50.0, 70.0, 91.0])
SEXES = np.array([0.0, 1.0, 2.0])


def theophylline_nlme(**changes: Any) -> bn.NLME:
    given: dict[str, Any] = {
        "individual": {
            "CL": bn.Individual(bn.LogNormal(2.8, 1.0), covariates=[bn.Power("WT", 70.0, 0.75)]),
            "V": bn.Individual(bn.LogNormal(32.0, 1.0), covariates=[bn.Exponential("WT", 70.0)]),
            "ka": bn.Individual(bn.LogNormal(1.5, 1.0), effect=False),
        },
        "omega": bn.Omega(("CL", "V")),
        "error": {"cp": bn.Combined()},
        "solver": {"rtol": 1e-8, "atol": 1e-8},
    }
    return bn.NLME(oral, **(given | changes))


def small_study(**covariates: Any) -> bn.Study:
    """Three subjects after a bolus, with WT and SEX."""
    rng = np.random.default_rng(8)
    study = bn.read_nonmem(bolus_table(3.0 + rng.uniform(size=(3, 3))))
    return replace(study, covariates={"WT": WEIGHTS, "SEX": SEXES} | covariates)


def bolus_nlme(CL: bn.Individual, **changes: Any) -> bn.NLME:
    given: dict[str, Any] = {
        "individual": {"CL": CL, "V": bn.Individual(20.0, effect=False)},
        "error": bn.Additive(0.3),
    }
    return bn.NLME(bolus, **(given | changes))
