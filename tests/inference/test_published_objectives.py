"""The objective function at published estimates, against what nlmixr2's FOCEI reports there."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import bnode_nlme as bn
from bnode_nlme.inference import fit, laplace_objective
from bnode_nlme.nlme import NLME, Individual, LogNormal

one_compartment = bn.System(
    states=("depot", "central"),
    parameters=("ka", "CL", "V"),
    rhs=lambda t, y, p, nn, c: {
        "depot": -p.ka * y.depot,
        "central": p.ka * y.depot - p.CL / p.V * y.central,
    },
    outputs={"cp": lambda t, y, p, nn, c: y.central / p.V},
)


def _inhibition(y: Any, p: Any) -> Any:
    cp = y.central / p.V
    return 1.0 - p.Emax * cp / (p.EC50 + cp)


turnover = bn.System(
    states=("depot", "gut", "central", "effect"),
    parameters=("ktr", "ka", "CL", "V", "Emax", "EC50", "kout", "E0"),
    rhs=lambda t, y, p, nn, c: {
        "depot": -p.ktr * y.depot,
        "gut": p.ktr * y.depot - p.ka * y.gut,
        "central": p.ka * y.gut - p.CL / p.V * y.central,
        "effect": p.kout * (p.E0 * _inhibition(y, p) - y.effect),
    },
    initial={"effect": lambda p, c: p.E0},
    outputs={
        "cp": lambda t, y, p, nn, c: y.central / p.V,
        "pca": lambda t, y, p, nn, c: y.effect,
    },
)


def _individual(typical: dict[str, float], effects: set[str]) -> dict[str, Individual]:
    return {
        name: Individual(LogNormal(value, 1.0), effect=name in effects)
        for name, value in typical.items()
    }


def theophylline() -> tuple[NLME, bn.Study, dict[str, Any], float]:
    """nlmixr2's SAEM article: FOCEI."""
    typical = {"ka": np.exp(0.463), "CL": np.exp(1.012), "V": np.exp(3.460)}
    nlme = NLME(
        one_compartment,
        individual=_individual(typical, {"ka", "CL", "V"}),
        error={"cp": bn.Additive()},
    )
    values: dict[str, Any] = {f"{name}_pop": value for name, value in typical.items()}
    values |= {"omega": np.sqrt([0.400, 0.069, 0.019]), "cp_sigma": 0.694}
    return nlme, bn.datasets.theophylline(), values, 116.80


def warfarin_pk() -> tuple[NLME, bn.Study, dict[str, Any], float]:
    """nlmixr2 5.0, by OpenPKPD's external validation: FOCEI."""
    typical = {"ka": 0.648, "CL": 0.1356, "V": 8.168}
    nlme = NLME(
        one_compartment,
        individual=_individual(typical, {"ka", "CL", "V"}),
        error={"cp": bn.Proportional()},
    )
    values: dict[str, Any] = {f"{name}_pop": value for name, value in typical.items()}
    values |= {"omega": np.sqrt([0.4345, 0.0727, 0.0383]), "cp_sigma": np.sqrt(0.0505)}
    return nlme, bn.datasets.warfarin_pkpd().select(outputs=["cp"]), values, 474.61


def warfarin_pkpd() -> tuple[NLME, bn.Study, dict[str, Any], float]:
    """The same source."""
    typical = {
        "ktr": 1.0006,
        "ka": 1.0963,
        "CL": 0.1359,
        "V": 8.0003,
        "Emax": 0.999,
        "EC50": 1.1609,
        "kout": 0.0525,
        "E0": 96.549,
    }
    nlme = NLME(
        turnover,
        individual=_individual(typical, {"CL", "V", "EC50", "kout", "E0"}),
        error={"cp": bn.Combined(), "pca": bn.Additive()},
    )
    values: dict[str, Any] = {f"{name}_pop": value for name, value in typical.items()}
    values |= {
        "omega": np.sqrt([0.0807, 0.0626, 0.2145, 0.0247, 0.0041]),
        "cp_proportional": 0.1649,
        "cp_additive": 0.4792,
        "pca_sigma": 3.5741,
    }
    return nlme, bn.datasets.warfarin_pkpd(), values, 1427.88


@pytest.mark.parametrize(
    "published",
    [
        theophylline,
        pytest.param(warfarin_pk, marks=pytest.mark.slow),
        pytest.param(warfarin_pkpd, marks=pytest.mark.slow),
    ],
)
def test_objective_at_the_published_estimates(published: Any) -> None:
    nlme, study, values, expected = published()
    found = laplace_objective(nlme, study, values)
    assert found.form == "focei"
    np.testing.assert_allclose(found.value, expected, atol=0.05)
    # The observed curvature is another approximation, and must not be taken for this one.
    if published is theophylline:
        assert abs(laplace_objective(nlme, study, values, form="laplace").value - expected) > 1.0


@pytest.mark.slow
@pytest.mark.parametrize("published", [theophylline, warfarin_pk, warfarin_pkpd])
def test_its_own_optimum_is_no_worse(published: Any) -> None:
    nlme, study, _, expected = published()
    result = fit(nlme, study, "laplace", priors=False, draws=100, progress=False)
    assert result.attrs["converged"]
    # The reference is rounded to two decimals.
    assert result.attrs["objective"] <= expected + 0.01
