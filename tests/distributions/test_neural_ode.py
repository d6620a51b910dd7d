from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pymc as pm
import pytensor.tensor as pt
import pytest
import scipy.stats
from pytensor.compile.maker import function
from pytensor.configdefaults import config

import bnode_nlme as bn
from bnode_nlme.distributions.solve_nodes import solve_nodes
from tests.distributions.problems import (
    DOSE,
    TIMES,
    V,
    blow_up,
    bolus_study,
    bolus_table,
    clearance_model,
    concentration,
    one_compartment,
    solves_in,
    two_output_study,
    two_outputs,
)


def contract_model(**options: Any) -> tuple[pm.Model, bn.Study]:
    """The example of the contract, as a user writes it."""
    study = bn.datasets.theophylline()
    absorption = bn.MLP("absorption", inputs=1, hidden=(8,), activation="tanh", output="positive")
    system = bn.System(
        states=("depot", "central"),
        parameters=("CL", "V"),
        networks=(absorption,),
        rhs=lambda t, y, p, nn, c: {
            "depot": -nn.absorption(y.depot) * y.depot,
            "central": nn.absorption(y.depot) * y.depot - p.CL / p.V * y.central,
        },
        outputs={"cp": lambda t, y, p, nn, c: y.central / p.V},
    )
    with pm.Model(coords=study.coords) as model:
        weights = bn.NetworkWeights("absorption", absorption)
        eta = bn.RandomEffects("eta", effects=("CL", "V"), correlated=True)
        CL = pm.Deterministic("CL", pt.exp(pm.Normal("log_CL", 1, 1) + eta[:, 0]), dims="subject")
        V = pm.Deterministic("V", pt.exp(pm.Normal("log_V", 3.5, 1) + eta[:, 1]), dims="subject")
        sigma = pm.HalfNormal("sigma", 1)
        bn.NeuralODE(
            "cp",
            system,
            study,
            parameters={"CL": CL, "V": V},
            weights={"absorption": weights},
            error=bn.Additive(sigma),
            **options,
        )
    return model, study


def test_contract_example_has_the_documented_dims_and_a_finite_gradient():
    model, study = contract_model(rtol=1e-9, atol=1e-9)
    assert model.named_vars_to_dims["cp"] == ("cp_observation",)
    assert list(model.coords["cp_observation"]) == study.coords["observation"].tolist()
    assert model.named_vars_to_dims["eta"] == ("subject", "eta_effect")
    assert model.named_vars_to_dims["absorption"] == ("absorption_weight",)
    np.testing.assert_array_equal(
        model.rvs_to_values[model["cp"]].data, study.records.value[study.observations]
    )
    point = model.initial_point(random_seed=1)
    rng = np.random.default_rng(1)
    point = {name: value + 0.3 * rng.normal(size=value.shape) for name, value in point.items()}
    density = model.logp_dlogp_function(ravel_inputs=True)
    x = np.concatenate([np.ravel(point[v.name]) for v in model.value_vars])
    logp, gradient = density(x)
    assert np.isfinite(logp)
    assert np.isfinite(gradient).all()
    direction = rng.normal(size=x.size)
    up, down = (density(x + h * direction)[0] for h in (1e-4, -1e-4))
    np.testing.assert_allclose(gradient @ direction, (up - down) / 2e-4, rtol=1e-4)


@pytest.mark.slow
def test_contract_example_samples():
    model, study = contract_model()
    with model, config.change_flags(mode="NUMBA"):
        result = pm.sample(
            draws=20,
            tune=80,
            chains=2,
            random_seed=1,
            progressbar=False,
            compute_convergence_checks=False,
            # With unscaled inputs the full trees of NUTS take a quarter of an hour.
            nuts={"maxdepth": 4},
        )
        predicted = pm.sample_posterior_predictive(result, random_seed=1, progressbar=False)
    # Too few draws for a posterior, but enough to predict better than the mean of the data does.
    measured = study.records.value[study.observations]
    residual = predicted.posterior_predictive.cp.mean(("chain", "draw")).values - measured
    assert np.sqrt(np.mean(residual**2)) < measured.std()
    assert bn.solver_report(model).solves > 12 * 2 * 100


def test_density_is_that_of_the_closed_form():
    study = bolus_study(n_subjects=3)
    model = clearance_model(study, rtol=1e-10, atol=1e-12)
    eta, log_CL, sigma = np.array([0.1, 0.0, -0.2]), 1.3, 0.2
    f = concentration(np.exp(log_CL + eta)[:, None], TIMES).ravel()
    wanted = scipy.stats.norm.logpdf(study.records.value[study.observations], f, sigma)
    terms = model.compile_logp(vars=[model["cp"]], sum=False)
    (found,) = terms({"eta": eta, "log_CL": np.array(log_CL), "sigma_log__": np.log(sigma)})
    np.testing.assert_allclose(found, wanted, rtol=1e-7)


def likelihoods(study, *, amount_options=None, amount_parameters=None):
    with pm.Model(coords=study.coords) as model:
        log_CL = pm.Normal("log_CL", 1.0, 1.0)
        parameters = {"CL": pt.exp(log_CL), "V": V}
        bn.NeuralODE("cp", two_outputs, study, parameters=parameters, error=bn.LogNormalError(0.1))
        bn.NeuralODE(
            "amount",
            two_outputs,
            study,
            parameters=amount_parameters(log_CL) if amount_parameters else parameters,
            error=bn.Proportional(0.1),
            **(amount_options or {}),
        )
    return model


@pytest.mark.parametrize(
    "parameters",
    [None, lambda log_CL: {"V": V, "CL": pt.exp(log_CL)}],
    ids=["same", "equal, made anew"],
)
def test_outputs_of_one_system_share_one_solve(parameters):
    model = likelihoods(two_output_study(), amount_parameters=parameters)
    assert len(solve_nodes(model)) == 1
    both = model.compile_fn([model.logp(), model.dlogp()])
    assert solves_in(both.f) == ["AdjointOp", "SolveOp"]
    terms = model.compile_fn(model.logp(vars=model.observed_RVs, sum=False))
    assert solves_in(terms.f) == ["SolveOp"]
    draws = function([], model.observed_RVs)
    assert solves_in(draws) == ["SolveOp"]


@pytest.mark.parametrize(
    "different",
    [
        {"amount_options": {"rtol": 1e-8}},
        {"amount_options": {"adjoint_rtol": 1e-4}},
        {"amount_options": {"method": "adams"}},
        {"amount_parameters": lambda log_CL: {"CL": pt.exp(log_CL), "V": 2 * V}},
    ],
    ids=["rtol", "adjoint_rtol", "method", "parameters"],
)
def test_different_solves_are_not_shared(different):
    assert len(solve_nodes(likelihoods(two_output_study(), **different))) == 2


def test_different_studies_are_not_shared():
    values = np.ones((1, 3))
    given: dict[str, Any] = {"parameters": {"CL": 4.0, "V": V}, "error": bn.Additive(1.0)}
    with pm.Model() as model:
        for name, dose in (("first", 1.0), ("second", 2.0), ("first again", 1.0)):
            study = bn.read_nonmem(bolus_table(values, dose=dose))
            bn.NeuralODE(name, one_compartment, study, **given)
    assert len(solve_nodes(model)) == 2


def test_a_solve_of_ones_own_is_shared_too():
    study = two_output_study()
    with pm.Model(coords=study.coords) as model:
        parameters = {"CL": pt.exp(pm.Normal("log_CL", 1.0, 1.0)), "V": V}
        solution = bn.solve(two_outputs, study, parameters)
        pm.Deterministic("area", solution.states["central"].sum())
        bn.NeuralODE("cp", two_outputs, study, parameters=parameters, error=bn.Additive(1.0))
    assert len(solve_nodes(model)) == 1


def test_each_output_meets_its_own_rows():
    study = two_output_study()
    model = likelihoods(study)
    records = study.records
    cp = concentration(4.0, TIMES)
    for name, wanted in (("cp", cp), ("amount", V * cp)):
        rows = np.flatnonzero(records.output == name)
        np.testing.assert_array_equal(model.rvs_to_values[model[name]].data, records.value[rows])
        np.testing.assert_array_equal(model.coords[f"{name}_observation"], records.row[rows])
        known = pm.do(model, {"log_CL": np.log(4.0)})
        draws = pm.draw(known[name], 1000, random_seed=2)
        np.testing.assert_allclose(draws.mean(axis=0), np.tile(wanted, 2), rtol=0.02)


def test_only_measured_values_enter_the_likelihood():
    measured = bolus_table(concentration(4.0, TIMES)[None] + 0.1).assign(MDV=[1, 0, 0, 0])
    blank = {"ID": 1, "AMT": ".", "DV": ".", "MDV": 1}
    extra = [blank | {"TIME": time, "EVID": evid} for time, evid in [(1.5, 2), (1.7, 0), (3.0, 2)]]
    table = pd.concat([measured, pd.DataFrame(extra)]).sort_values("TIME", kind="stable")
    both = [bn.read_nonmem(t) for t in (measured, table)]
    models = [clearance_model(study, rtol=1e-10, atol=1e-12) for study in both]
    point = {"eta": np.zeros(1), "log_CL": np.array(1.2), "sigma_log__": np.array(-1.0)}
    logps = [model.compile_logp()(point) for model in models]
    np.testing.assert_allclose(logps[0], logps[1], rtol=1e-8)
    assert list(models[1].coords["cp_observation"]) == [2, 5, 7]


def test_prints_as_a_distribution():
    text = clearance_model(bolus_study()).str_repr()
    assert "cp ~ AdditiveNeuralODE(f(CL), sigma)" in text


def test_dist_draws_and_weighs_without_a_model():
    study = bolus_study()
    parameters = {"CL": 4.0, "V": V}
    dist = bn.NeuralODE.dist(
        one_compartment,
        study,
        parameters=parameters,
        error=bn.Proportional(0.1),
        rtol=1e-10,
        atol=1e-12,
    )
    f = np.tile(concentration(4.0, TIMES), 2)
    draws = pm.draw(dist, 2000, random_seed=4)
    assert draws.shape == (2000, 6)
    np.testing.assert_allclose(draws.mean(axis=0), f, rtol=0.01)
    np.testing.assert_allclose(draws.std(axis=0), 0.1 * f, rtol=0.06)
    values = f + 0.1
    np.testing.assert_allclose(
        pm.logp(dist, values).eval(), scipy.stats.norm.logpdf(values, f, 0.1 * f), rtol=1e-6
    )


def test_dist_of_one_of_several_outputs():
    study = two_output_study()
    dist = bn.NeuralODE.dist(
        two_outputs,
        study,
        parameters={"CL": 4.0, "V": V},
        error=bn.Additive(1e-9),
        output="amount",
    )
    wanted = DOSE * np.exp(-4.0 / V * np.tile(TIMES, 2))
    np.testing.assert_allclose(pm.draw(dist, random_seed=1), wanted, rtol=1e-5)


def test_failed_solve_is_minus_infinity_for_its_subject_alone():
    study = bn.read_nonmem(bolus_table(np.array([[1.3, 2.0], [1.3, 2.0]]), (0.5, 1.0), dose=1.0))
    a = pt.vector("a", shape=(2,))
    dist = bn.NeuralODE.dist(blow_up, study, parameters={"a": a}, error=bn.Additive(1.0))
    logp = pm.logp(dist, study.records.value[study.observations])
    value = logp.eval({a: np.array([0.5, 3.0])})
    assert np.isfinite(value[:2]).all()
    assert value[3] == -np.inf
    draws = pm.draw(dist, givens={a: np.array([0.5, 3.0])}, random_seed=1)
    assert np.isfinite(draws[:2]).all()
    assert np.isnan(draws[3])


def test_errors_by_output_share_one_solve_and_are_those_given_one_by_one():
    study = two_output_study()
    errors = {"cp": bn.LogNormalError(0.1), "amount": bn.Proportional(0.1)}
    with pm.Model(coords=study.coords) as model:
        log_CL = pm.Normal("log_CL", 1.0, 1.0)
        made = bn.NeuralODE(
            "pk",
            two_outputs,
            study,
            parameters={"CL": pt.exp(log_CL), "V": V},
            error=errors,
        )
    assert list(made) == ["cp", "amount"]
    assert [v.name for v in model.observed_RVs] == ["pk_cp", "pk_amount"]
    assert model.named_vars_to_dims["pk_cp"] == ("pk_cp_observation",)
    assert len(solve_nodes(model)) == 1
    both = model.compile_fn([model.logp(), model.dlogp()])
    assert solves_in(both.f) == ["AdjointOp", "SolveOp"]
    at = {"log_CL": np.array(1.4)}
    assert both(at)[0] == likelihoods(study).compile_logp()(at)
