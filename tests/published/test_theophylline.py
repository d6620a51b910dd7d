"""The classical theophylline model, sampled, against published estimates.

FOCEI estimates of nlmixr2 (SAEM article) on the same data: log ka 0.463, log CL 1.012,
log V 3.460, additive sd 0.694, variances of the random effects 0.400, 0.069, 0.019. Priors as in
nlmixr2bayes: log ka N(0.45, 1), log CL N(1, 1), log V N(3.45, 1).
"""

from __future__ import annotations

import arviz as az
import numpy as np
import pymc as pm
import pytest
import xarray as xr

from bnode_nlme.cli.theophylline import classical_model
from bnode_nlme.datasets import theophylline
from bnode_nlme.distributions import solver_report

pytestmark = pytest.mark.slow

TYPICAL = {"log_ka": 0.463, "log_CL": 1.012, "log_V": 3.460, "sigma": 0.694}
VARIANCES = {"ka": 0.400, "CL": 0.069, "V": 0.019}
SAMPLED = ["log_ka", "log_CL", "log_V", "eta_sd", "sigma"]


@pytest.fixture(scope="module")
def fit() -> xr.DataTree:
    made = classical_model(theophylline())
    with made.model:
        drawn = pm.sample(
            draws=1500, tune=600, chains=2, cores=2, random_seed=7, progressbar=False,
            target_accept=0.9,
        )  # fmt: skip
        assert solver_report().failures == 0
    return drawn


def test_the_chains_converged(fit: xr.DataTree) -> None:
    assert int(fit.sample_stats["diverging"].sum()) == 0
    r_hat = az.rhat(fit, var_names=SAMPLED).to_dataset()
    assert max(float(r_hat[name].max()) for name in SAMPLED) <= 1.01


@pytest.mark.parametrize("name", TYPICAL)
def test_typical_values_agree(fit: xr.DataTree, name: str) -> None:
    draws = fit.posterior[name]
    assert abs(float(draws.mean()) - TYPICAL[name]) < 2.0 * float(draws.std())


@pytest.mark.parametrize("name", VARIANCES)
def test_variances_of_random_effects_agree(fit: xr.DataTree, name: str) -> None:
    draws = fit.posterior["eta_sd"].sel(eta_effect=name) ** 2
    low, high = np.quantile(draws, [0.05, 0.95])
    assert low < VARIANCES[name] < high


def test_a_wrong_estimate_would_be_refuted(fit: xr.DataTree) -> None:
    # A control: with elimination per kg (nlme's parameterisation) log CL would be -3.2.
    draws = fit.posterior["log_CL"]
    assert abs(float(draws.mean()) + 3.2) > 10.0 * float(draws.std())
