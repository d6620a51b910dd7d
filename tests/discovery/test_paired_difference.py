"""What may be said of a difference between two models."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from bnode_nlme.discovery import PairedDifference, paired_difference
from bnode_nlme.discovery.paired_difference import settled_outcome, standing


def test_the_difference_its_error_and_its_bounds():
    rng = np.random.default_rng(1)
    base, gain = rng.normal(-20.0, 5.0, 12), rng.normal(0.5, 1.0, 12)
    found = paired_difference(base + gain, base)
    wanted = stats.ttest_1samp(gain, 0.0)
    interval = wanted.confidence_interval(0.8)
    assert found.difference == pytest.approx(gain.sum())
    assert found.standard_error == pytest.approx(12 * stats.sem(gain))
    np.testing.assert_allclose(found.bounds, (12 * interval.low, 12 * interval.high))


@pytest.mark.parametrize(
    ("difference", "error", "outcome"),
    [
        (10.0, 3.0, "better"),
        (10.0, 7.0, "better"),
        (10.0, 8.0, "undecided"),
        (3.0, 1.0, "undecided"),  # significant, and too small to be trusted
        (1.0, 1.0, "no better"),
        (3.0, 0.2, "undecided"),  # there, and surely too small to be worthwhile
        (1.0, 1.6, "undecided"),  # with twice the standard error it may be worthwhile
        (-1.0, 1.0, "no better"),
        (-20.0, 5.0, "no better"),
        (-1.0, 9.0, "undecided"),
    ],
)
def test_outcomes(difference, error, outcome):
    assert PairedDifference(difference, error, 30).outcome == outcome


@pytest.mark.parametrize(
    ("each", "spread", "wanted"),
    [
        (0.0, 0.1, "equivalent"),
        (0.1, 0.5, "undecided"),  # with twice the standard error it may be worthwhile
        (0.1, 0.05, "undecided"),  # there, and too small
        (-0.1, 0.05, "undecided"),
        (0.5, 0.5, "better"),
        (-0.5, 0.5, "worse"),
    ],
)
def test_how_models_stand_to_each_other(each, spread, wanted):
    gain = each + spread * np.resize([1.0, -1.0], 30)
    assert standing(gain, np.zeros(30), np.zeros(30, dtype=bool)) == wanted
    assert standing(gain, np.zeros(30), np.arange(30) > 1) == "undecided"


def test_an_outcome_that_hangs_on_doubtful_subjects_is_undecided():
    gain = np.array([20.0, 18.0, 22.0, 0.1, 0.0, 0.1, 0.0, 0.1])
    assert settled_outcome(gain, np.zeros(8), np.zeros(8, dtype=bool)) == "better"
    assert settled_outcome(gain, np.zeros(8), gain > 1.0) == "undecided"
    assert settled_outcome(gain, np.zeros(8), np.arange(8) > 5) == "better"
    assert settled_outcome(gain, np.zeros(8), np.arange(8) > 1) == "undecided"


def test_a_difference_must_be_worthwhile_whatever_its_error():
    assert PairedDifference(3.9, 0.01, 30).outcome == "undecided"
    assert PairedDifference(3.9, 0.01, 30, worthwhile=2.0).outcome == "better"


@pytest.mark.parametrize(("difference", "error"), [(6.0, 5.0), (2.0, 2.5), (-1.0, 6.0)])
def test_subjects_that_would_decide(difference, error):
    now = PairedDifference(difference, error, 20)
    n = now.deciding_subjects
    assert n is not None
    assert n > 20

    def with_subjects(m):
        return PairedDifference(difference * m / 20, error * np.sqrt(m / 20), m).outcome

    wanted = "better" if difference > 0 else "no better"
    assert with_subjects(n) == wanted
    assert with_subjects(n - 1) != wanted


def test_no_study_decides_between_equals():
    assert PairedDifference(1e-6, 5.0, 20).deciding_subjects is None


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        (np.zeros(2), np.zeros(2), "three subjects or more; found shapes"),
        (np.zeros(5), np.zeros(4), r"found shapes \(5,\) and \(4,\)"),
        (np.array([0.0, 1.0, -np.inf]), np.zeros(3), "subject number 2"),
    ],
)
def test_what_cannot_be_compared(first, second, message):
    with pytest.raises(ValueError, match=message):
        paired_difference(first, second)


def _left_out(x, y, prior):
    """Exact log predictive densities of left-out rows of a conjugate linear model."""
    gram, pull = x.T @ x + np.diag(prior**-2.0), x.T @ y
    own = gram - x[:, :, None] * x[:, None, :]
    force = pull - x * y[:, None]
    solved = np.linalg.solve(own, np.stack([force, x], axis=-1))
    mean, spread = solved[..., 0], (x * solved[..., 1]).sum(axis=1)
    # An inverse gamma prior of the variance, with shape 2 and rate 1.
    shape = 2.0 + 0.5 * (y.size - 1)
    rate = 1.0 + 0.5 * (y @ y - y**2 - (mean * force).sum(axis=1))
    scale = np.sqrt(rate / shape * (1.0 + spread))
    return stats.t.logpdf(y, 2.0 * shape, (x * mean).sum(axis=1), scale)


def differences(subjects, extra, effect, tails, replicates, seed):
    """Of nested linear models with exact left-out densities, one for each data set."""
    rng = np.random.default_rng([3, seed])
    found = []
    for _ in range(replicates):
        x = np.column_stack([np.ones(subjects), rng.normal(size=(subjects, 1 + extra))])
        noise = rng.standard_t(3, subjects) / np.sqrt(3.0) if tails else rng.normal(size=subjects)
        y = 1.0 + 0.5 * x[:, 1] + effect * x[:, 2] + noise
        prior = np.array([10.0, 1.0, *np.full(extra, 0.5)])
        found.append(paired_difference(_left_out(x, y, prior), _left_out(x[:, :2], y, prior[:2])))
    return found


def error_rates(*given, **options):
    """Shares of "better", of "no better" and of a lower bound above 0."""
    outcomes = [
        (own.outcome == "better", own.outcome == "no better", own.bounds[0] > 0.0)
        for own in differences(*given, **options)
    ]
    return np.mean(outcomes, axis=0)


def test_exact_left_out_densities():
    rng = np.random.default_rng(8)
    x, y, prior = rng.normal(size=(6, 2)), rng.normal(size=6), np.array([1.0, 0.5])
    kept = np.arange(6) != 2
    spread = x @ np.diag(prior**2) @ x.T + np.eye(6)
    # Student's t of all six over that of the other five.
    whole = stats.multivariate_t.logpdf(y, np.zeros(6), 0.5 * spread, 4)
    others = stats.multivariate_t.logpdf(y[kept], np.zeros(5), 0.5 * spread[np.ix_(kept, kept)], 4)
    assert _left_out(x, y, prior)[2] == pytest.approx(whole - others)


def test_few_false_discoveries_where_models_are_nearly_the_same():
    better, _, bound = error_rates(8, 1, 0.0, False, 300, seed=1)
    assert better <= 0.03
    # The control: significance alone, without a worthwhile difference, is too often wrong.
    assert bound > better


@pytest.mark.slow
@pytest.mark.parametrize("tails", [False, True])
@pytest.mark.parametrize("extra", [1, 4, 8])
@pytest.mark.parametrize("subjects", [8, 12, 30, 60])
def test_error_rates(subjects, extra, tails):
    better, _, _ = error_rates(subjects, extra, 0.0, tails, 1000, seed=subjects + extra)
    assert better <= 0.05


def just_worthwhile(subjects, extra, tails):
    """The effect whose difference is 4 on average over data sets."""
    low, high = 0.0, 4.0
    for _ in range(11):
        middle = 0.5 * (low + high)
        found = differences(subjects, extra, middle, tails, 300, seed=1)
        if np.mean([own.difference for own in found]) > 4.0:
            high = middle
        else:
            low = middle
    return high


@pytest.mark.slow
@pytest.mark.parametrize("tails", [False, True])
@pytest.mark.parametrize("extra", [1, 4])
@pytest.mark.parametrize("subjects", [8, 12, 30])
def test_absence_is_seldom_said_of_a_worthwhile_difference(subjects, extra, tails):
    effect = just_worthwhile(subjects, extra, tails)
    found = differences(subjects, extra, effect, tails, 1000, seed=2)
    # 0.12, and three standard errors of a share of 1000.
    assert np.mean([own.outcome == "no better" for own in found]) <= 0.15
    # The control: upper bounds as they are lie below what is true in more than the nominal tenth.
    assert np.mean([own.bounds[1] < own.worthwhile for own in found]) > 0.12
    equal = differences(subjects, extra, 0.0, tails, 300, seed=3)
    assert np.mean([own.outcome == "no better" for own in equal]) >= 0.5


@pytest.mark.slow
@pytest.mark.parametrize("subjects", [30, 60])
def test_power(subjects):
    # An effect of seven of its standard errors, beside three parameters that are superfluous.
    better, no_better, _ = error_rates(
        subjects, 4, 7.0 / np.sqrt(subjects), False, 400, seed=subjects
    )
    assert better >= 0.8
    assert no_better <= 0.05
