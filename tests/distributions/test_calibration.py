"""Where the posterior is known in closed form, NUTS finds it."""

from __future__ import annotations

import arviz as az
import numpy as np
import pymc as pm
import pytest

import bnode_nlme as bn
from tests.distributions.problems import DOSE, TIMES, bolus_table

K, SIGMA = 0.2, 6.0
PRIOR_MEAN, PRIOR_SD = 1.0, 0.5

# The measured amount is F D exp(-k t): linear in the bioavailable fraction F.
linear = bn.System(
    states=("central",),
    parameters=("F",),
    rhs=lambda t, y, p, nn, c: {"central": -K * y.central},
    outputs={"amount": lambda t, y, p, nn, c: p.F * y.central},
)


@pytest.fixture(scope="module")
def study() -> bn.Study:
    rng = np.random.default_rng(12)
    clean = 0.7 * DOSE * np.exp(-K * np.array(TIMES))
    return bn.read_nonmem(bolus_table(clean + SIGMA * rng.normal(size=(2, 3))))


def closed_form(study: bn.Study) -> tuple[float, float]:
    """Mean and standard deviation of the normal posterior of a conjugate normal model."""
    x = np.tile(DOSE * np.exp(-K * np.array(TIMES)), 2)
    y = study.records.value[study.observations]
    precision = 1 / PRIOR_SD**2 + x @ x / SIGMA**2
    mean = (PRIOR_MEAN / PRIOR_SD**2 + x @ y / SIGMA**2) / precision
    return float(mean), float(precision**-0.5)


def agreement(study: bn.Study, sigma: float) -> tuple[float, float]:
    """Errors of the sampled mean and sd, in Monte Carlo standard errors."""
    with pm.Model() as model:
        F = pm.Normal("F", PRIOR_MEAN, PRIOR_SD)
        bn.NeuralODE("amount", linear, study, parameters={"F": F}, error=bn.Additive(sigma))
        result = pm.sample(
            draws=800,
            tune=400,
            chains=2,
            cores=1,
            nuts_sampler="pymc",
            random_seed=4,
            progressbar=False,
            compute_convergence_checks=False,
        )
    assert bn.solver_report(model).failures == 0
    draws = result.posterior.F.values
    mean, sd = closed_form(study)
    n = float(az.ess(draws, method="bulk"))
    n_sd = float(az.ess(draws, method="sd"))
    return (
        abs(draws.mean() - mean) / (sd / np.sqrt(n)),
        abs(draws.std(ddof=1) - sd) / (sd / np.sqrt(2 * n_sd)),
    )


def test_nuts_recovers_a_conjugate_posterior(study):
    mean_error, sd_error = agreement(study, SIGMA)
    assert mean_error < 3.5
    assert sd_error < 3.5


def test_a_wrong_sigma_fails_the_same_check(study):
    _, sd_error = agreement(study, 1.3 * SIGMA)
    assert sd_error > 3.5
