"""Small, fast models with a mechanism, with a network in its place, and data from either."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytensor.tensor as pt
from numpy.typing import NDArray
from scipy.special import wrightomega

import bnode_nlme as bn
from tests.discovery.refits import Refits

ERROR, SPREAD, V = 0.2, 0.2, 10.0
TIMES = np.array([2.0, 6.0, 12.0])

elimination = bn.MLP("elimination", inputs=1, hidden=(2,), anchor=0.0, scale=5.0)
"""Logarithm of the factor on linear elimination: 0 at low concentrations."""

linear = bn.System(
    states=("central",),
    parameters=("ke",),
    rhs=lambda t, y, p, nn, c: {"central": -p.ke * y.central},
    outputs={"cp": lambda t, y, p, nn, c: y.central / V},
)
hybrid = bn.System(
    states=("central",),
    parameters=("ke",),
    networks=(elimination,),
    rhs=lambda t, y, p, nn, c: {
        "central": -p.ke * y.central * pt.exp(nn.elimination(y.central / V)),
    },
    outputs={"cp": lambda t, y, p, nn, c: y.central / V},
)


def declared(system: bn.System) -> bn.NLME:
    return bn.NLME(
        system,
        individual={"ke": bn.Individual(bn.LogNormal(0.3, 0.7), effect=bn.HalfNormal(0.5))},
        error=bn.Proportional(),
        solver={"rtol": 1e-5, "atol": 1e-7},
    )


def design(subjects: int) -> bn.Study:
    """A bolus of 100 and three measurements."""
    rows = [
        {"ID": subject, "TIME": time, "EVID": int(time == 0.0), "AMT": 100.0 * (time == 0.0),
         "DV": 1.0 if time > 0.0 else np.nan}
        for subject in range(1, subjects + 1)
        for time in (0.0, *TIMES)
    ]  # fmt: skip
    return bn.read_nonmem(pd.DataFrame(rows))


def measured(seed: int, *, saturable: bool, subjects: int) -> NDArray[np.float64]:
    """Concentrations: linear elimination, or Vmax 2, Km 3, whose solution is Lambert's function."""
    rng = np.random.default_rng([29, seed])
    spread = np.exp(SPREAD * rng.normal(size=(subjects, 1)))
    start, km = 100.0 / V, 3.0
    if saturable:
        true = km * wrightomega(start / km + np.log(start / km) - 2.0 * spread * TIMES / km).real
    else:
        true = start * np.exp(-0.3 * spread * TIMES)
    return np.asarray((true * (1.0 + ERROR * rng.normal(size=true.shape))).ravel())


def refits(system: bn.System, subjects: int) -> Refits:
    """NUTS of few draws, compiled once for all data sets."""
    return Refits(declared(system), design(subjects), tune=400, draws=300)
