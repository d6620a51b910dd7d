"""Right models pass; a wrong variance, and chains that a wrong gradient freezes, do not.

Two hundred replicates each, but sixty of the gradient's. SBC sees what draws are of: priors,
densities, transformations, and chains that do not move. It does not see a gradient that is only
inexact, because acceptance steps keep the posterior what it is: gradients are tested in
`tests/engine/test_gradients.py`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import bnode_nlme as bn
from bnode_nlme.engine.solve_op import SolveOp
from tests.diagnostics.calibrated import SOLVER, decay, few_subjects

pytestmark = pytest.mark.slow

oral = bn.System(
    states=("depot", "central"),
    parameters=("ka", "CL", "V"),
    rhs=lambda t, y, p, nn, c: {
        "depot": -p.ka * y.depot,
        "central": p.ka * y.depot - p.CL / p.V * y.central,
    },
    outputs={"cp": lambda t, y, p, nn, c: y.central / p.V},
)
elimination = bn.MLP("elimination", inputs=1, hidden=(3,), output="positive", scale=5.0)
learned = bn.System(
    states=("central",),
    parameters=("V",),
    networks=(elimination,),
    rhs=lambda t, y, p, nn, c: {"central": -nn.elimination(y.central / p.V) * y.central},
    outputs={"cp": lambda t, y, p, nn, c: y.central / p.V},
)


def classical(error: Any = None, omega: Any = None) -> bn.NLME:
    """One compartment, oral; two correlated random effects."""
    effect = bn.HalfNormal(0.3) if omega is None else omega
    return bn.NLME(
        oral,
        individual={
            "ka": bn.Individual(bn.LogNormal(1.0, 0.4), effect=False),
            "CL": bn.Individual(bn.LogNormal(4.0, 0.4), effect=effect),
            "V": bn.Individual(bn.LogNormal(30.0, 0.4), effect=effect),
        },
        omega=bn.Omega(("CL", "V")),
        error={"cp": bn.Proportional(bn.LogNormal(0.2, 0.3)) if error is None else error},
        solver=SOLVER,
    )


def with_network() -> bn.NLME:
    """One compartment, elimination learned as a function of the concentration."""
    return bn.NLME(
        learned,
        individual={"V": bn.Individual(bn.LogNormal(20.0, 0.3), effect=bn.HalfNormal(0.3))},
        error={"cp": bn.LogNormalError(bn.LogNormal(0.3, 0.3))},
        networks={"elimination": {"scale": 0.5}},
        solver=SOLVER,
    )


def eight_subjects() -> bn.Study:
    return bn.Study.from_regimen(
        bn.Regimen(100.0, "depot"), times=[0.5, 1.5, 4.0, 8.0, 16.0], n_subjects=8
    )


def four_subjects() -> bn.Study:
    return bn.Study.from_regimen(bn.Regimen(100.0), times=[0.5, 1.0, 2.0, 3.0], n_subjects=4)


def test_a_classical_model_passes() -> None:
    result = bn.sbc(classical(), eight_subjects(), seed=11, progress=False)
    assert result.ranks.quantity.to_numpy().tolist() == [
        "ka_pop",
        "CL_pop",
        "V_pop",
        "omega_correlation[CL, V]",
        "cp_sigma",
        "omega[CL]",
        "omega[V]",
        "log_likelihood",
    ]
    assert result.verdict == "calibrated", str(result)


def test_a_network_passes() -> None:
    result = bn.sbc(
        with_network(),
        four_subjects(),
        functions={"elimination": np.array([0.5, 2.0, 5.0])},
        seed=12,
        progress=False,
    )
    assert result.ranks.quantity.to_numpy().tolist() == [
        "V_pop",
        "cp_sigma",
        "omega[V]",
        "elimination(0.5)",
        "elimination(2)",
        "elimination(5)",
        "log_likelihood",
    ]
    assert result.verdict == "calibrated", str(result)


def test_measurements_below_the_limit_pass() -> None:
    result = bn.sbc(
        decay(bn.Additive(bn.HalfNormal(0.1), blq="M3"), bn.HalfNormal(0.4)),
        few_subjects(),
        lloq=0.2,
        seed=13,
        progress=False,
    )
    assert result.verdict == "calibrated", str(result)


def test_a_residual_error_that_is_wrong_by_a_third_is_found() -> None:
    result = bn.sbc(
        classical(bn.Proportional(0.26)),
        eight_subjects(),
        simulated_from=classical(bn.Proportional(0.2)),
        seed=14,
        progress=False,
    )
    assert result.verdict == "not calibrated", str(result)


def test_an_omega_that_is_too_small_is_found() -> None:
    result = bn.sbc(
        classical(omega=0.3),
        eight_subjects(),
        simulated_from=classical(omega=0.6),
        seed=15,
        progress=False,
    )
    assert result.verdict == "not calibrated", str(result)


def scale_gradients(monkeypatch: pytest.MonkeyPatch, factor: float) -> None:
    """Let the gradient of every solve be wrong by a factor."""
    right: Any = SolveOp.pullback

    def wrong(op: SolveOp, inputs: Any, outputs: Any, cotangents: Any) -> list[Any]:
        to_parameters, to_weights, *others = right(op, inputs, outputs, cotangents)
        return [factor * to_parameters, factor * to_weights, *others]

    monkeypatch.setattr(SolveOp, "pullback", wrong)


@pytest.mark.parametrize("factor", [1.0, 1.5])
def test_chains_that_a_wrong_gradient_freezes_are_found(
    monkeypatch: pytest.MonkeyPatch, factor: float
) -> None:
    # Metropolis steps keep the posterior what it is, whatever drives them; but with a wrong
    # gradient they are rejected or minute, and draws stay where the chain began.
    scale_gradients(monkeypatch, factor)
    result = bn.sbc(
        classical(),
        eight_subjects(),
        replicates=60,
        draws=150,
        tune=200,
        max_treedepth=5,
        seed=17,
        progress=False,
    )
    if factor == 1.0:
        assert result.verdict == "calibrated", str(result)
    else:
        assert result.verdict == "not calibrated", str(result)
        assert result.dependent > 0.5
