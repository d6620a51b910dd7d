"""A nonlinear system whose every record may depend on covariates and occasions, twice over.

Absorption, linear elimination that grows with weight and a saturable one beside it: there is a
steady state whatever is given. Weights are relative to a standard, so that lags of binary
fractions stay such, and coincidences of delayed doses with records are exact.
"""

from __future__ import annotations

import functools
from types import SimpleNamespace
from typing import Any

import numpy as np

import bnode_nlme as bn
from tests.records.event_simulator import Dosing, Model

STATES = ("depot", "central")
COVARIATES = ("WT", "FED")
VALUES = {
    "ka": 1.3,
    "CL": 4.0,
    "V": 20.0,
    "Vm": 6.0,
    "Km": 1.5,
    "base": 0.8,
    "tlag": 0.0,
    "F": 0.9,
    "D1": 2.7,
    "R1": 11.0,
    "tlag2": 0.0,
    "D2": 4.3,
}


def _rhs(y: Any, p: Any, c: Any) -> tuple[Any, Any]:
    absorbed = p.ka * y.depot
    saturable = p.Vm * y.central / (p.Km * p.V + y.central)
    return -absorbed, absorbed - p.CL / p.V * c.WT * y.central - saturable


_INTO_DEPOT: dict[str, Any] = {
    "lag": lambda p, c: p.tlag * c.WT,
    "bioavailability": lambda p, c: p.F * (1 - 0.25 * c.FED),
    "duration": lambda p, c: p.D1,
    "rate": lambda p, c: p.R1,
}
_INTO_CENTRAL: dict[str, Any] = {
    "lag": lambda p, c: p.tlag2,
    "duration": lambda p, c: p.D2 * c.WT,
}

RANDOM_MODEL = Model(
    states=STATES,
    derivative=lambda t, y, p, c: _rhs(SimpleNamespace(depot=y[0], central=y[1]), p, c),
    initial=lambda p, c: np.array([0.0, p.base * c.WT]),
    dosing={"depot": Dosing(**_INTO_DEPOT), "central": Dosing(**_INTO_CENTRAL)},
    outputs={"cp": lambda t, y, p, c: y[1] / p.V / c.WT},
)


@functools.cache
def random_system() -> Any:
    """The package's; declared when first asked for."""
    return bn.System(
        states=STATES,
        parameters=tuple(VALUES),
        covariates=COVARIATES,
        rhs=lambda t, y, p, nn, c: dict(zip(STATES, _rhs(y, p, c), strict=True)),
        initial={"central": lambda p, c: p.base * c.WT},
        outputs={"cp": lambda t, y, p, nn, c: y.central / p.V / c.WT},
        dosing={"depot": bn.Dosing(**_INTO_DEPOT), "central": bn.Dosing(**_INTO_CENTRAL)},
    )
