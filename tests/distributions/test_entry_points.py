"""What PyMC offers for a model works on one with a NeuralODE, and gives the right numbers."""

from __future__ import annotations

import arviz as az
import cloudpickle
import numpy as np
import pymc as pm
import pytensor.tensor as pt
import pytest
import scipy.optimize
import scipy.stats
from pymc.model.fgraph import clone_model

import bnode_nlme as bn
from bnode_nlme.distributions.solve_nodes import solve_nodes
from tests.distributions.problems import (
    TIMES,
    V,
    bolus_study,
    clearance_model,
    concentration,
    one_compartment,
    posterior,
    two_output_study,
    two_outputs,
)


@pytest.fixture(scope="module")
def study() -> bn.Study:
    return bolus_study(n_subjects=2)


@pytest.fixture
def model(study: bn.Study) -> pm.Model:
    return clearance_model(study)


def draws(sigma, n=4):
    rng = np.random.default_rng(5)
    return posterior(
        log_CL=rng.normal(1.3, 0.2, n),
        eta=rng.normal(0.0, 0.1, (n, 2)),
        sigma=np.full(n, sigma),
    )


def simulated(study, given):
    """Predictions by `simulate` at each draw, (draws, rows)."""
    at = given.posterior.isel(chain=0)
    CL = np.exp(at.log_CL.values[:, None] + at.eta.values)
    parameters = [{"CL": row, "V": V} for row in CL]
    return np.array([bn.simulate(one_compartment, study, p).cp.values for p in parameters])


def test_prior_predictive(model, study):
    with model:
        prior = pm.sample_prior_predictive(400, random_seed=1)
    cp = prior.prior_predictive.cp
    assert cp.dims == ("chain", "draw", "cp_observation")
    np.testing.assert_array_equal(cp.cp_observation, study.coords["observation"])
    np.testing.assert_array_equal(prior.observed_data.cp, study.records.value[study.observations])
    f = concentration(prior.prior.CL.values[0][:, :, None], TIMES).reshape(400, 6)
    standardised = (cp.values[0] - f) / prior.prior.sigma.values[0][:, None]
    assert scipy.stats.kstest(standardised.ravel(), "norm").pvalue > 0.01


def test_posterior_predictive_without_noise_is_simulate(model, study):
    given = draws(sigma=1e-9)
    with model:
        predicted = pm.sample_posterior_predictive(given, random_seed=1, progressbar=False)
    np.testing.assert_allclose(
        predicted.posterior_predictive.cp.values[0], simulated(study, given), rtol=1e-6
    )


def test_log_likelihood_is_the_hand_computation(model, study):
    given = draws(sigma=0.3)
    with model:
        pm.compute_log_likelihood(given, progressbar=False)
    wanted = scipy.stats.norm.logpdf(
        study.records.value[study.observations], simulated(study, given), 0.3
    )
    found = given.log_likelihood.cp
    assert found.dims == ("chain", "draw", "cp_observation")
    np.testing.assert_allclose(found.values[0], wanted, rtol=1e-6)


def test_log_likelihood_of_a_model_with_correlated_effects(study):
    with pm.Model(coords=study.coords) as model:
        eta = bn.RandomEffects("eta", ("CL", "V"), correlated=True)
        parameters = {"CL": 4.0 * pt.exp(eta[:, 0]), "V": V * pt.exp(eta[:, 1])}
        bn.NeuralODE("cp", one_compartment, study, parameters=parameters, error=bn.Additive(0.3))
        prior = pm.sample_prior_predictive(3, random_seed=1)
        prior["posterior"] = prior.prior
        pm.compute_log_likelihood(prior, progressbar=False)
    f = simulated_with(study, prior.posterior.eta.values[0])
    np.testing.assert_allclose(
        prior.log_likelihood.cp.values[0],
        scipy.stats.norm.logpdf(study.records.value[study.observations], f, 0.3),
        rtol=1e-5,
    )
    assert model.named_vars_to_dims["eta_correlation"] == ("eta_effect", "eta_effect_bis")


def simulated_with(study, eta):
    parameters = [{"CL": 4.0 * np.exp(e[:, 0]), "V": V * np.exp(e[:, 1])} for e in eta]
    return np.array([bn.simulate(one_compartment, study, p).cp.values for p in parameters])


def test_loo(model, study):
    n = 500
    rng = np.random.default_rng(2)
    given = posterior(
        log_CL=rng.normal(np.log(4.0), 0.01, n),
        eta=rng.normal(0.0, 0.01, (n, 2)),
        sigma=rng.uniform(0.09, 0.11, n),
    )
    with model:
        pm.compute_log_likelihood(given, progressbar=False)
    result = az.loo(given)
    terms = given.log_likelihood.cp.values[0]
    assert result.n_data_points == 6
    assert result.elpd < np.log(np.exp(terms).mean(axis=0)).sum()
    assert result.elpd > terms.sum(axis=1).min()


def test_advi(model):
    with model:
        fit = pm.fit(
            1500,
            method="advi",
            obj_optimizer=pm.adam(learning_rate=0.02),
            progressbar=False,
            random_seed=1,
        )
        drawn = fit.sample(200, random_seed=1)
    assert np.mean(fit.hist[-100:]) < np.mean(fit.hist[:100]) - 1.0
    assert np.isfinite(fit.hist).all()
    assert abs(float(drawn.posterior.log_CL.mean()) - np.log(4.0)) < 0.3


def test_map_is_least_squares(study):
    with pm.Model() as model:
        CL, volume = pm.Flat("CL"), pm.Flat("V")
        bn.NeuralODE(
            "cp",
            one_compartment,
            study,
            parameters={"CL": CL, "V": volume},
            error=bn.Additive(0.1),
            rtol=1e-10,
            atol=1e-10,
        )
        start = {"CL": np.array(3.0), "V": np.array(15.0)}
        found = pm.find_MAP(
            initvals=start, progressbar=False, return_inferencedata=True, jitter=False
        ).posterior
    measured = study.records.value[study.observations].reshape(2, 3)

    def residuals(x):
        return (measured - concentration(x[0], TIMES, x[1])).ravel()

    wanted = scipy.optimize.least_squares(residuals, [3.0, 15.0], xtol=1e-14).x
    np.testing.assert_allclose([found.CL.item(), found.V.item()], wanted, rtol=1e-4)
    assert model.free_RVs


def test_graphviz(model):
    source = pm.model_to_graphviz(model).source
    assert "cp\n~\nAdditiveNeuralODE" in source
    assert "cp_observation (6)" in source
    for parent in ("CL", "sigma"):
        assert f"{parent} -> cp" in source


def test_text_and_latex(model):
    assert "cp ~ AdditiveNeuralODE(f(CL), sigma)" in model.str_repr()
    assert r"\operatorname{AdditiveNeuralODE}" in model.str_repr(formatting="latex")


def logp_at_start(model):
    return model.compile_logp()(model.initial_point(random_seed=0))


@pytest.mark.parametrize(
    "copy",
    [clone_model, lambda model: cloudpickle.loads(cloudpickle.dumps(model))],
    ids=["clone_model", "cloudpickle"],
)
def test_copies_of_a_model(copy):
    study = two_output_study()
    with pm.Model(coords=study.coords) as model:
        parameters = {"CL": pt.exp(pm.Normal("log_CL", 1.0, 1.0)), "V": V}
        for name in ("cp", "amount"):
            bn.NeuralODE(
                name, two_outputs, study, parameters=parameters, error=bn.Proportional(0.1)
            )
    copied = copy(model)
    assert copied is not model
    assert logp_at_start(copied) == logp_at_start(model)
    assert len(solve_nodes(copied)) == 1
    assert copied.coords["amount_observation"] == model.coords["amount_observation"]
    assert bn.solver_report(copied).solves > 0


def test_do_and_observe(model):
    done = pm.do(model, {"log_CL": 1.2})
    assert [v.name for v in done.free_RVs] == ["eta", "sigma"]
    observed = pm.observe(model, {"log_CL": 1.2})
    point = {"eta": np.zeros(2), "sigma_log__": np.array(-1.0)}
    prior_term = scipy.stats.norm.logpdf(1.2, 1.0, 1.0)
    np.testing.assert_allclose(
        done.compile_logp()(point) + prior_term, observed.compile_logp()(point)
    )
    np.testing.assert_allclose(
        observed.compile_logp()(point), model.compile_logp()(point | {"log_CL": np.array(1.2)})
    )


def test_second_derivatives_are_refused_with_a_cure(model):
    with pytest.raises(NotImplementedError, match=r"first derivatives only.*gradients alone"):
        model.compile_d2logp()
