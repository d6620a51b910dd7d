"""The parts of a calibration, without fitting anything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bnode_nlme as bn
from bnode_nlme.diagnostics.calibration.design import calibration_design
from bnode_nlme.diagnostics.calibration.outcome import Outcome, OutcomeFile
from bnode_nlme.diagnostics.calibration.quantities import _distinct
from bnode_nlme.diagnostics.calibration.replaceable import data_of
from bnode_nlme.diagnostics.calibration.sbc_result import SBCResult, result_of
from tests.diagnostics.calibrated import decay, few_subjects

LARGEST = 63


def result(fractions: np.ndarray, effective: float = 200.0) -> SBCResult:
    """A calibration in which the true value has these probabilities under the posterior."""
    outcomes = [
        Outcome(
            replicate,
            replicate,
            truth=(0.0,),
            ranks=(int(fraction * (LARGEST + 1)),),
            effective=(effective,),
            draws=300,
        )
        for replicate, fraction in enumerate(fractions)
    ]
    return result_of(outcomes, ["CL"], LARGEST)


def normal_posteriors(narrower: float = 1.0, lower: float = 0.0) -> np.ndarray:
    """Probabilities of truths that lie as if posteriors were wrong by these."""
    from scipy import stats

    z = np.random.default_rng(3).normal(size=400)
    return np.asarray(stats.norm.cdf(narrower * z + lower))


def test_the_verdict_says_what_is_wrong() -> None:
    assert result(normal_posteriors()).verdict == "calibrated"
    cases = {
        "is too narrow": normal_posteriors(narrower=1.4),
        "is too wide": normal_posteriors(narrower=0.7),
        "lies too low": normal_posteriors(lower=0.4),
        "lies too high": normal_posteriors(lower=-0.4),
    }
    for words, fractions in cases.items():
        found = result(fractions)
        assert found.verdict == "not calibrated"
        assert f"the posterior {words}" in str(found)


def test_nothing_is_said_where_draws_are_too_dependent_or_replicates_fail() -> None:
    assert result(normal_posteriors(), effective=20.0).verdict == "undecided"
    good = [
        Outcome(k, k, ranks=(int(64 * u),), truth=(0.0,), effective=(99.0,))
        for k, u in enumerate(normal_posteriors())
    ]
    lost = [Outcome(400 + k, k, failure="StartError: none") for k in range(40)]
    found = result_of(good + lost, ["CL"], LARGEST)
    assert found.verdict == "undecided"
    assert "40 replicates failed" in str(found)
    with pytest.raises(RuntimeError, match=r"all of 40 replicates failed.*\n.*none"):
        result_of(lost, ["CL"], LARGEST)


def test_what_lies_below_the_limit_is_censored() -> None:
    places = dict.fromkeys(("cp_values", "cp_lower", "cp_upper", "pca_values"))
    measured = {"cp": np.array([-1.0, 0.4, 0.5, 3.0]), "pca": np.array([0.1])}
    data = data_of(measured, {"cp": 0.5}, places)
    np.testing.assert_array_equal(data["cp_values"], [0.5, 0.5, 0.5, 3.0])
    np.testing.assert_array_equal(data["cp_lower"], [-np.inf, -np.inf, np.nan, np.nan])
    np.testing.assert_array_equal(data["cp_upper"], [0.5, 0.5, np.nan, np.nan])
    np.testing.assert_array_equal(data["pca_values"], [0.1])
    assert set(data) == set(places)


def test_a_design_measures_where_the_study_did() -> None:
    virtual = few_subjects()
    made = calibration_design(decay(), virtual, None)
    assert not np.isnan(made.study.records.value[made.study.observations]).any()
    # Where the study has measurements, only those; and their values stay, for default priors.
    values = np.arange(1.0, 21.0)
    values[[2, 9]] = np.nan
    real = virtual.with_values(values)
    made = calibration_design(decay(bn.Additive()), real, None)
    np.testing.assert_array_equal(made.study.records.value, real.records.value)
    assert made.limits == {}


def test_the_limit_of_quantification_is_that_of_the_designs_censored_rows() -> None:
    values, censoring = np.full(20, 0.8), np.zeros(20, dtype=int)
    values[[3, 7]], censoring[[3, 7]] = 0.1, 1
    real = few_subjects().with_values(values, censoring=censoring)
    error = bn.Additive(0.05, blq="M3")
    assert calibration_design(decay(error), real, None).limits == {"amount": 0.1}
    made = calibration_design(decay(error), few_subjects(), {"amount": 0.2})
    assert made.limits == {"amount": 0.2}
    assert made.study.records.censoring.sum() == 1  # for the model to have its censored likelihood


def two_limits() -> bn.Study:
    values = np.full(20, 0.8)
    values[:2] = 0.1, 0.2
    return few_subjects().with_values(values, censoring=[1, 1] + 18 * [0])


@pytest.mark.parametrize(
    ("nlme", "study", "lloq", "match"),
    [
        (decay(), few_subjects(), 0.1, "blq=None. Calibration wants 'M3' or 'M4'"),
        (decay(bn.Additive(0.1, blq="M1")), few_subjects(), 0.1, "'M1'.*is biased"),
        (decay(bn.Additive(0.1, blq="M3")), two_limits(), None, "not all left-censored at one"),
        (decay(bn.Additive(0.1, blq="M3")), few_subjects(), np.inf, "finite number; found inf"),
        (decay(), few_subjects(), {"cp": 0.1}, r"names \['cp'\]; the measured .*\['amount'\]"),
        (decay(bn.Additive()), few_subjects(), None, r"prior of sigma.*Additive\(sigma=bn.Half"),
    ],
)
def test_designs_that_cannot_be_simulated_are_refused(
    nlme: bn.NLME, study: bn.Study, lloq: Any, match: str
) -> None:
    with pytest.raises(ValueError, match=match):
        calibration_design(nlme, study, lloq)


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"replicates": 19}, "replicates= wants 20 or more; found 19"),
        ({"draws": 30}, "draws= wants 31 or more, which is ranked="),
        ({"cores": 0}, "cores= wants 1 or more"),
        ({"method": "laplace"}, "method= wants one of 'nuts', 'pathfinder', 'advi'"),
        ({"family": "full-rank"}, "method='nuts' has no option 'family'; its options are"),
        ({"chains": 4}, "no option 'chains'"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(changes: dict[str, Any], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        bn.sbc(decay(), few_subjects(), **changes)


def test_a_study_in_the_place_of_a_model_is_refused() -> None:
    with pytest.raises(ValueError, match="found Study and NLME"):
        bn.sbc(few_subjects(), decay())  # type: ignore[arg-type]


def test_what_orders_draws_alike_is_ranked_once() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 30))
    columns = np.stack([np.exp(a), a, np.ones(30), b, -b, np.exp(a)], axis=1)
    assert _distinct(columns).tolist() == [0, 3, 4]


def test_outcomes_come_back_from_the_file(tmp_path: Path) -> None:
    path = tmp_path / "replicates.jsonl"
    asked = {"seed": 1, "quantities": ("CL", "V")}
    file = OutcomeFile(path, asked)
    outcomes = [
        Outcome(4, 99, truth=(0.1, -2.5), ranks=(3, 60), effective=(80.5, 99.0), draws=300),
        Outcome(2, 98, failure="StartError: none\nat all"),
    ]
    for outcome in outcomes:
        file.add(outcome)
    again = OutcomeFile(path, asked)
    assert again.outcomes == {4: outcomes[0], 2: outcomes[1]}
