"""One compartment with saturable elimination, whose steady states have closed forms.

A dose D into A every tau: between doses A falls with A' = -Vm A / (Km V + A), so
Km V log((A + D) / A) + D = Vm tau just before a dose, if Vm tau > D; under an infusion at rate R
for ever, Vm A / (Km V + A) = R, if Vm > R (Gibaldi and Perrier 1982, chapter 7).
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

import bnode_nlme as bn
from tests.records.event_simulator import Dosing, Model

PARAMETERS = ("Vm", "Km", "V")


def _rate(amount: Any, p: Any) -> Any:
    return p.Vm * amount / (p.Km * p.V + amount)


SATURABLE = Model(
    states=("central",),
    derivative=lambda t, y, p, c: (-_rate(y[0], p),),
    initial=lambda p, c: np.zeros(1),
    dosing={"central": Dosing()},
    outputs={"cp": lambda t, y, p, c: y[0] / p.V},
)


@functools.cache
def saturable_system() -> Any:
    return bn.System(
        states=("central",),
        parameters=PARAMETERS,
        rhs=lambda t, y, p, nn, c: {"central": -_rate(y.central, p)},
        outputs={"cp": lambda t, y, p, nn, c: y.central / p.V},
    )


def least_amount_at_steady_state(p: Any, amount: float, every: float) -> float:
    """Just before a dose."""
    return amount / math.expm1((p.Vm * every - amount) / (p.Km * p.V))


def level_under_constant_infusion(p: Any, rate: float) -> float:
    return float(p.Km * p.V * rate / (p.Vm - rate))
