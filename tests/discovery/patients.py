"""Fits and patients of one compartment, of which everything is known in closed form."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

import bnode_nlme as bn
from bnode_nlme.inference import Fit
from tests.distributions.problems import one_compartment
from tests.results.made_fits import made_fit

V = 20.0


def bolus_nlme(sigma: float = 0.1) -> bn.NLME:
    """Clearance varies between patients, the volume is known."""
    return bn.NLME(
        one_compartment,
        {
            "CL": bn.Individual(bn.LogNormal(4.0, 0.3), effect=bn.HalfNormal(0.5)),
            "V": bn.Individual(bn.LogNormal(V, 0.01), effect=False),
        },
        error=bn.Proportional(sigma),
        solver={"rtol": 1e-8, "atol": 1e-10},
    )


def bolus_fit(
    typical: float = 4.0, omega: float = 0.4, sigma: float = 0.1, spread: float = 0.0
) -> Fit:
    """A population known but for `spread`, the standard deviation of log CL_pop."""
    rng = np.random.default_rng(5)
    shape = (2, 250)
    nlme = bolus_nlme(sigma)
    study = patient({}, subject=1)
    population: dict[str, Any] = {
        "CL_pop": ((), typical * np.exp(spread * rng.standard_normal(shape))),
        "V_pop": ((), np.full(shape, V)),
        "omega": (("effect",), np.full((*shape, 1), omega)),
    }
    eta = omega * rng.standard_normal((*shape, 1, 1))
    return made_fit(nlme, study, population, eta=eta)


def patient(
    levels: dict[float, float], *, dose: float = 100.0, additional: int = 0, subject: int = 7
) -> bn.Study:
    """One patient, dosed at time 0 (and every 12 h), with levels at some times."""
    rows: list[dict[str, Any]] = [
        {"ID": subject, "TIME": 0.0, "EVID": 2, "AMT": 0.0, "DV": np.nan, "MDV": 1}
        | {"ADDL": 0, "II": 0},
        {"ID": subject, "TIME": 0.0, "EVID": 1, "AMT": dose, "DV": np.nan, "MDV": 1}
        | {"ADDL": additional, "II": 12.0 * (additional > 0)},
    ]
    rows += [
        {"ID": subject, "TIME": t, "EVID": 0, "AMT": 0.0, "DV": y, "MDV": 0, "ADDL": 0, "II": 0}
        for t, y in levels.items()
    ]
    return bn.read_nonmem(pd.DataFrame(rows).sort_values("TIME", kind="stable"))
