"""Small, fast models with a mechanism, with a network in its place, and data from either."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytensor.tensor as pt

import bnode_nlme as bn

ERROR = 0.1
TIMES = (0.5, 1.0, 2.0, 4.0, 6.0, 9.0, 12.0)

elimination = bn.MLP("elimination", inputs=1, hidden=(3,), anchor=0.0, scale=5.0)
"""Logarithm of the factor on linear elimination: 0 at low concentrations."""

linear = bn.System(
    states=("central",),
    parameters=("ke", "V"),
    rhs=lambda t, y, p, nn, c: {"central": -p.ke * y.central},
    outputs={"cp": lambda t, y, p, nn, c: y.central / p.V},
)
hybrid = bn.System(
    states=("central",),
    parameters=("ke", "V"),
    networks=(elimination,),
    rhs=lambda t, y, p, nn, c: {
        "central": -p.ke * y.central * pt.exp(nn.elimination(y.central / p.V)),
    },
    outputs={"cp": lambda t, y, p, nn, c: y.central / p.V},
)


def declared(system: bn.System) -> bn.NLME:
    return bn.NLME(
        system,
        individual={
            "ke": bn.Individual(bn.LogNormal(0.3, 0.7), effect=bn.HalfNormal(0.5)),
            "V": bn.Individual(bn.LogNormal(10.0, 0.7), effect=bn.HalfNormal(0.5)),
        },
        error=bn.Proportional(),
        solver={"rtol": 1e-6, "atol": 1e-8},
    )


def simulated(seed: int, *, saturable: bool, subjects: int = 24) -> bn.Study:
    """Concentrations after a bolus of 100: linear elimination, or Vmax 2, Km 3 a litre."""
    rng = np.random.default_rng([29, seed])
    rows: list[dict[str, float]] = []
    for subject in range(1, subjects + 1):
        V = 10.0 * np.exp(0.2 * rng.normal())
        spread = np.exp(0.2 * rng.normal())
        c, at, step = 100.0 / V, 0.0, 0.01
        rows.append({"ID": subject, "TIME": 0.0, "EVID": 1, "AMT": 100.0, "DV": np.nan})
        for time in TIMES:
            for _ in range(round((time - at) / step)):
                # Midpoint rule: its error is far below that of a measurement.
                rate = (2.0 / (3.0 + c) if saturable else 0.3) * spread
                middle = c - 0.5 * step * rate * c
                rate = (2.0 / (3.0 + middle) if saturable else 0.3) * spread
                c -= step * rate * middle
            at = time
            value = c * (1.0 + ERROR * rng.normal())
            rows.append({"ID": subject, "TIME": time, "EVID": 0, "AMT": 0.0, "DV": value})
    return bn.read_nonmem(pd.DataFrame(rows))
