"""Predictions: against closed forms and against one solve at a time."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pandas as pd
import pymc as pm
import pytest
import xarray as xr
from scipy import stats

import bnode_nlme as bn
from bnode_nlme.inference import Fit
from bnode_nlme.results.draw_solver import DrawSolver
from bnode_nlme.results.repeated_study import repeated_study
from bnode_nlme.study.errors import TableError
from tests.distributions.problems import two_output_study, two_outputs
from tests.nlme.declarations import bolus, small_study
from tests.results.made_fits import CHAINS, DRAWS, around, made_fit

DOSE = 100.0


def bolus_fit(error: bn.distributions.error_model.ResidualErrorModel | None = None, **more) -> Fit:
    """One compartment after a bolus; CL has a random effect and WT, V is known."""
    study = small_study()
    nlme = bn.NLME(
        bolus,
        {
            "CL": bn.Individual(bn.LogNormal(2.0, 1.0), covariates=[bn.Power("WT", 70.0, 0.75)]),
            "V": bn.Individual(20.0, effect=False),
        },
        error=bn.Proportional() if error is None else error,
    )
    rng = np.random.default_rng(6)
    population = {
        "CL_pop": ((), around(2.0, 0.1, rng)),
        "omega": (("effect",), around([0.3], 0.2, rng)),
        "cp_sigma": ((), around(0.1, 0.3, rng)),
    }
    eta = 0.3 * rng.standard_normal((CHAINS, DRAWS, study.n_subjects, 1))
    return made_fit(nlme, study, population | more, eta=eta)


@pytest.fixture(scope="module")
def fit():
    return bolus_fit()


def clearance(fit: Fit, effect) -> np.ndarray:
    """Individual clearance (draws, subjects) by the formula."""
    typical = fit.posterior["CL_pop"].to_numpy().reshape(-1, 1)
    assert fit.study is not None
    return typical * (fit.study.covariates["WT"] / 70.0) ** 0.75 * np.exp(effect)


def decline(clearance: np.ndarray, study: bn.Study) -> np.ndarray:
    observed = study.observations
    own = clearance[:, study.records.subject[observed]]
    return DOSE / 20.0 * np.exp(-own / 20.0 * study.records.time[observed])


def test_individual_predictions_are_the_closed_form_at_every_draw(fit):
    predicted = bn.predict(fit)
    CL = clearance(fit, fit.posterior["eta"].to_numpy().reshape(-1, 3))
    np.testing.assert_allclose(predicted["CL"], CL, rtol=1e-12)
    np.testing.assert_allclose(predicted["cp"], decline(CL, fit.study), rtol=1e-4)
    assert predicted["cp"].dims == ("sample", "observation")
    assert predicted["V"].shape == (CHAINS * DRAWS, 3)
    np.testing.assert_array_equal(predicted["chain"], np.repeat([0, 1], DRAWS))
    np.testing.assert_array_equal(predicted["observation"], fit.study.coords["observation"])
    assert predicted.attrs["failed"] == 0


def test_population_predictions_have_no_effects(fit):
    predicted = bn.predict(fit, kind="population", draws=30, states=True)
    CL = clearance(fit, 0.0)[np.arange(30) * 300 // 30]
    np.testing.assert_allclose(predicted["cp"], decline(CL, fit.study), rtol=1e-4)
    np.testing.assert_allclose(predicted["central"], 20.0 * predicted["cp"], rtol=1e-12)
    assert not predicted["eta"].any()


def test_new_subjects_vary_as_the_population_does_and_more_often_than_draws(fit):
    predicted = bn.predict(fit, kind="new", draws=3000, seed=4)
    typical = clearance(fit, 0.0)[np.arange(3000) % 300]
    omega = fit.posterior["omega"].to_numpy().reshape(-1, 1)[np.arange(3000) % 300]
    z = np.log(predicted["CL"].to_numpy() / typical) / omega
    assert stats.kstest(z.ravel(), "norm").pvalue > 1e-3
    again, other = (bn.predict(fit, kind="new", draws=50, seed=seed) for seed in (4, 5))
    np.testing.assert_array_equal(again["CL"], bn.predict(fit, kind="new", draws=50, seed=4)["CL"])
    assert not np.any(again["CL"] == other["CL"])


def test_another_regimen_for_the_same_subjects(fit):
    study = fit.study.with_regimen(bn.Regimen(DOSE, times=[0.0, 1.5]))
    predicted = bn.predict(fit, study)
    CL = clearance(fit, fit.posterior["eta"].to_numpy().reshape(-1, 3))
    observed = study.observations
    own = CL[:, study.records.subject[observed]] / 20.0
    times = study.records.time[observed]
    wanted = sum(
        np.where(times > start, DOSE / 20.0 * np.exp(-own * (times - start)), 0.0)
        for start in (0.0, 1.5)
    )
    np.testing.assert_allclose(predicted["cp"], wanted, rtol=1e-4)


def test_virtual_patients(fit):
    study = bn.Study.from_regimen(
        bn.Regimen(DOSE), times=[1.0, 8.0], n_subjects=2, covariates={"WT": [70.0, 140.0]}
    )
    predicted = bn.predict(fit, study, kind="population", residual_error=True, draws=300)
    ratio = (predicted["CL"].isel(subject=1) / predicted["CL"].isel(subject=0)).to_numpy()
    np.testing.assert_allclose(ratio, 2.0**0.75)
    assert np.isfinite(predicted["cp_measured"]).all()
    # The subjects of the fit have IDs 1 to 3; patient 4 is not known.
    with pytest.raises(
        ValueError, match=r"wants subjects that the fit knows .* has 4, whom .* kind='new'"
    ):
        bn.predict(
            fit,
            bn.Study.from_regimen(
                bn.Regimen(DOSE), times=[1.0], subjects=[1, 4], covariates={"WT": 70.0}
            ),
        )


def test_typical_point_leaves_uncertainty_out(fit):
    predicted = bn.predict(fit, kind="population", parameters="mean", draws=7)
    assert predicted.sizes["sample"] == 7
    mean = float(fit.posterior["CL_pop"].mean())
    wanted = mean * (fit.study.covariates["WT"] / 70.0) ** 0.75
    np.testing.assert_allclose(predicted["CL"], np.tile(wanted, (7, 1)), rtol=1e-12)


@pytest.mark.parametrize(
    ("error", "more"),
    [
        (bn.Proportional(), {}),
        (bn.Additive(0.2), {}),
        (bn.Combined(), {"cp_additive": 0.05, "cp_proportional": 0.1}),
        (bn.LogNormalError(), {}),
        (bn.StudentT(bn.Additive(), 30.0), {}),
        (bn.Additive(blq="M3"), {}),
    ],
    ids=["proportional", "known additive", "combined", "lognormal", "student-t", "blq"],
)
def test_measurements_scatter_as_each_draw_says(error, more):
    rng = np.random.default_rng(0)
    fit = bolus_fit(error, **{name: ((), around(value, 0.2, rng)) for name, value in more.items()})
    predicted = bn.predict(fit, residual_error=True, draws=3000)
    f, y = predicted["cp"].to_numpy(), predicted["cp_measured"].to_numpy()
    turn = np.arange(3000) % 300

    def of(name):
        return fit.posterior[name].to_numpy().reshape(-1, 1)[turn]

    if isinstance(error, bn.LogNormalError):
        z = np.log(y / f) / of("cp_sigma")
    elif isinstance(error, bn.Combined):
        z = (y - f) / np.hypot(of("cp_additive"), of("cp_proportional") * f)
    elif isinstance(error, bn.Proportional):
        z = (y - f) / (of("cp_sigma") * f)
    elif isinstance(error, bn.Additive) and error.sigma is not None:
        z = (y - f) / 0.2
    else:
        z = (y - f) / of("cp_sigma")
    law = stats.t(30.0) if isinstance(error, bn.StudentT) else stats.norm()
    assert stats.kstest(z.ravel(), law.cdf).pvalue > 1e-3
    # The control: the scale of another draw is another one.
    if isinstance(error, bn.Proportional):
        assert stats.kstest(((y - f) / (of("cp_sigma")[::-1] * f)).ravel(), law.cdf).pvalue < 1e-3


def test_what_an_assay_cannot_quantify_is_its_limit(fit):
    free = bn.predict(fit, residual_error=True, draws=200)
    limited = bn.predict(fit, residual_error=True, draws=200, lloq={"cp": 4.0}, uloq=4.5)
    y = free["cp_measured"].to_numpy()
    np.testing.assert_array_equal(limited["cp_measured"], np.clip(y, 4.0, 4.5))
    np.testing.assert_array_equal(limited["cp_censoring"], (y < 4.0) * 1 - (y > 4.5) * 1)
    assert 0 < (limited["cp_censoring"] != 0).mean() < 1


def test_networks_have_the_weights_of_their_draw():
    network = bn.MLP("elimination", inputs=1, hidden=(3,), output="positive")
    system = bn.System(
        states=("central",),
        parameters=("V",),
        networks=(network,),
        rhs=lambda t, y, p, nn, c: {"central": -nn.elimination(y.central / p.V) * y.central},
        outputs={"cp": lambda t, y, p, nn, c: y.central / p.V},
    )
    nlme = bn.NLME(system, {"V": bn.Individual(bn.LogNormal(20.0, 1.0))}, error=bn.Additive(0.1))
    rng = np.random.default_rng(2)
    study = small_study()
    fit = made_fit(
        nlme,
        study,
        {
            "V_pop": ((), around(20.0, 0.1, rng)),
            "omega": (("effect",), around([0.2], 0.1, rng)),
            "elimination": (("weight",), rng.standard_normal((CHAINS, DRAWS, network.size))),
        },
        eta=0.2 * rng.standard_normal((CHAINS, DRAWS, 3, 1)),
    )
    predicted = bn.predict(fit, draws=6)
    assert len(np.unique(predicted["cp"].isel(observation=2))) == 6
    stacked = fit.posterior.stack(sample=("chain", "draw"), create_index=False)
    for sample, place in enumerate(np.arange(6) * 50):
        alone = bn.simulate(
            system,
            study,
            {"V": predicted["V"].isel(sample=sample).to_numpy()},
            {"elimination": stacked["elimination"].isel(sample=place).to_numpy()},
        )
        np.testing.assert_allclose(predicted["cp"].isel(sample=sample), alone["cp"], rtol=1e-5)
    with pytest.raises(ValueError, match="parameters='mean' wants a model without networks"):
        bn.predict(fit, parameters="mean")


def test_failures_are_counted_and_lose_nobody_else(fit):
    posterior = fit.posterior.copy(deep=True)
    posterior["CL_pop"][0, 3] = np.nan
    posterior["eta"][1, 5, 1] = np.inf
    tree = xr.DataTree.from_dict({"posterior": posterior})
    tree.attrs = dict(fit.attrs)
    broken = Fit(tree, fit.study, fit.nlme, None)
    with pytest.warns(UserWarning, match="4 of 900 solves failed.*was NaN or infinite"):
        predicted = bn.predict(broken)
    assert predicted.attrs["failed"] == 4
    lost = np.isnan(predicted["cp"].to_numpy())
    rows = np.zeros_like(lost)
    rows[3] = True
    rows[DRAWS + 5, fit.study.records.subject[fit.study.observations] == 1] = True
    np.testing.assert_array_equal(lost, rows)


def test_a_large_population_is_many_small_ones(fit, monkeypatch):
    """More draws than fit into one call, the last one not full."""
    monkeypatch.setattr("bnode_nlme.results.draw_solver._RECORDS", 60)
    rng = np.random.default_rng(1)
    parameters = {"CL": around(2.0, 0.2, rng)[0, :13, None] * np.ones(3), "V": np.full((13, 3), 20)}
    study = fit.study
    solved = DrawSolver(bolus, study, {"rtol": 1e-9, "atol": 1e-9})(parameters, {}, ["cp"])
    np.testing.assert_allclose(solved.values["cp"], decline(parameters["CL"], study), rtol=1e-6)
    assert solved.status.shape == (13, 3)


def test_every_copy_of_a_study_is_the_study():
    rows = [
        {"ID": i, "TIME": t, "EVID": e, "AMT": 5.0 * e, "DV": 1.0, "MDV": e, "OCC": o, "WT": 60 + t}
        for i in ("a", "b")
        for t, e, o in ((0.0, 1, 1), (1.0, 0, 1), (2.0, 0, 2))
    ]
    study = bn.read_nonmem(pd.DataFrame(rows), covariates=["WT"])
    thrice = repeated_study(study, 3)
    assert thrice.n_subjects == 6
    assert thrice.occasions is not None
    for copy in range(3):
        own = thrice.select(subjects=[1 + 2 * copy, 2 + 2 * copy])
        for name in ("time", "evid", "amount", "subject", "occasion"):
            np.testing.assert_array_equal(getattr(own.records, name), getattr(study.records, name))
        np.testing.assert_array_equal(own.varying["WT"], study.varying["WT"])
        assert own.occasions is not None
        assert study.occasions is not None
        np.testing.assert_array_equal(own.occasions.label, study.occasions.label)
        np.testing.assert_array_equal(own.occasions.subject, study.occasions.subject)


def test_what_cannot_be_predicted(fit):
    with pytest.raises(ValueError, match="kind= wants 'individual', 'population' or 'new'"):
        bn.predict(fit, kind="typical")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="parameters= wants 'draws' or 'mean'"):
        bn.predict(fit, parameters="median")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="want residual_error=True"):
        bn.predict(fit, lloq=1.0)
    with pytest.raises(ValueError, match="name 'cq'; the measured outputs are 'cp'"):
        bn.predict(fit, residual_error=True, lloq={"cq": 1.0})
    with pytest.raises(ValueError, match="draws= wants 1 or more"):
        bn.predict(fit, draws=0)
    with pytest.raises(ValueError, match="stored without its study"):
        bn.predict(replace(fit, study=None))
    with pytest.raises(ValueError, match=r"wants a fit of a bn\.NLME"):
        bn.predict(replace(fit, nlme=None, model=pm.Model()))


def test_a_dose_into_a_compartment_that_is_not_there_is_told_of_the_study_itself(fit):
    study = fit.study.with_regimen(bn.Regimen(50.0, "gut"))
    doses = study.records.row[study.doses]
    with pytest.raises(TableError, match="a state of the system: 1 'central'") as caught:
        bn.predict(fit, study)
    # Not of the copies of it, one for each draw, that are solved.
    assert [problem.row for problem in caught.value.problems] == doses.tolist()
    assert [problem.subject for problem in caught.value.problems] == study.subjects.tolist()
    text = str(caught.value)
    assert text.startswith(
        f"Study {study.name!r} does not fit the model: {len(doses)} problems in {len(doses)} rows "
        "(rows as in study.records.row"
    )
    assert "nothing was read" not in text
    assert str(pickle.loads(pickle.dumps(caught.value))) == text


def test_outputs_have_their_own_errors():
    nlme = bn.NLME(
        two_outputs,
        {"CL": bn.Individual(bn.LogNormal(4.0, 1.0)), "V": bn.Individual(20.0, effect=False)},
        error={"cp": bn.Additive(0.1), "amount": bn.Proportional(0.3)},
    )
    rng = np.random.default_rng(2)
    study = two_output_study()
    population = {
        "CL_pop": ((), around(4.0, 0.1, rng)),
        "omega": (("effect",), around([0.3], 0.1, rng)),
    }
    fit = made_fit(nlme, study, population, eta=np.zeros((CHAINS, DRAWS, 2, 1)))
    predicted = bn.predict(fit, residual_error=True, lloq={"amount": 30.0})
    scatter = (predicted["cp_measured"] - predicted["cp"]).to_numpy()
    assert scatter.std() == pytest.approx(0.1, rel=0.05)
    assert "cp_censoring" not in predicted
    assert float(predicted["amount_measured"].min()) == 30.0
    np.testing.assert_allclose(predicted["amount"], 20.0 * predicted["cp"], rtol=1e-12)
    assert predicted["cp"].sizes["observation"] == study.n_observations
