"""Known subjects on occasions that no fit has seen, and studies whose subjects only look known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

import bnode_nlme as bn
from bnode_nlme.inference import Fit
from tests.nlme.declarations import bolus, small_study
from tests.nlme.test_occasions import occasion_study
from tests.results.made_fits import CHAINS, DRAWS, around, made_fit

SAMPLES = CHAINS * DRAWS


def occasion_fit() -> Fit:
    """CL varies between subjects and occasions, with correlated effects of occasions on CL and V."""
    study = occasion_study()
    nlme = bn.NLME(
        bolus,
        {
            "CL": bn.Individual(bn.LogNormal(4.0, 1.0), occasion=True),
            "V": bn.Individual(bn.LogNormal(20.0, 1.0), effect=False, occasion=True),
        },
        omega=bn.Omega(("CL", "V"), level="occasion"),
        error=bn.Additive(0.3),
    )
    rng = np.random.default_rng(5)
    correlation = np.tile([[1.0, 0.8], [0.8, 1.0]], (CHAINS, DRAWS, 1, 1))
    fit = made_fit(
        nlme,
        study,
        {
            "CL_pop": ((), around(4.0, 0.1, rng)),
            "V_pop": ((), around(20.0, 0.05, rng)),
            "omega": (("effect",), around([0.4], 0.1, rng)),
            "omega_occasion": (("occasion_effect",), around([0.2, 0.1], 0.1, rng)),
            "omega_occasion_correlation": (("occasion_effect", "occasion_effect_bis"), correlation),
            "kappa": (
                ("occasion", "occasion_effect"),
                0.2 * rng.standard_normal((CHAINS, DRAWS, 5, 2)),
            ),
        },
        eta=0.4 * rng.standard_normal((CHAINS, DRAWS, 3, 1)),
    )
    labels = ["CL", "V"]
    posterior = fit.posterior.assign_coords(
        occasion=study.coords["occasion"], occasion_effect=labels, occasion_effect_bis=labels
    )
    fit.data["posterior"] = type(fit.data)(posterior)
    return fit


@pytest.fixture(scope="module")
def fit() -> Fit:
    return occasion_fit()


def next_visit(*subjects: int, first: float = 0.0) -> bn.Study:
    """The subjects on their second occasion, which all but subject 3 have had, and a third."""
    return bn.Study.from_regimen(
        bn.Regimen(100.0, times=[first, first + 24.0]),
        times=[first + 1.0, first + 30.0],
        subjects=subjects,
        occasions={2: first, 3: first + 24.0},
    )


def flat(fit: Fit, name: str) -> np.ndarray:
    values = fit.posterior[name].to_numpy()
    return values.reshape(SAMPLES, *values.shape[2:])


def test_a_known_subject_keeps_its_effects_and_has_new_ones_of_a_new_occasion(fit):
    predicted = bn.predict(fit, next_visit(1, 3), seed=3)
    assert predicted["occasion"].to_numpy().tolist() == ["1:2", "1:3", "3:2", "3:3"]
    np.testing.assert_array_equal(predicted["eta"], flat(fit, "eta")[:, [0, 2]])
    np.testing.assert_array_equal(predicted["kappa"][:, 0], flat(fit, "kappa")[:, 1])
    # Of the others: normal at each draw, with its standard deviations and correlation.
    z = predicted["kappa"].to_numpy()[:, 1:] / flat(fit, "omega_occasion")[:, None, :]
    own = np.concatenate([z[..., 0].ravel(), (z[..., 1] - 0.8 * z[..., 0]).ravel() / 0.6])
    assert stats.kstest(own, "norm").pvalue > 1e-3
    # The control: with the standard deviations of other draws they are not.
    assert stats.kstest(1.5 * own, "norm").pvalue < 1e-3
    CL = flat(fit, "CL_pop") * np.exp(
        predicted["eta"].to_numpy()[:, 0, 0] + predicted["kappa"].to_numpy()[:, 1, 0]
    )
    np.testing.assert_allclose(predicted["CL"][:, 1], CL, rtol=1e-12)
    k, kappa = predicted["CL"] / predicted["V"], predicted["kappa"]
    assert kappa.dims == ("sample", "occasion", "occasion_effect")
    second = 100.0 * (np.exp(-24.0 * k[:, 0]) + 1.0) * np.exp(-6.0 * k[:, 1]) / predicted["V"][:, 1]
    np.testing.assert_allclose(predicted["cp"][:, 1], second, rtol=1e-4)


def test_new_occasions_are_those_of_the_seed(fit):
    study = next_visit(1, 2)
    once, again, other = (bn.predict(fit, study, draws=20, seed=s) for s in (1, 1, 2))
    np.testing.assert_array_equal(once["kappa"], again["kappa"])
    new = {"occasion": [1, 3]}
    assert not np.any(once["kappa"].isel(new) == other["kappa"].isel(new))
    with pytest.raises(
        ValueError, match=r"random effects of occasion 1:3, 2:3\. .* give .* a seed"
    ):
        fit.nlme.known_effects(fit.posterior, study)


def test_new_subjects_of_a_trial_with_occasions(fit):
    trial = bn.Study.from_regimen(
        bn.Regimen(100.0, every=168.0, additional=1),
        times=[1.0, 169.0],
        n_subjects=40,
        occasions={1: 0.0, 2: 168.0},
    )
    predicted = bn.predict(fit, trial, kind="new", draws=50)
    assert predicted["CL"].shape == (50, 80)
    rise = np.log(predicted["CL"][:, 1::2].to_numpy() / predicted["CL"][:, ::2].to_numpy())
    # Two occasions of one subject differ by sqrt(2) times the effect of an occasion.
    assert rise.std() == pytest.approx(np.sqrt(2.0) * 0.2, rel=0.1)


def test_a_new_patient_on_a_further_occasion(fit):
    patients = occasion_study().select(subjects=[1, 3])
    found = bn.individualise(fit, patients, samples=60, seed=0, draws=60)
    predicted = bn.predict(found, next_visit(1, 3), seed=2)
    again = bn.predict(found, next_visit(1, 3), seed=2)
    np.testing.assert_array_equal(predicted["kappa"], again["kappa"])
    np.testing.assert_array_equal(predicted["eta"], found.data["eta"])
    np.testing.assert_array_equal(predicted["kappa"][:, 0], found.data["kappa"][:, 1])
    new = predicted["kappa"].to_numpy()[:, [1, 2, 3]]
    np.testing.assert_allclose(new.std(axis=(0, 1)), [0.2, 0.1], rtol=0.25)


def known_fit() -> Fit:
    nlme = bn.NLME(
        bolus,
        {
            "CL": bn.Individual(bn.LogNormal(2.0, 1.0), covariates=[bn.Power("WT", 70.0, 0.75)]),
            "V": bn.Individual(20.0, effect=False),
        },
        error=bn.Additive(0.1),
    )
    rng = np.random.default_rng(6)
    population = {
        "CL_pop": ((), around(2.0, 0.1, rng)),
        "omega": (("effect",), around([0.3], 0.2, rng)),
    }
    eta = 0.3 * rng.standard_normal((CHAINS, DRAWS, 3, 1))
    return made_fit(nlme, small_study(), population, eta=eta)


def trial(**options) -> bn.Study:
    return bn.Study.from_regimen(
        bn.Regimen(100.0), times=[1.0], covariates={"WT": 66.0, "SEX": 0.0}, **options
    )


def test_virtual_patients_are_nobody_whom_the_fit_knows():
    fit = known_fit()
    with pytest.raises(ValueError, match=r"the 3 patients .* are virtual .* kind='new'"):
        bn.predict(fit, trial(n_subjects=3))
    assert bn.predict(fit, trial(n_subjects=3), kind="new", draws=5)["CL"].shape == (5, 3)
    with pytest.raises(ValueError, match=r"are virtual .* kind='new'"):
        bn.predict(replace(fit, study=None), trial(n_subjects=3))
    # Of a fit to what was simulated in such a study they are its subjects.
    design = trial(n_subjects=3)
    own = replace(fit, study=design.with_values([1.0, 2.0, 3.0]))
    later = design.with_regimen(bn.Regimen(50.0)).at_times([2.0])
    np.testing.assert_array_equal(bn.predict(own, later)["eta"], bn.predict(own)["eta"])


def test_an_individualisation_knows_its_patients_only():
    fit = known_fit()
    found = bn.individualise(fit, small_study(), samples=20, draws=20)
    with pytest.raises(ValueError, match=r"are virtual .* with the fit of the population"):
        bn.predict(found, trial(n_subjects=3))
    # A patient with made-up measurements is the same without them.
    patient = trial(n_subjects=1)
    with pytest.warns(UserWarning, match="1 patient outside of the population"):
        known = bn.individualise(fit, patient.with_values([3.0]), samples=20, draws=20)
    later = bn.predict(known, patient.at_times([2.0, 5.0]))
    np.testing.assert_array_equal(later["eta"], known.data["eta"])


def test_known_subjects_with_other_covariates_are_told_of():
    fit = known_fit()
    with pytest.warns(
        UserWarning, match=r"WT of 2 \(subject 1: 66, in study 'table' 50\); SEX of 1 .*kind='new'"
    ):
        bn.predict(fit, trial(subjects=[1, 2]), draws=5)
    assert fit.study is not None
    same = bn.Study.from_regimen(
        bn.Regimen(50.0), times=[3.0], subjects=[1, 2, 3], covariates=dict(fit.study.covariates)
    )
    np.testing.assert_array_equal(bn.predict(fit, same)["eta"], bn.predict(fit)["eta"])
