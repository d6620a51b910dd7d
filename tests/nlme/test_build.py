"""`NLME.build` makes the model that one would write by hand."""

from __future__ import annotations

from typing import Any

import cloudpickle
import numpy as np
import pymc as pm
import pytensor.tensor as pt
import pytest
import scipy.stats

import bnode_nlme as bn
from bnode_nlme.distributions.random_effects import RandomEffects
from bnode_nlme.distributions.solve_nodes import solve_nodes
from tests.distributions.problems import bolus_table, two_output_study, two_outputs
from tests.nlme.declarations import bolus, bolus_nlme, oral, small_study, theophylline_nlme


def by_hand(study: bn.Study) -> pm.Model:
    """The model of `theophylline_nlme`, written as PyMC."""
    WT = study.covariates["WT"]
    sd = np.std(study.records.value[study.observations])
    with pm.Model(coords=study.coords) as model:
        ka = pm.LogNormal("ka_pop", np.log(1.5), 1.0)
        CL = pm.LogNormal("CL_pop", np.log(2.8), 1.0)
        V = pm.LogNormal("V_pop", np.log(32.0), 1.0)
        slope = pm.Normal("V_WT", 0.0, 1.0 / np.std(WT))
        eta = RandomEffects("eta", ("CL", "V"))
        bn.NeuralODE(
            "cp",
            oral,
            study,
            parameters={
                "ka": ka,
                "CL": CL * (WT / 70.0) ** 0.75 * pt.exp(eta[:, 0]),
                "V": V * pt.exp(slope * (WT - 70.0) + eta[:, 1]),
            },
            error=bn.Combined(
                pm.HalfNormal("cp_additive", sd), pm.HalfNormal("cp_proportional", 0.5)
            ),
            rtol=1e-8,
            atol=1e-8,
        )
    return model


NAMES_BY_HAND = {
    # The density of a log-normal variable's logarithm is that of the normal one.
    **{f"{name}_pop_log": f"{name}_pop_log__" for name in ("ka", "CL", "V")},
    "omega_log__": "eta_sd_log__",
    "omega_correlation_cholesky_choleskycorr__": "eta_correlation_cholesky_choleskycorr__",
}


def test_log_probability_is_that_of_the_model_written_by_hand():
    study = bn.datasets.theophylline()
    built, written = theophylline_nlme().build(study), by_hand(study)
    rng = np.random.default_rng(3)
    densities = [model.compile_logp() for model in (built, written)]
    start = built.initial_point()
    found = np.nan
    for _ in range(3):
        point = {name: v + 0.2 * rng.normal(size=np.shape(v)) for name, v in start.items()}
        renamed = {NAMES_BY_HAND.get(name, name): value for name, value in point.items()}
        found, wanted = densities[0](point), densities[1](renamed)
        # Parameters that differ in the last bit are solved to the tolerance, not to the bit.
        np.testing.assert_allclose(found, wanted, rtol=1e-8)
    # No constant is left out, and none is added: the point moves the density.
    assert abs(found - densities[0](start)) > 1.0


def test_names_dims_and_where_sampling_starts():
    study = bn.datasets.theophylline()
    nlme = theophylline_nlme()
    model = nlme.build(study)
    dims = model.named_vars_to_dims
    assert dims["eta"] == dims["eta_z"] == ("subject", "effect")
    assert dims["omega"] == ("effect",)
    assert dims["omega_correlation"] == ("effect", "effect_bis")
    assert dims["CL"] == dims["V"] == dims["ka"] == ("subject",)
    assert tuple(model.coords["effect"]) == nlme.subject_effects == ("CL", "V")
    assert [v.name for v in model.observed_RVs] == ["cp"]
    assert nlme.parameters == ("ka", "CL", "V")
    start = model.initial_point()
    # The typical values' medians, not the means of their priors.
    np.testing.assert_allclose(np.exp(start["CL_pop_log"]), 2.8)
    assert np.isfinite(model.compile_logp()(start))


def test_pymc_works_on_the_model():
    study = bn.datasets.theophylline().select(subjects=[1, 2, 3])
    model = theophylline_nlme().build(study)
    with model:
        prior = pm.sample_prior_predictive(3, random_seed=1)
        prior["posterior"] = prior.prior
        pm.compute_log_likelihood(prior, progressbar=False)
    assert prior.log_likelihood.cp.shape == (1, 3, 33)
    assert prior.prior.CL.dims == ("chain", "draw", "subject")


def block_model(omega: Any, **changes: Any) -> pm.Model:
    individual = {name: bn.Individual(bn.LogNormal(1.0, 1.0)) for name in ("ka", "CL", "V")}
    return theophylline_nlme(individual=individual, omega=omega, **changes).build(
        bn.datasets.theophylline().select(subjects=[1])
    )


@pytest.mark.parametrize(
    "omega",
    [
        bn.Omega(("V", "ka")),
        bn.Omega(("CL", "ka", "V"), correlated=[("V", "ka")]),
        [bn.Omega(("V", "ka")), bn.Omega(("CL",))],
    ],
)
def test_a_block_correlates_its_own_effects_alone(omega):
    model = block_model(omega)
    eta, sd, correlation, cholesky = pm.draw(
        [
            model["eta"],
            model["omega"],
            model["omega_correlation"],
            model["omega_correlation_cholesky"],
        ],
        3000,
        random_seed=2,
    )
    # Order of the effects: ka, CL, V. The block is (V, ka).
    assert np.all(correlation[:, 1, 0] == 0.0)
    assert np.all(correlation[:, 1, 2] == 0.0)
    np.testing.assert_allclose(correlation[:, 0, 2], cholesky[:, 1, 0])
    np.testing.assert_allclose(np.einsum("dii->di", correlation), 1.0)
    covariance = sd[:, :, None] * correlation * sd[:, None, :]
    white = np.linalg.solve(np.linalg.cholesky(covariance), eta[:, 0, :, None])[..., 0]
    assert scipy.stats.kstest(white.ravel(), "norm").pvalue > 0.01
    np.testing.assert_allclose(np.corrcoef(white.T), np.eye(3), atol=0.06)
    # LKJ(2) of two effects: Beta(2, 2) stretched to (-1, 1).
    law = scipy.stats.beta(2, 2, loc=-1, scale=2)
    assert scipy.stats.kstest(correlation[:, 0, 2], law.cdf).pvalue > 0.01


def test_two_blocks_have_a_factor_each():
    four = bn.System(
        states=("y",),
        parameters=("a", "b", "c", "d"),
        rhs=lambda t, y, p, nn, c: {"y": -p.a * p.b * p.c * p.d * y.y},
    )
    nlme = bn.NLME(
        four,
        {name: bn.Individual(bn.LogNormal(1.0, 1.0)) for name in four.parameters},
        omega=[bn.Omega(("a", "c"), concentration=1.0), bn.Omega(("d", "b"), concentration=50.0)],
        error=bn.Additive(1.0),
    )
    model = nlme.build(small_study())
    correlation = pm.draw(model["omega_correlation"], 2000, random_seed=1)
    assert np.all(correlation[:, [0, 0, 2, 2], [1, 3, 1, 3]] == 0.0)
    # A single correlation has the variance 1 / (2 concentration + 1).
    np.testing.assert_allclose(correlation[:, 0, 2].var(), 1 / 3, rtol=0.1)
    np.testing.assert_allclose(correlation[:, 1, 3].var(), 1 / 101, rtol=0.1)


def test_known_and_other_standard_deviations():
    individual = {
        "ka": bn.Individual(bn.LogNormal(1.5, 1.0), effect=0.3),
        "CL": bn.Individual(bn.LogNormal(2.8, 1.0), effect=bn.LogNormal(0.2, 0.5)),
        "V": bn.Individual(32.0),
    }
    model = theophylline_nlme(individual=individual, omega=None).build(
        bn.datasets.theophylline().select(subjects=[1, 2])
    )
    assert "V_pop" not in model.named_vars
    names = ["omega", "omega_CL", "omega_V", "V", "eta"]
    omega, of_CL, of_V, V, eta = pm.draw([model[n] for n in names], 5, random_seed=1)
    np.testing.assert_array_equal(omega, np.stack([np.full(5, 0.3), of_CL, of_V], axis=1))
    np.testing.assert_allclose(V, 32.0 * np.exp(eta[:, :, 2]))


def test_several_outputs_share_one_solve():
    study = two_output_study()
    nlme = bn.NLME(
        two_outputs,
        {
            "CL": bn.Individual(bn.LogNormal(4.0, 1.0)),
            "V": bn.Individual(bn.LogNormal(20.0, 1.0), effect=False),
        },
        error={"cp": bn.LogNormalError(), "amount": bn.StudentT(bn.Proportional(), nu=4.0)},
    )
    model = nlme.build(study)
    assert [v.name for v in model.observed_RVs] == ["cp", "amount"]
    assert len(solve_nodes(model)) == 1
    assert {"cp_sigma", "amount_sigma"} <= {v.name for v in model.free_RVs}
    assert "amount_nu" not in model.named_vars


def test_networks_of_the_system_have_priors_with_options():
    clearance = bn.MLP("clearance", inputs=1, hidden=(3,), output="positive")
    system = bn.System(
        states=("central",),
        parameters=("V",),
        networks=(clearance,),
        rhs=lambda t, y, p, nn, c: {"central": -nn.clearance(y.central / p.V) * y.central},
        outputs={"cp": lambda t, y, p, nn, c: y.central / p.V},
    )
    nlme = bn.NLME(
        system,
        {"V": bn.Individual(bn.LogNormal(20.0, 1.0))},
        error=bn.Additive(),
        networks={"clearance": {"scale": 0.01}},
    )
    model = nlme.build(small_study())
    assert model.named_vars_to_dims["clearance"] == ("clearance_weight",)
    assert pm.draw(model["clearance_scale"], 100, random_seed=1).max() < 0.1
    assert np.isfinite(model.compile_logp()(model.initial_point()))


def test_default_priors_of_residual_errors_are_the_documented_ones():
    study = small_study()
    sd = np.std(study.records.value[study.observations])

    def priors(error: Any) -> dict[str, tuple[str, list[float]]]:
        model = bolus_nlme(bn.Individual(4.0, effect=False), error=error).build(study)
        return {
            v.name: (v.owner.op.name, [float(p.eval()) for p in v.owner.inputs[2:]])
            for v in model.free_RVs
        }

    half = "halfnormal"
    assert priors(bn.Additive()) == {"cp_sigma": (half, [0.0, pytest.approx(sd)])}
    assert priors(bn.Proportional()) == {"cp_sigma": (half, [0.0, 0.5])}
    assert priors(bn.StudentT(bn.LogNormalError())) == {
        "cp_nu": ("gamma", [2.0, pytest.approx(10.0)]),
        "cp_sigma": (half, [0.0, 0.5]),
    }
    assert priors(bn.Combined(bn.HalfNormal(0.2), 0.1)) == {"cp_additive": (half, [0.0, 0.2])}
    assert priors(bn.Additive(0.4)) == {}


def test_cutpoints_increase_by_default():
    values = np.array([[0.0, 1.0, 2.0], [2.0, 1.0, 1.0], [0.0, 0.0, 3.0]])
    study = bn.read_nonmem(bolus_table(values))
    for categories in (4, 5):
        nlme = bn.NLME(
            bolus,
            {"CL": bn.Individual(4.0), "V": bn.Individual(20.0, effect=False)},
            error=bn.Ordinal(categories=categories),
        )
        model = nlme.build(study)
        cutpoints = pm.draw(model["cp_cutpoints"], 200, random_seed=1)
        assert cutpoints.shape == (200, categories - 1)
        assert np.all(np.diff(cutpoints, axis=1) > 0.0)
        assert np.isfinite(model.compile_logp()(model.initial_point()))


def test_a_declaration_survives_a_pickle():
    study = bn.datasets.theophylline().select(subjects=[1, 2])
    nlme = theophylline_nlme()
    copy = cloudpickle.loads(cloudpickle.dumps(nlme))
    models = [one.build(study) for one in (nlme, copy)]
    point = models[0].initial_point()
    assert models[0].compile_logp()(point) == models[1].compile_logp()(point)
    assert repr(copy) == repr(nlme)
