"""Small models and designs for calibration, fast enough to be fitted hundreds of times."""

from __future__ import annotations

from typing import Any

import bnode_nlme as bn

SOLVER = {"method": "tsit5", "rtol": 1e-6, "atol": 1e-8}
SD = 0.05
"""Known standard deviation of the measurements of `decay`."""

_system = bn.System(
    states=("central",),
    parameters=("k",),
    rhs=lambda t, y, p, nn, c: {"central": -p.k * y.central},
    outputs={"amount": lambda t, y, p, nn, c: y.central},
)


def decay(error: Any = None, omega: Any = 0.4) -> bn.NLME:
    """Exponential decay at a rate that varies between subjects."""
    return bn.NLME(
        _system,
        individual={"k": bn.Individual(bn.LogNormal(0.5, 0.5), effect=omega)},
        error={"amount": bn.Additive(SD) if error is None else error},
        solver=SOLVER,
    )


def few_subjects() -> bn.Study:
    return bn.Study.from_regimen(bn.Regimen(1.0), times=[0.5, 1.0, 2.0, 4.0], n_subjects=5)
