"""New patients: against closed forms, and against what must fail."""

from __future__ import annotations

import sys
import warnings

import numpy as np
import pytest
from pytensor.configdefaults import config
from scipy.special import logsumexp

import bnode_nlme as bn
from bnode_nlme.results.effect_importance import weighted_effects
from bnode_nlme.results.effect_modes import effect_modes
from bnode_nlme.results.individual_likelihood import IndividualLikelihood
from bnode_nlme.results.mixture_weights import mixture_weights
from bnode_nlme.results.population_draws import chosen_draws, population_draws
from tests.results.linear_model import exact, line_fit, line_nlme, line_study
from tests.results.made_fits import theophylline_fit

FIRST = {1.0: 13.5, 3.0: 17.2, 6.0: 21.8}
SECOND = {2.0: 9.0}
KNOWN = {1: FIRST, 2: {1.0: 11.0}}
PATIENTS = {7: FIRST, 8: SECOND, 9: {}}


@pytest.fixture(scope="module")
def fit():
    return line_fit(line_study(KNOWN))


@pytest.fixture(scope="module")
def likelihood(fit):
    values = population_draws(fit, chosen_draws(fit, None))
    return IndividualLikelihood(line_nlme(), line_study(PATIENTS), values)


@pytest.fixture(scope="module")
def found(fit):
    with config.change_flags(mode="FAST_COMPILE"):
        return bn.individualise(fit, line_study(PATIENTS), samples=8000, seed=1)


def test_modes_are_the_means_of_normal_posteriors(fit, likelihood):
    modes = effect_modes(likelihood, np.random.default_rng(0))
    every = np.arange(likelihood.draws)
    eta = likelihood.space.random_effects(modes.z[:, None], every)["eta"].to_numpy()[:, 0]
    for subject, measured in enumerate(list(PATIENTS.values())[:2]):
        known = exact(fit, measured)
        sd = np.sqrt(np.diagonal(known.covariance, axis1=1, axis2=2))
        assert np.max(np.abs(eta[:, subject] - known.mean) / sd) < 0.06
        factor = likelihood.space.subject_factor
        covariance = factor @ np.linalg.inv(modes.curvature[:, subject]) @ factor.swapaxes(1, 2)
        np.testing.assert_allclose(covariance, known.covariance, rtol=5e-3, atol=1e-4)
    # A patient without measurements is the typical one.
    np.testing.assert_allclose(eta[:, 2], 0.0, atol=0.05)


def test_evidence_of_each_draw_is_that_of_the_normal_density(fit, likelihood):
    weighted = weighted_effects(likelihood, 400, np.random.default_rng(0))
    for subject, measured in enumerate(list(PATIENTS.values())[:2]):
        wanted = exact(fit, measured).log_evidence
        errors = weighted.log_evidence[:, subject] - wanted
        # Of 300 draws, each with a Monte Carlo error of some percent.
        assert np.sqrt(np.mean(errors**2)) < 0.06
        assert abs(np.mean(errors)) < 0.01
    np.testing.assert_allclose(weighted.log_evidence[:, 2], 0.0, atol=0.2)


def test_moments_are_those_of_the_mixture_of_normals(fit, found):
    assert list(found.data["method"].to_numpy()) == ["importance", "importance", "prior"]
    eta = found.data["eta"]
    for subject, measured in ((7, FIRST), (8, SECOND)):
        mean, sd = exact(fit, measured).moments()
        own = eta.sel(subject=subject).to_numpy()
        # 8000 resampled of weighted draws are worth 2000 independent ones or more.
        assert np.all(np.abs(own.mean(axis=0) - mean) < 4.0 * sd / np.sqrt(2000))
        np.testing.assert_allclose(own.std(axis=0), sd, rtol=0.06)
    evidence = exact(fit, FIRST).log_evidence
    wanted = logsumexp(evidence) - np.log(evidence.size)
    assert abs(float(found.data["log_evidence"].sel(subject=7)) - wanted) < 0.02


def test_a_patient_tells_of_the_population_too(fit, found):
    weights = exact(fit, FIRST).weights
    counted = float(found.data["effective_population_draws"].sel(subject=7))
    np.testing.assert_allclose(counted, 1.0 / np.sum(weights**2), rtol=0.1)
    sigma = fit.posterior["y_sigma"].to_numpy().ravel()
    slope = fit.posterior["slope_pop"].to_numpy().ravel()
    chosen = found.data["population_draw"].sel(subject=7).to_numpy()
    for values in (sigma, slope):
        error = values.std() / np.sqrt(1000)
        assert abs(values[chosen].mean() - weights @ values) < 4.0 * error
    # The control: without weights the mean of the draws would be another one.
    assert abs(slope.mean() - weights @ slope) > 4.0 * slope.std() / np.sqrt(1000)


def test_without_measurements_a_patient_is_a_new_subject(fit, found):
    own = found.data["eta"].sel(subject=9).to_numpy()
    omega = fit.posterior["omega"].to_numpy().reshape(-1, 2)
    np.testing.assert_allclose(own.std(axis=0), np.sqrt(np.mean(omega**2, axis=0)), rtol=0.04)
    assert np.all(np.abs(own.mean(axis=0)) < 4.0 * omega.mean(axis=0) / np.sqrt(8000))
    assert np.isnan(found.data["pareto_k"].sel(subject=9))
    counts = np.bincount(found.data["population_draw"].sel(subject=9), minlength=300)
    assert counts.min() >= 26
    assert counts.max() <= 27


def test_predictions_are_the_individual_lines(found):
    predicted = bn.predict(found, draws=50)
    data = found.data.isel(sample=np.arange(50) * 8000 // 50)
    assert predicted["y"].shape == (50, 3 + 3 + 1)
    of_first = predicted["y"].to_numpy()[:, 1:4]
    lines = data["base"].to_numpy()[:, :1] + data["slope"].to_numpy()[:, :1] * np.array([1, 3, 6])
    np.testing.assert_allclose(of_first, lines, rtol=1e-6)
    np.testing.assert_allclose(predicted["base"], data["base"])
    later = bn.predict(found, found.study.select(subjects=[8]).at_times([0.0, 50.0]), draws=50)
    wanted = data["base"].to_numpy()[:, 1] + 50.0 * data["slope"].to_numpy()[:, 1]
    np.testing.assert_allclose(later["y"].to_numpy()[:, 1], wanted, rtol=1e-6)


def test_error_of_a_patient_is_that_of_its_own_draws(fit, found):
    predicted = bn.predict(found, residual_error=True)
    scatter = (predicted["y_measured"] - predicted["y"]).to_numpy()[:, 1]
    sigma = fit.posterior["y_sigma"].to_numpy().ravel()
    own = sigma[found.data["population_draw"].sel(subject=7).to_numpy()]
    np.testing.assert_allclose((scatter / own).std(), 1.0, atol=0.04)


def test_constants_of_overlapping_normals_and_weights_of_their_samples():
    rng = np.random.default_rng(5)
    means, log_constants = np.array([-0.5, 0.0, 1.0]), np.array([0.0, 2.0, -1.0])
    samples = (means[:, None] + rng.standard_normal((3, 4000))).ravel()
    density = log_constants[:, None] - 0.5 * (samples - means[:, None]) ** 2
    weights = mixture_weights(density, np.full(3, 4000))
    share = np.exp(log_constants) / np.exp(log_constants).sum()
    np.testing.assert_allclose(weights.sum(axis=1), share, rtol=0.05)
    np.testing.assert_allclose(weights @ samples, share * means, atol=0.02)


def test_a_patient_outside_of_the_population_is_named(fit):
    """Levels in other units, say; the control is a patient of the population."""
    far = {time: 50.0 * level for time, level in FIRST.items()}
    patients = line_study({7: FIRST, 8: far})
    named = pytest.warns(UserWarning, match=r"1 patient outside .*: 8 \(\d+\.\d standard")
    alone = pytest.warns(UserWarning, match=r"of 1 patient are all of .* 8 \(1\.\d draws\)")
    with pytest.warns(UserWarning, match=r"cannot be trusted .*: 8 \("), named, alone:
        found = bn.individualise(fit, patients, method="importance", draws=40, samples=50)
    assert found.data["farthest"].sel(subject=7) < 4.0 < found.data["farthest"].sel(subject=8)
    first, second = repr(found).splitlines()[1:]
    counted = np.unique(found.data["population_draw"].sel(subject=8)).size
    assert counted <= 2  # the control: there is about one draw among the samples
    assert found.data["effective_population_draws"].sel(subject=7) > 5.0
    assert "draws of the population count" in second
    assert "OUTSIDE" not in first
    assert "OUTSIDE of the population by" in second


def test_a_long_run_for_a_patient_far_outside_is_announced(fit, monkeypatch):
    def instead(likelihood, subject, samples, rng):
        raise RuntimeError("asked for NUTS")

    monkeypatch.setattr(sys.modules["bnode_nlme.results.individualise"], "effect_nuts", instead)
    far = {time: 50.0 * level for time, level in FIRST.items()}
    told = pytest.warns(UserWarning, match="patient 8 lies far outside of the population")
    with told as said, pytest.raises(RuntimeError, match="asked for NUTS"):
        bn.individualise(fit, line_study({8: far}), draws=20, samples=10)
    assert "NUTS takes over, which may take minutes" in str(said[0].message)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # the control: a patient of the population
        with pytest.raises(RuntimeError, match="asked for NUTS"):
            bn.individualise(fit, line_study({7: FIRST}), method="nuts", draws=20, samples=10)


def test_nuts_gives_the_same_mixture(fit):
    study = line_study({7: FIRST})
    with config.change_flags(mode="NUMBA"):
        found = bn.individualise(fit, study, method="nuts", samples=3000, seed=2)
    mean, sd = exact(fit, FIRST).moments()
    own = found.data["eta"].sel(subject=7).to_numpy()
    assert found.data["method"].item() == "nuts"
    used = np.unique(found.data["population_draw"]).size
    assert 2.0 < found.data["effective_population_draws"].item() <= used <= 32
    assert np.all(np.abs(own.mean(axis=0) - mean) < 0.2 * sd)  # 32 of 300 draws
    np.testing.assert_allclose(own.std(axis=0), sd, rtol=0.12)


def test_auto_takes_nuts_where_weights_cannot_be_trusted(fit, monkeypatch):
    study = line_study({7: FIRST})
    asked = []

    def instead(likelihood, subject, samples, rng):
        asked.append(subject)
        raise RuntimeError("asked for NUTS")

    # The package's attribute of that name is the function.
    individualising = sys.modules["bnode_nlme.results.individualise"]
    monkeypatch.setattr(sys.modules["bnode_nlme.inference.importance"], "RELIABLE", -np.inf)
    monkeypatch.setattr(individualising, "RELIABLE", -np.inf)
    monkeypatch.setattr(individualising, "effect_nuts", instead)
    with pytest.warns(UserWarning, match=r"of 1 patient cannot be trusted .*: 7 \(k"):
        bn.individualise(fit, study, method="importance", draws=20, samples=10)
    with pytest.raises(RuntimeError, match="asked for NUTS"):
        bn.individualise(fit, study, draws=20, samples=10)
    assert asked == [0]


def test_theophylline_by_two_ways_of_integrating():
    """Nonlinear: the evidence against many draws from the population itself."""
    study = bn.datasets.theophylline().select(subjects=[1, 2])
    fit = theophylline_fit(study)
    values = population_draws(fit, chosen_draws(fit, 4))
    likelihood = IndividualLikelihood(fit.nlme, study, values)
    rng = np.random.default_rng(0)
    weighted = weighted_effects(likelihood, 800, rng)
    z = rng.standard_normal((4, 20_000, 2, 2))
    plain = likelihood.log_likelihood(z, np.arange(4))
    terms = np.exp(plain - plain.max(axis=1, keepdims=True))
    wanted = plain.max(axis=1) + np.log(terms.mean(axis=1))
    error = terms.std(axis=1) / terms.mean(axis=1) / np.sqrt(20_000)
    assert np.all(np.abs(weighted.log_evidence - wanted) < 4.0 * error + 0.1)


def test_what_cannot_be_individualised(fit):
    study = line_study({7: FIRST})
    with pytest.raises(ValueError, match="method= wants 'auto', 'importance' or 'nuts'"):
        bn.individualise(fit, study, method="laplace")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="samples= wants 1 or more"):
        bn.individualise(fit, study, samples=0)


def test_what_cannot_be_predicted_of_patients(found):
    with pytest.raises(ValueError, match="kind='individual' and parameters='draws' only"):
        bn.predict(found, kind="new")
    with pytest.raises(ValueError, match=r"patients \[3\] were not individualised"):
        bn.predict(found, line_study({3: FIRST}))
    with pytest.raises(ValueError, match="draws= wants 1 to 8000"):
        bn.predict(found, draws=9000)


def test_its_text_names_each_patient(found):
    text = repr(found)
    assert "Individualisation of 3 patients, 8000 samples each" in text
    assert "9: base" in text
    assert "prior" in text
