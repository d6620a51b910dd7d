"""Population models with published estimates: their declarations, data and numbers.

The priors are weakly informative: medians are orders of magnitude, not the estimates, with a standard
deviation of the logarithm of 1, which leaves a factor of 7 either way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import bnode_nlme as bn

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


@dataclass(frozen=True)
class Published:
    """A model, its data, and what another program estimated.

    Attributes
    ----------
    nlme : NLME
    study : Study
    typical, variances, errors : mapping of str to float
        Typical values, variances of random effects, and parameters of the residual error.
    objective : float
        Minus twice the log-likelihood by FOCEI, without N log(2 pi).
    better : mapping of str to value
        Estimates, by their names in the model, at which the same objective is lower by more than
        rounding explains; empty where there are none.
    better_variances : mapping of str to float
        Those of them that are far from the published ones.
    """

    nlme: bn.NLME
    study: bn.Study
    typical: Mapping[str, float]
    variances: Mapping[str, float]
    errors: Mapping[str, float]
    objective: float
    better: Mapping[str, Any] = field(default_factory=dict)
    better_variances: Mapping[str, float] = field(default_factory=dict)

    @property
    def values(self) -> dict[str, Any]:
        """The estimates by their names in the model."""
        return (
            {f"{name}_pop": value for name, value in self.typical.items()}
            | {"omega": np.sqrt(list(self.variances.values()))}
            | dict(self.errors)
        )


def _individual(medians: Mapping[str, float], effects: Mapping[str, float]) -> Any:
    return {
        name: bn.Individual(bn.LogNormal(median, 1.0), effect=name in effects)
        for name, median in medians.items()
    }


def theophylline() -> Published:
    """nlmixr2's SAEM article, the FOCEI fit; it states the typical values as logarithms."""
    variances = {"ka": 0.400, "CL": 0.069, "V": 0.019}
    return Published(
        bn.NLME(
            one_compartment,
            individual=_individual({"ka": 1.0, "CL": 3.0, "V": 30.0}, variances),
            error={"cp": bn.Additive()},
        ),
        bn.datasets.theophylline(),
        typical={"ka": np.exp(0.463), "CL": np.exp(1.012), "V": np.exp(3.460)},
        variances=variances,
        errors={"cp_sigma": 0.694},
        objective=116.80,
    )


def warfarin_pk() -> Published:
    """nlmixr2 5.0, by OpenPKPD's external validation: FOCEI."""
    variances = {"ka": 0.4345, "CL": 0.0727, "V": 0.0383}
    return Published(
        bn.NLME(
            one_compartment,
            individual=_individual({"ka": 1.0, "CL": 0.1, "V": 10.0}, variances),
            error={"cp": bn.Proportional()},
        ),
        bn.datasets.warfarin_pk(),
        typical={"ka": 0.648, "CL": 0.1356, "V": 8.168},
        variances=variances,
        errors={"cp_sigma": np.sqrt(0.0505)},
        objective=474.61,
    )


def warfarin_pkpd() -> Published:
    """The same source: transit absorption, and inhibited production of prothrombin complex.

    The published estimates are not the optimum of their own objective: this package finds 1417.98,
    9.9 lower, with a third of the published variance of kout. Their agreement is judged without it.
    """
    variances = {"CL": 0.0807, "V": 0.0626, "EC50": 0.2145, "kout": 0.0247, "E0": 0.0041}
    medians = {"ktr": 1.0, "ka": 1.0, "CL": 0.1, "V": 10.0, "EC50": 1.0, "kout": 0.05, "E0": 100.0}
    return Published(
        bn.NLME(
            turnover,
            individual=_individual(medians, variances)
            | {
                # A production cannot be inhibited by more than all of it.
                "Emax": bn.Individual(
                    bn.Uniform(0.0, 1.0), effect=False, distribution="logitnormal"
                )
            },
            error={"cp": bn.Combined(), "pca": bn.Additive()},
        ),
        bn.datasets.warfarin_pkpd(),
        typical={
            "ktr": 1.0006,
            "ka": 1.0963,
            "CL": 0.1359,
            "V": 8.0003,
            "Emax": 0.999,
            "EC50": 1.1609,
            "kout": 0.0525,
            "E0": 96.549,
        },
        variances=variances,
        errors={"cp_proportional": 0.1649, "cp_additive": 0.4792, "pca_sigma": 3.5741},
        objective=1427.88,
        better={
            "ktr_pop": 1.0498,
            "ka_pop": 1.0498,
            "CL_pop": 0.13603,
            "V_pop": 7.8009,
            "Emax_pop": 0.99999,
            "EC50_pop": 1.1386,
            "kout_pop": 0.051775,
            "E0_pop": 96.695,
            "omega": np.sqrt([0.07353, 0.05234, 0.17235, 0.00744, 0.00269]),
            "cp_proportional": 0.16015,
            "cp_additive": 0.57518,
            "pca_sigma": 3.6060,
        },
        better_variances={"kout": 0.00744},
    )
