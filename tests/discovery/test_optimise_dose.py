"""Chosen doses: against closed forms, and against controls that must fail."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import xarray as xr
from scipy import stats

import bnode_nlme as bn
from bnode_nlme.discovery.dosing import exposures
from bnode_nlme.discovery.dosing.candidates import listed_candidates
from bnode_nlme.discovery.dosing.patient_draws import PatientDraws
from bnode_nlme.discovery.dosing.places import grid, quadrature
from bnode_nlme.discovery.dosing.planned_study import planned_study
from bnode_nlme.inference import Fit
from tests.discovery.patients import V, bolus_fit, bolus_nlme, patient

TYPICAL, OMEGA = 4.0, 0.4


@pytest.fixture(scope="module")
def fit() -> Fit:
    return bolus_fit(TYPICAL, OMEGA)


@pytest.fixture(scope="module")
def new(fit: Fit) -> bn.Individualisation:
    """A patient of whom nothing is measured, and nothing given yet."""
    study = bn.Study.from_regimen({7: None}, times=[0.0])
    return bn.individualise(fit, study, samples=2000, seed=1)


def clearances(found: bn.Individualisation) -> Any:
    return found.data["CL"].to_numpy()[:, 0]


def single(dose: float) -> bn.Regimen:
    return bn.Regimen(dose)


def test_auc_of_a_bolus_is_dose_over_clearance(new: bn.Individualisation) -> None:
    # To 2000 h: whatever is left then is below rounding.
    choice = bn.optimise_dose(
        new, bn.AUC(start=0.0, end=2000.0, lower=20.0, upper=30.0), regimen=single, doses=[50, 100]
    )
    CL = clearances(new)
    np.testing.assert_allclose(
        choice.data["mean_exposure"].to_numpy()[:, 0], np.mean([50 / CL, 100 / CL], axis=1), 1e-6
    )
    wanted = [np.mean((dose / CL >= 20.0) & (dose / CL <= 30.0)) for dose in (50, 100)]
    np.testing.assert_array_equal(choice.data["probability"], wanted)


def test_probability_is_that_of_a_log_normal_clearance(new: bn.Individualisation) -> None:
    doses = np.array([40.0, 70.0, 100.0, 160.0])
    choice = bn.optimise_dose(
        new, bn.AUC(start=0.0, end=2000.0, lower=20.0, upper=30.0), regimen=single, doses=doses
    )
    of_log_cl = stats.norm(np.log(TYPICAL), OMEGA).cdf
    exact = of_log_cl(np.log(doses / 20.0)) - of_log_cl(np.log(doses / 30.0))
    assert np.all(np.abs(choice.data["probability"] - exact) < 4.0 * choice.data["error"])
    assert choice.dose == doses[np.argmax(exact)]


def test_a_trough_falls_exponentially_and_past_doses_act_on(fit: Fit) -> None:
    found = bn.individualise(fit, patient({2.0: 3.5, 8.0: 1.1}, additional=5), samples=300, seed=2)
    # The past: 100 at 0 and 12; what ADDL implies at 24 and later does not take place.
    choice = bn.optimise_dose(
        found,
        bn.Trough(at=36.0, lower=0.1),
        candidates={
            "nothing": None,
            "60 now": bn.Regimen(60.0, start=24.0),
            "60 twice": bn.Regimen(60.0, start=24.0, every=12.0, additional=1),
        },
    )
    k = clearances(found) / V
    past = 100.0 / V * (np.exp(-36.0 * k) + np.exp(-24.0 * k))
    once = past + 60.0 / V * np.exp(-12.0 * k)
    wanted = np.array([past, once, once])  # a dose at the trough's own time comes after it
    assert list(choice.data["candidate"].to_numpy()) == ["nothing", "60 now", "60 twice"]
    np.testing.assert_allclose(
        choice.data["mean_exposure"].to_numpy()[:, 0], wanted.mean(axis=1), rtol=1e-5
    )
    np.testing.assert_allclose(choice.data["probability"], (wanted >= 0.1).mean(axis=1))
    later = bn.optimise_dose(
        found,
        bn.Trough(at=36.0, lower=0.1),
        candidates=[bn.Regimen(60.0, start=24.0)],
        after=30.0,
    )
    with_third = (once + 100.0 / V * np.exp(-12.0 * k)).mean()
    np.testing.assert_allclose(later.data["mean_exposure"], [[with_third]], rtol=1e-5)


def test_time_above_and_peak_of_two_boluses(new: bn.Individualisation) -> None:
    choice = bn.optimise_dose(
        new,
        [
            bn.TimeAbove(level=2.0, start=0.0, end=24.0, lower=0.5),
            bn.Peak(start=0.0, end=24.0, upper=7.0),
        ],
        candidates=[bn.Regimen(100.0, every=12.0, additional=1)],
    )
    k = clearances(new) / V
    first, second = 100.0 / V, 100.0 / V * (1.0 + np.exp(-12.0 * k))
    above = sum(np.minimum(12.0, np.log(peak / 2.0) / k) for peak in (first, second)) / 24.0
    exposure = choice.data["mean_exposure"].to_numpy()[0]
    np.testing.assert_allclose(exposure, [above.mean(), second.mean()], rtol=2e-4)
    met = choice.data["probability_of_target"].to_numpy()[0]
    np.testing.assert_allclose(met, [np.mean(above >= 0.5), np.mean(second <= 7.0)], atol=2e-3)
    both = np.mean((above >= 0.5) & (second <= 7.0))
    np.testing.assert_allclose(choice.probability, both, atol=2e-3)


def test_a_response_may_be_relative_to_its_baseline(fit: Fit) -> None:
    found = bn.individualise(fit, patient({}), samples=50, seed=2)
    choice = bn.optimise_dose(
        found,
        bn.Response(at=10.0, relative_to=1.0, upper=0.5, output="central"),
        candidates={"none": None, "much": bn.Regimen(500.0, start=5.0)},
    )
    k = clearances(found) / V
    np.testing.assert_allclose(
        choice.data["mean_exposure"].sel(candidate="none"), [np.exp(-9.0 * k).mean()], rtol=1e-5
    )
    assert choice.label == "none"


def test_more_is_better_for_a_lower_limit_and_ties_go_to_the_smallest(
    new: bn.Individualisation,
) -> None:
    choice = bn.optimise_dose(
        new, bn.Trough(at=6.0, lower=1.0), regimen=single, between=(0.0, 1000.0), points=21
    )
    probability = choice.data["probability"].to_numpy()
    assert np.all(np.diff(probability) >= 0.0)
    assert probability[0] == 0.0
    assert probability[-1] == probability.max()
    tied = choice.data["tied"].to_numpy()
    assert choice.chosen == np.flatnonzero(tied)[0]
    assert tied.sum() > 1
    strict = bn.optimise_dose(
        new,
        bn.Trough(at=6.0, lower=1.0),
        regimen=single,
        doses=choice.data["dose"].to_numpy(),
        tolerance=0.0,
    )
    assert strict.dose == choice.data["dose"].to_numpy()[np.argmax(probability)]
    assert strict.dose >= choice.dose


def test_a_range_is_searched_more_finely_around_the_best(new: bn.Individualisation) -> None:
    target = bn.AUC(start=0.0, end=2000.0, lower=20.0, upper=30.0)
    choice = bn.optimise_dose(new, target, regimen=single, between=(10.0, 400.0), points=14)
    # d/dD of the probability is 0 where the two densities are equal.
    exact = TYPICAL * np.sqrt(20.0 * 30.0)
    steps = np.diff(choice.data["dose"].to_numpy())
    assert steps.min() < 5.0 < steps.max()
    assert np.all(steps > 0.0)
    assert abs(choice.dose - exact) < 25.0
    of_log_cl = stats.norm(np.log(TYPICAL), OMEGA).cdf
    best = of_log_cl(np.log(exact / 20.0)) - of_log_cl(np.log(exact / 30.0))
    assert abs(choice.probability - best) < 4.0 * choice.error


def test_models_are_mixed_by_their_weights(fit: Fit, new: bn.Individualisation) -> None:
    slow = bolus_fit(1.5, 0.2)
    study = bn.Study.from_regimen({7: None}, times=[0.0])
    other = bn.individualise(slow, study, samples=500, seed=3)
    target = bn.AUC(start=0.0, end=2000.0, lower=20.0, upper=30.0)
    doses = [30.0, 100.0]
    alone = [
        bn.optimise_dose(model, target, regimen=single, doses=doses).data["probability"]
        for model in (new, other)
    ]
    both = bn.optimise_dose([new, other], target, regimen=single, doses=doses, weights=[3.0, 1.0])
    np.testing.assert_allclose(both.data["probability"], 0.75 * alone[0] + 0.25 * alone[1])
    np.testing.assert_allclose(both.data["weight"], [0.75, 0.25])
    np.testing.assert_array_equal(both.data["probability_of_model"][1], alone[1])
    assert "models" in str(both)
    with pytest.raises(ValueError, match=r"2 models want weights="):
        bn.optimise_dose([new, other], target, regimen=single, doses=doses)


def test_measurements_scatter_more_than_true_values(fit: Fit) -> None:
    found = bn.individualise(fit, patient({1.0: 4.1, 6.0: 1.5}), samples=2000, seed=2)
    target = bn.Trough(at=6.0, lower=1.2, upper=1.8)
    options: Any = {"candidates": {"as it is": bn.Regimen(1.0, start=50.0)}}
    true = bn.optimise_dose(found, target, **options)
    measured = bn.optimise_dose(found, target, residual_error=True, **options)
    level = 100.0 / V * np.exp(-6.0 * clearances(found) / V)
    exact = stats.norm.cdf(1.8, level, 0.1 * level) - stats.norm.cdf(1.2, level, 0.1 * level)
    assert abs(measured.probability - exact.mean()) < 4.0 * measured.error
    assert measured.probability < true.probability
    assert "a measurement" in str(measured)
    assert "true value" in str(true)


def test_a_fit_serves_for_new_patients_and_for_its_own(fit: Fit) -> None:
    target = bn.AUC(start=0.0, end=2000.0, lower=20.0, upper=30.0)
    study = bn.Study.from_regimen({7: None}, times=[0.0])
    fresh = bn.optimise_dose(fit, target, regimen=single, doses=[80, 100], study=study)
    of_log_cl = stats.norm(np.log(TYPICAL), OMEGA).cdf
    exact = of_log_cl(np.log(5.0)) - of_log_cl(np.log(100.0 / 30.0))
    assert abs(fresh.data["probability"][1] - exact) < 4.0 * fresh.data["error"][1]
    known = bn.optimise_dose(fit, target, candidates=[bn.Regimen(50.0, start=0.0)], after=0.0)
    CL = fit.posterior["CL_pop"] * np.exp(fit.posterior["eta"].isel(subject=0, effect=0))
    np.testing.assert_allclose(known.data["mean_exposure"], [[float((50 / CL).mean())]], rtol=1e-6)


def test_who_ignores_uncertainty_states_what_is_not_so(fit: Fit) -> None:
    """Patients with one level: stated probabilities hold; those of point estimates do not."""
    rng = np.random.default_rng(8)
    target = bn.AUC(start=0.0, end=2000.0, lower=20.0, upper=30.0)
    stated, met, plugged = [], [], []
    for number in range(40):
        CL = TYPICAL * np.exp(OMEGA * rng.standard_normal())
        level = 100.0 / V * np.exp(-4.0 * CL / V) * (1.0 + 0.1 * rng.standard_normal())
        found = bn.individualise(fit, patient({4.0: level}), samples=400, draws=50, seed=number)
        choice = bn.optimise_dose(
            found, target, regimen=lambda dose: bn.Regimen(dose, start=0.0), doses=[60, 80, 100, 120, 150], after=0.0
        )  # fmt: skip
        stated.append(choice.probability)
        met.append(20.0 <= choice.dose / CL <= 30.0)
        mean = float(found.data["CL"].mean())
        best = min([60, 80, 100, 120, 150], key=lambda dose: abs(np.log(dose / mean / 24.5)))
        plugged.append((20.0 <= best / mean <= 30.0, 20.0 <= best / CL <= 30.0))
    said, were = np.array(stated), np.array(met, dtype=float)
    assert abs(np.sum(were - said)) < 3.0 * np.sqrt(np.sum(said * (1.0 - said)))
    claimed, was = np.array(plugged, dtype=float).T
    assert np.mean(was[claimed == 1.0]) < 0.9, "control: what a point estimate calls certain fails"
    assert np.mean((were - said) ** 2) < np.mean((was - claimed) ** 2)


def test_quadrature_is_exact_for_a_fast_and_a_slow_phase() -> None:
    for rate in (0.01, 1.0, 30.0):
        places = quadrature(0.0, 24.0, [12.0])
        since = np.where(places.times < 12.0, places.times, places.times - 12.0)
        exact = 2.0 * (1.0 - np.exp(-12.0 * rate)) / rate
        np.testing.assert_allclose(np.exp(-rate * since) @ places.weights, exact, rtol=2e-5)
    np.testing.assert_allclose(grid(3.0, 24.0, [12.0]).weights.sum(), 21.0)


def test_many_values_are_solved_in_groups_with_the_same_result(
    new: bn.Individualisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = [bn.Trough(at=6.0, lower=1.0), bn.Peak(start=0.0, end=6.0, upper=6.0)]
    whole = bn.optimise_dose(new, target, regimen=single, doses=[40.0, 80.0, 120.0], draws=50)
    monkeypatch.setattr(exposures, "_VALUES", 1)
    parts = bn.optimise_dose(new, target, regimen=single, doses=[40.0, 80.0, 120.0], draws=50)
    xr.testing.assert_allclose(whole.data, parts.data, rtol=1e-6)


def test_a_plan_keeps_the_past_and_places_stand_on_their_side_of_a_dose() -> None:
    study = patient({2.0: 3.0}, additional=3)
    both = grid(24.0, 48.0, [36.0])
    planned, index = planned_study(
        study, bn.Regimen(70.0, start=24.0, every=12.0, additional=1), 24.0, both
    )
    records = planned.records
    given = planned.doses
    assert records.time[given].tolist() == [0.0, 24.0, 36.0]
    assert records.additional[given].tolist() == [1, 0, 0]
    rows = planned.observations[index]
    np.testing.assert_array_equal(records.time[rows], both.times)
    at_36 = rows[both.times == 36.0]
    dose_row = given[2]
    assert at_36[both.before[both.times == 36.0]].max() < dose_row
    assert at_36[~both.before[both.times == 36.0]].min() > dose_row
    assert np.isnan(records.value).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, r"wants candidates=, .* or regimen="),
        ({"regimen": single}, r"wants doses=, .* or between="),
        ({"candidates": bn.Regimen(1.0)}, r"a mapping from names to regimens, or a list"),
        ({"candidates": {"a": 3}}, r"wants bn.Regimen .* 'a' is 3"),
        ({"candidates": [None]}, r"wants at least one regimen"),
        ({"regimen": single, "between": (5.0, 1.0)}, r"between= wants \(low, high\)"),
        ({"regimen": single, "doses": [-1.0]}, r"doses= wants finite numbers of 0 or more"),
        ({"regimen": bn.Regimen(1.0), "doses": [1.0]}, r"regimen= wants a function of a dose"),
        ({"regimen": lambda dose: dose, "doses": [1.0]}, r"returns a bn.Regimen; of 1 it returned"),
        ({"candidates": [bn.Regimen(1.0)], "subject": 3}, r"subject= wants one of \[7\]; found 3"),
        ({"candidates": [bn.Regimen(1.0)], "weights": [1, 2]}, r"weights= wants one number"),
        ({"candidates": [bn.Regimen(1.0)], "residual_error": True}, r"AUC is of a whole window"),
        ({"candidates": [bn.Regimen(1.0)], "tolerance": -0.1}, r"tolerance= wants a probability"),
        ({"candidates": [bn.Regimen(1.0)], "draws": 0}, r"draws= wants 1 or more; found 0"),
        ({"candidates": [bn.Regimen(1.0)], "after": np.nan}, r"after= wants a finite time"),
    ],
)
def test_faulty_arguments_are_refused(
    new: bn.Individualisation, arguments: dict[str, Any], message: str
) -> None:
    target = bn.AUC(start=0.0, end=10.0, lower=1.0)
    with pytest.raises((ValueError, TypeError), match=message):
        bn.optimise_dose(new, target, **arguments)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: bn.Trough(at=1.0), r"Trough wants lower=, upper= or both"),
        (lambda: bn.Trough(at=np.nan, lower=1.0), r"Trough: at= wants a finite number"),
        (lambda: bn.AUC(start=3.0, end=1.0, lower=1.0), r"AUC: start= must be before end="),
        (lambda: bn.Peak(start=0, end=1, lower=3.0, upper=1.0), r"lower= must be below upper="),
        (
            lambda: bn.TimeAbove(level=2.0, start=0.0, end=1.0, lower=50.0),
            r"lower= is a share of the window, from 0 to 1; found 50",
        ),
    ],
)
def test_faulty_targets_are_refused(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_samples_of_one_draw_of_the_population_are_not_independent() -> None:
    rng = np.random.default_rng(4)
    draws = np.repeat(np.arange(32), 30)
    nothing: Any = None
    own = PatientDraws(
        nothing, nothing, xr.Dataset(coords={"sample": draws}), {}, {}, 960.0, draws, True
    )
    means, stated, independent = [], [], []
    for _ in range(400):
        # Each draw of the population has a probability of its own.
        hits = (rng.random(draws.size) < rng.beta(1.0, 1.0, 32)[draws]).astype(float)
        means.append(hits.mean())
        stated.append(own.variance_of_mean(hits))
        independent.append(hits.var() / hits.size)
    assert np.mean(stated) == pytest.approx(np.var(means), rel=0.2)
    assert np.mean(independent) < 0.2 * np.var(means)
    alike = np.ones(960)
    assert own.variance_of_mean(alike) == 0.0
    assert own.variance_of_mean(alike, floor=0.01) == pytest.approx(0.01 / 960.0)


def test_of_what_is_at_steady_state_the_smaller_rate_is_the_smaller_dose() -> None:
    found = listed_candidates(
        [
            bn.Regimen(0.0, rate=50.0, steady_state=True),
            bn.Regimen(100.0, every=12.0, steady_state=True),
            bn.Regimen(150.0, every=24.0, steady_state=True),
            bn.Regimen(1000.0),
            bn.Regimen(1000.0000001),
            bn.Regimen(1000.0),
        ],
        None, None, None, 3,
    )  # fmt: skip
    np.testing.assert_allclose(found.at_steady_state, [0.0, 0.0, 0.0, 6.25, 100.0 / 12.0, 50.0])
    assert len(set(found.labels)) == 6


def test_an_unknown_output_is_refused_by_name(new: bn.Individualisation) -> None:
    with pytest.raises(ValueError, match=r"output= wants one of 'cp', 'central'; found 'ce'"):
        bn.optimise_dose(
            new, bn.Trough(at=1.0, lower=1.0, output="ce"), candidates=[bn.Regimen(1.0)]
        )


def test_a_choice_that_is_none_says_so(new: bn.Individualisation) -> None:
    def text(*targets: Any, start: float = 0.0) -> str:
        return str(
            bn.optimise_dose(
                new,
                targets,
                regimen=lambda dose: bn.Regimen(dose, start=start),
                doses=[50, 100],
            )
        )

    assert "NOTE" not in text(bn.Peak(start=0, end=24, lower=1.0))
    assert "no candidate meets 'peak from 0 to 24: at least 1000': medians are from 2.5 to 5. " in (
        text(bn.Peak(start=0, end=24, lower=1000.0))
    )
    assert "no candidate changes the trough at 12: is it before" in (
        text(bn.Trough(at=12.0, upper=4.0), start=24.0)
    )
    assert "no candidate meets all targets at once" in (
        text(bn.Peak(start=0, end=1, lower=4.0), bn.Peak(start=0, end=2, upper=3.0))
    )


def test_a_target_in_another_unit_than_the_declared_is_warned_of() -> None:
    nlme = replace(bolus_nlme(), units={"cp": "mg/L"})
    candidates = [bn.Regimen(100.0)]
    study = bn.Study.from_regimen({7: None}, times=[0.0])
    fit = replace(bolus_fit(), nlme=nlme)
    ng, mg = (bn.Peak(start=0, end=1, lower=4.0, unit=unit) for unit in ("ng/mL", "mg/L"))
    with pytest.warns(UserWarning, match=r"'peak .* ng/mL' is in ng/mL.*'cp' in mg/L. Nothing is"):
        bn.optimise_dose(fit, ng, candidates=candidates, study=study)
    area = bn.AUC(start=0, end=1, lower=4.0, unit="mg h/L")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        bn.optimise_dose(fit, [mg, area], candidates=candidates, study=study)
