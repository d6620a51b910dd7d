"""A visual predictive check of warfarin: 1000 replicates, from a fit.

    python -m pytest benchmarks/bench_vpc.py --benchmark-only

Concentrations alone (one compartment), and concentrations with prothrombin complex activity
(absorption by way of a transit compartment, turnover). The fit is by NUTS and short, since what a
replicate costs does not depend on how many draws there are: each is of another draw, with new
random effects and residual errors. Timed is `bn.vpc` as a user calls it after `bn.fit`: the first
call, with what has to be compiled or read for it, and calls after that.
"""

from __future__ import annotations

import statistics
import time
from typing import Any

import numpy as np
import pytest

import bnode_nlme as bn

# Few draws: how long a check takes does not depend on whether chains agree.
pytestmark = pytest.mark.filterwarnings("ignore::bnode_nlme.inference.ConvergenceWarning")

REPLICATES, REPEATED = 1000, 3
MOST = 20.0
"""Most seconds for all outputs of a study, the first time."""

_SOLVER = {"method": "tsit5", "rtol": 1e-5, "atol": 1e-6}

_pk = bn.System(
    states=("depot", "central"),
    parameters=("ka", "CL", "V"),
    rhs=lambda t, y, p, nn, c: {
        "depot": -p.ka * y.depot,
        "central": p.ka * y.depot - p.CL / p.V * y.central,
    },
    outputs={"cp": lambda t, y, p, nn, c: y.central / p.V},
)

_pkpd = bn.System(
    states=("depot", "gut", "central", "effect"),
    parameters=("ktr", "ka", "CL", "V", "Emax", "EC50", "kout", "E0"),
    rhs=lambda t, y, p, nn, c: {
        "depot": -p.ktr * y.depot,
        "gut": p.ktr * y.depot - p.ka * y.gut,
        "central": p.ka * y.gut - p.CL / p.V * y.central,
        "effect": p.kout
        * (p.E0 * (1.0 - p.Emax * y.central / (p.EC50 * p.V + y.central)) - y.effect),
    },
    initial={"effect": lambda p, c: p.E0},
    outputs={
        "cp": lambda t, y, p, nn, c: y.central / p.V,
        "pca": lambda t, y, p, nn, c: y.effect,
    },
)


def _pk_model() -> bn.NLME:
    typical = {"ka": 0.8, "CL": 0.13, "V": 8.0}
    return bn.NLME(
        _pk,
        {name: bn.Individual(bn.LogNormal(value, 1.0)) for name, value in typical.items()},
        error={"cp": bn.Combined()},
        solver=_SOLVER,
    )


def _pkpd_model() -> bn.NLME:
    typical = {"ktr": 1.0, "ka": 1.1, "CL": 0.136, "V": 8.0, "Emax": 1.0, "EC50": 1.16,
               "kout": 0.0525, "E0": 96.5}  # fmt: skip
    varying = {"CL", "V", "EC50", "kout", "E0"}
    return bn.NLME(
        _pkpd,
        {
            name: bn.Individual(bn.LogNormal(value, 0.5), effect=name in varying)
            for name, value in typical.items()
        },
        error={"cp": bn.Combined(), "pca": bn.Additive()},
        solver=_SOLVER,
    )


STUDIES = {
    "warfarin-pk": (_pk_model, bn.datasets.warfarin_pk, ("cp",)),
    "warfarin-pkpd": (_pkpd_model, bn.datasets.warfarin_pkpd, ("cp", "pca")),
}


@pytest.mark.parametrize("name", list(STUDIES))
def test_thousand_replicates(name: str, benchmark: Any, capsys: pytest.CaptureFixture[str]) -> None:
    declare, load, outputs = STUDIES[name]
    fit = bn.fit(declare(), load(), "nuts", draws=100, tune=200, chains=2, cores=1, progress=False)
    seconds: list[float] = []

    def checks() -> None:
        begin = time.perf_counter()
        for corrected in (False, True):
            for output in outputs:
                table = bn.vpc(fit, output, replicates=REPLICATES, corrected=corrected)
                assert table.attrs["replicates"] > 0.99 * REPLICATES
                assert np.isfinite(table["simulated"]).any()
            if not corrected:
                seconds.append(time.perf_counter() - begin)

    benchmark.pedantic(checks, rounds=1 + REPEATED, iterations=1)
    first, later = seconds[0], statistics.median(seconds[1:])
    benchmark.extra_info |= {"first VPC, s": first, "later VPC, s": later}
    with capsys.disabled():
        print(f"\n{name}: {REPLICATES} replicates, {len(outputs)} outputs, fit of "
              f"{fit.attrs['seconds']:.0f} s: {first:.2f} s the first time, {later:.2f} s then")  # fmt: skip
    assert first <= MOST
