"""Several models of one patient: weighed by what its levels say of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

import bnode_nlme as bn
from bnode_nlme.discovery.dosing import model_weights as module
from bnode_nlme.discovery.dosing.model_weights import model_weights
from bnode_nlme.discovery.dosing.patient_draws import patient_draws
from bnode_nlme.inference import Fit
from tests.discovery.patients import V, bolus_fit, patient
from tests.discovery.reliability import reliability
from tests.results.linear_model import line_study
from tests.results.made_fits import made_fit

LEVELS = {1.0: 12.6, 2.0: 13.4, 3.0: 11.1}
ERROR, SPREAD = 1.5, 1.0

baseline = bn.System(
    states=("level",),
    parameters=("base",),
    rhs=lambda t, y, p, nn, c: {"level": 0.0 * y.level},
    initial={"level": lambda p, c: p.base},
    outputs={"y": lambda t, y, p, nn, c: y.level},
)


def baseline_fit(typical: float) -> Fit:
    """A known population, base ~ N(typical, SPREAD²), measured with a normal error: conjugate."""
    shape = (2, 50)
    nlme = bn.NLME(
        baseline,
        {"base": bn.Individual(bn.Normal(10.0, 3.0), distribution="normal")},
        error=bn.Additive(ERROR),
    )
    population: dict[str, Any] = {
        "base_pop": ((), np.full(shape, typical)),
        "omega": (("effect",), np.full((*shape, 1), SPREAD)),
    }
    eta = SPREAD * np.random.default_rng(3).standard_normal((*shape, 1, 1))
    return made_fit(nlme, line_study({1: LEVELS}), population, eta=eta)


def evidence(typical: float) -> float:
    y = np.array(list(LEVELS.values()))
    covariance = ERROR**2 * np.eye(y.size) + SPREAD**2
    return float(stats.multivariate_normal.logpdf(y, np.full(y.size, typical), covariance))


def posterior(typical: float) -> Any:
    y = np.array(list(LEVELS.values()))
    precision = 1.0 / SPREAD**2 + y.size / ERROR**2
    return stats.norm((typical / SPREAD**2 + y.sum() / ERROR**2) / precision, precision**-0.5)


TYPICAL = (10.0, 13.0)
BEFORE = np.array([0.7, 0.3])
TARGET = bn.Response(at=10.0, lower=17.0, upper=18.5)
CANDIDATES = {"5": bn.Regimen(5.0, start=5.0), "7": bn.Regimen(7.0, start=5.0)}


@pytest.fixture(scope="module")
def fits() -> tuple[Fit, ...]:
    return tuple(baseline_fit(typical) for typical in TYPICAL)


def test_weights_are_those_of_bayes_rule_and_so_is_the_mixture(fits: tuple[Fit, ...]) -> None:
    study = line_study({9: LEVELS})
    known = [bn.individualise(fit, study, samples=1500, seed=1) for fit in fits]
    exact = BEFORE * np.exp([evidence(typical) for typical in TYPICAL])
    exact /= exact.sum()
    choice = bn.optimise_dose(known, TARGET, candidates=CANDIDATES, weights=BEFORE)
    np.testing.assert_allclose(choice.data["weight_before"], BEFORE)
    np.testing.assert_allclose(
        choice.data["log_evidence"], [evidence(typical) for typical in TYPICAL], atol=0.02
    )
    np.testing.assert_allclose(choice.data["weight"], exact, atol=0.01)
    assert abs(exact[0] - BEFORE[0]) > 0.2, "control: the levels do change the weights"
    for place, dose in enumerate((5.0, 7.0)):
        of_models = [
            np.diff(posterior(typical).cdf([17.0 - dose, 18.5 - dose])).item()
            for typical in TYPICAL
        ]
        assert choice.data["probability"][place] == pytest.approx(
            exact @ of_models, abs=4.0 * float(choice.data["error"][place])
        )
    text = str(choice)
    assert f"models       model 1 {float(choice.data['weight'][0]):.2f}" in text
    assert "before its levels: model 1 0.70, model 2 0.30" in text
    fitted_here = bn.optimise_dose(
        fits, TARGET, candidates=CANDIDATES, weights=BEFORE, study=study, draws=1500, seed=2
    )
    np.testing.assert_allclose(fitted_here.data["weight"], exact, atol=0.01)


def test_a_subject_of_the_fits_and_one_without_levels_leave_the_weights_alone(
    fits: tuple[Fit, ...],
) -> None:
    options: Any = {"candidates": CANDIDATES, "weights": BEFORE}
    own = bn.optimise_dose(fits, TARGET, subject=1, **options)
    bare = line_study({9: {}})
    none = bn.optimise_dose(fits, TARGET, study=bare, draws=50, **options)
    for choice in (own, none):
        np.testing.assert_allclose(choice.data["weight"], BEFORE)
        assert "before its levels" not in str(choice)


def test_evidence_of_different_levels_is_not_compared(fits: tuple[Fit, ...]) -> None:
    first = bn.individualise(fits[0], line_study({9: LEVELS}), samples=50)
    second = bn.individualise(fits[1], line_study({9: {1.0: 12.6}}), samples=50)
    options: Any = {"candidates": CANDIDATES, "weights": BEFORE}
    with pytest.raises(ValueError, match="models 1 and 2 know different levels of the patient"):
        bn.optimise_dose([first, second], TARGET, **options)
    with pytest.raises(ValueError, match="one model knows the patient as a subject of its fit"):
        bn.optimise_dose([first, fits[1]], TARGET, subject=None, **options)


def test_a_density_that_cannot_be_trusted_is_told(
    fits: tuple[Fit, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    study = line_study({9: LEVELS})
    known = [patient_draws(bn.individualise(fit, study, samples=50), None, None, None, 0) for fit in fits]  # fmt: skip
    monkeypatch.setattr(module, "RELIABLE", -10.0)
    with pytest.warns(UserWarning, match=r"cannot be trusted: model 1 \(k .*\), model 2 \(k "):
        model_weights(BEFORE, known)


@pytest.mark.slow
def test_with_two_models_stated_probabilities_are_calibrated() -> None:
    """Each patient is of one of two populations; one imprecise level tells of which."""
    typical, omega, sigma = np.array([4.0, 2.0]), 0.25, 0.25
    before = np.array([0.5, 0.5])
    fits = [bolus_fit(value, omega, sigma) for value in typical]
    target = bn.AUC(start=0.0, end=2000.0, lower=20.0, upper=36.0)
    doses = np.arange(30.0, 181.0, 10.0)
    rng = np.random.default_rng(17)
    stated, met, unmoved = [], [], []
    for number in range(200):
        CL = rng.choice(typical, p=before) * np.exp(omega * rng.standard_normal())
        level = 100.0 / V * np.exp(-6.0 * CL / V) * (1.0 + sigma * rng.standard_normal())
        study = patient({6.0: max(level, 0.05)})
        known = [bn.individualise(fit, study, samples=400, draws=50, seed=number) for fit in fits]
        choice = bn.optimise_dose(
            known, target, regimen=lambda dose: bn.Regimen(dose, start=0.0), doses=doses,
            after=0.0, weights=before,
        )  # fmt: skip
        stated.append(choice.probability)
        met.append(20.0 <= choice.dose / CL <= 36.0)
        by_model = choice.data["probability_of_model"].to_numpy()
        unmoved.append(before @ by_model[:, choice.chosen])
    honest = reliability(np.array(stated), np.array(met))
    fixed = reliability(np.array(unmoved), np.array(met))
    print(honest, fixed, sep="\n")  # noqa: T201  the figures of the closing note
    assert abs(honest.z) < 3.0
    assert honest.worst_bin_z < 3.5
    assert abs(fixed.z) > 5.0, "control: weights that do not know the levels are not calibrated"
    assert fixed.brier > honest.brier
