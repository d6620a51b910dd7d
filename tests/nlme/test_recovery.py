"""NUTS on a built model finds the truth that the data were simulated from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pymc as pm
import pytest
from pytensor.configdefaults import config

import bnode_nlme as bn
from tests.distributions.problems import bolus_table
from tests.nlme.declarations import bolus

CL, V, OMEGA, EXPONENT, SIGMA = 4.0, 20.0, 0.25, 0.75, 0.08
TIMES = (0.5, 2.0, 5.0, 10.0)
SUBJECTS = 40


def simulated() -> bn.Study:
    """Bolus concentrations by the closed form, not by the package."""
    rng = np.random.default_rng(17)
    weight = rng.uniform(40.0, 110.0, SUBJECTS)
    clearance = CL * (weight / 70.0) ** EXPONENT * np.exp(OMEGA * rng.normal(size=SUBJECTS))
    f = 100.0 / V * np.exp(-clearance[:, None] / V * np.array(TIMES))
    values = f * np.exp(SIGMA * rng.normal(size=f.shape))
    return replace(bn.read_nonmem(bolus_table(values, times=TIMES)), covariates={"WT": weight})


@pytest.mark.slow
def test_nuts_recovers_the_truth():
    nlme = bn.NLME(
        bolus,
        {
            "CL": bn.Individual(bn.LogNormal(1.0, 2.0), covariates=[bn.Power("WT", 70.0)]),
            "V": bn.Individual(bn.LogNormal(50.0, 2.0), effect=False),
        },
        error=bn.LogNormalError(),
    )
    with nlme.build(simulated()) as model, config.change_flags(mode="NUMBA"):
        result = pm.sample(
            draws=300,
            tune=400,
            chains=2,
            random_seed=2,
            progressbar=False,
            compute_convergence_checks=False,
        )
    truth = {"CL_pop": CL, "V_pop": V, "CL_WT": EXPONENT, "omega": OMEGA, "cp_sigma": SIGMA}
    for name, value in truth.items():
        draws = result.posterior[name].values.ravel()
        assert abs(draws.mean() - value) < 3.5 * draws.std()
        # The data say much more than the priors did.
        assert draws.std() < 0.25 * value
    assert bn.solver_report(model).failures == 0
