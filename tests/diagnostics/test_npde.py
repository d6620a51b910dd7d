"""NPDE against loops and against theory, with controls that must be rejected."""

from __future__ import annotations

import math
import statistics

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from bnode_nlme.diagnostics import npde, npde_tests
from tests.diagnostics.population import TIMES, oral_dose, straight_line


def _subjects(count: int) -> NDArray[np.int64]:
    return np.repeat(np.arange(count), TIMES.size)


def _whitened_by_loops(measured: list[float], replicates: list[list[float]]) -> list[list[float]]:
    """Cholesky and forward substitution in plain Python: the measured row first."""
    n, k = len(measured), len(replicates)
    mean = [math.fsum(row[j] for row in replicates) / k for j in range(n)]
    cov = [
        [
            math.fsum((row[i] - mean[i]) * (row[j] - mean[j]) for row in replicates) / (k - 1)
            for j in range(n)
        ]
        for i in range(n)
    ]
    low = [[0.0] * n for _ in range(n)]
    for i in range(n):
        for j in range(i + 1):
            rest = cov[i][j] - sum(low[i][m] * low[j][m] for m in range(j))
            low[i][j] = math.sqrt(rest) if i == j else rest / low[j][j]
    result = []
    for row in [measured, *replicates]:
        solved: list[float] = []
        for i in range(n):
            solved.append(
                (row[i] - mean[i] - sum(low[i][m] * solved[m] for m in range(i))) / low[i][i]
            )
        result.append(solved)
    return result


def test_values_are_those_of_plain_loops() -> None:
    rng = np.random.default_rng(11)
    subject = _subjects(4)
    order = rng.permutation(subject.size)  # rows of a subject need not stand together
    measured, simulated = oral_dose(rng, (4,))[order], oral_dose(rng, (200, 4))[:, order]
    subject = subject[order]
    measured[5] = np.nan
    result = npde(measured, simulated, subject)
    for one in range(4):
        rows = [row for row in range(28) if subject[row] == one and row != 5]
        replicates = [[float(simulated[k, row]) for row in rows] for k in range(200)]
        white = _whitened_by_loops([float(measured[row]) for row in rows], replicates)
        for position, row in enumerate(rows):
            below = sum(white[k + 1][position] < white[0][position] for k in range(200))
            raw = sum(simulated[k, row] < measured[row] for k in range(200))
            assert math.isclose(float(result.residual[row]), white[0][position], rel_tol=1e-9)
            assert below / 201 <= float(result["pde"][row]) <= (below + 1) / 201
            assert raw / 201 <= float(result["pd"][row]) <= (raw + 1) / 201
            normal = statistics.NormalDist().inv_cdf(float(result["pde"][row]))
            assert math.isclose(float(result["npde"][row]), normal, abs_tol=1e-12)
            assert math.isclose(float(result.expected[row]), float(simulated[:, row].mean()))
    assert all(np.isnan(float(result[name][5])) for name in ("pd", "npd", "pde", "npde"))


def test_a_true_linear_model_is_rejected_as_often_as_the_level_says() -> None:
    rng = np.random.default_rng(0)
    subject = _subjects(25)
    p_values = np.array(
        [
            npde_tests(
                npde(straight_line(rng, (25,)), straight_line(rng, (500, 25)), subject).npde
            ).p_value
            for _ in range(200)
        ]
    )
    rejected = (p_values < 0.05).mean(axis=0)
    assert 0.02 <= rejected[3] <= 0.08
    assert (rejected[:3] <= 0.09).all()


def test_a_true_nonlinear_model_is_rejected_as_often_as_the_level_says() -> None:
    rng = np.random.default_rng(0)
    subject = _subjects(25)
    p_values = []
    for _ in range(200):
        result = npde(oral_dose(rng, (25,)), oral_dose(rng, (400, 25)), subject, calibrate=119)
        p_values.append(npde_tests(result.npde, result.simulated).calibrated)
    # 6 of 120 ranks are 5 %; of 200 data sets, 4 to 16 are rejected with a probability of 95 %.
    rejected = (np.array(p_values) <= 0.05).mean(axis=0)
    assert ((rejected >= 0.02) & (rejected <= 0.08)).all(), rejected


def with_failures(
    rng: np.random.Generator, simulated: NDArray[np.float64], share: float
) -> NDArray[np.float64]:
    """Replicates (K, N) in which solves of single subjects failed, scattered."""
    broken = simulated.reshape(len(simulated), -1, TIMES.size).copy()
    broken[rng.random(broken.shape[:2]) < share] = np.nan
    return broken.reshape(simulated.shape)


@pytest.mark.filterwarnings("ignore:npde. of [0-9]+ of 250 replicates values are missing")
def test_with_a_limit_and_failures_a_true_model_is_rejected_as_often_as_the_level_says() -> None:
    rng = np.random.default_rng(12)
    subject = _subjects(8)
    p_values = []
    for _ in range(100):
        measured = oral_dose(rng, (8,))
        below = measured < 0.8
        simulated = with_failures(rng, oral_dose(rng, (250, 8)), 0.25)
        result = npde(
            np.where(below, 0.8, measured),
            simulated,
            subject,
            censoring=below.astype(int),
            lloq=0.8,
            calibrate=119,
        )
        assert np.isnan(result.simulated).any(axis=1).mean() > 0.75
        tests = npde_tests(result.npde, result.simulated)
        assert int(tests.calibrated_from) > 100
        p_values.append(tests.calibrated)
    rejected = (np.array(p_values) <= 0.05).sum(axis=0)
    low, high = (stats.binom.ppf(q, 100, 0.05) for q in (0.005, 0.995))
    assert ((rejected >= low) & (rejected <= high)).all(), rejected


@pytest.mark.filterwarnings("ignore:npde. of [0-9]+ of 1000 replicates values are missing")
def test_scattered_failures_leave_a_wrong_model_rejected() -> None:
    rng = np.random.default_rng(13)
    measured = oral_dose(rng, (40,))
    simulated = with_failures(rng, oral_dose(rng, (1000, 40), sigma=0.05, floor=0.02), 0.1)
    result = npde(measured, simulated, _subjects(40), calibrate=199)
    assert np.isnan(result.simulated).any(axis=1).mean() > 0.95
    tests = npde_tests(result.npde, result.simulated)
    assert int(tests.calibrated_from) == 199
    assert float(tests.calibrated.sel(test="global")) < 0.01


def test_too_few_replicates_have_no_calibrated_p_value() -> None:
    rng = np.random.default_rng(14)
    values, null = rng.normal(size=30), rng.normal(size=(150, 30))
    null[:135, 10:] = np.nan  # a third of the values are left
    with pytest.warns(UserWarning, match="15 of 150 replicates .* no calibrated p-values"):
        tests = npde_tests(values, null)
    assert np.isnan(tests.calibrated).all()
    assert int(tests.calibrated_from) == 15
    null[:60, :15] = 0.3
    null[:60, :15] += rng.normal(size=(60, 15))
    with pytest.warns(UserWarning, match="75 of 150 replicates .* are coarse"):
        assert np.isfinite(npde_tests(values, null).calibrated).all()


def test_residuals_of_a_true_nonlinear_model_are_uncorrelated_and_npd_are_not() -> None:
    rng = np.random.default_rng(1)
    # One large data set whose subjects share a design: 800 rows of seven values.
    simulated = np.tile(oral_dose(rng, (4000, 1)), 800)
    result = npde(oral_dose(rng, (800,)), simulated[:1000], _subjects(800))
    after = np.corrcoef(result.residual.to_numpy().reshape(800, -1).T)[np.triu_indices(7, 1)]
    before = np.corrcoef(result.npd.to_numpy().reshape(800, -1).T)[np.triu_indices(7, 1)]
    assert np.abs(after).max() < 0.15
    assert np.abs(before).max() > 0.5


@pytest.mark.parametrize(
    ("wrong", "test"),
    [({"omega": 0.6}, "variance"), ({"sigma": 0.05, "floor": 0.02}, "variance")],
)
def test_a_wrong_variance_is_rejected(wrong: dict[str, float], test: str) -> None:
    rng = np.random.default_rng(2)
    subject = _subjects(40)
    result = npde(oral_dose(rng, (40,)), oral_dose(rng, (500, 40), **wrong), subject, calibrate=199)
    tests = npde_tests(result.npde, result.simulated)
    assert float(tests.p_value.sel(test=test)) < 1e-3
    assert float(tests.p_value.sel(test="global")) < 1e-3
    assert float(tests.calibrated.sel(test="global")) < 0.01


def test_values_below_the_limit_of_the_true_model_pass_and_taken_as_measured_fail() -> None:
    rng = np.random.default_rng(3)
    subject = _subjects(60)
    measured, simulated = oral_dose(rng, (60,)), oral_dose(rng, (1000, 60))
    limit = 1.0
    below = measured < limit
    assert 0.2 < below.mean() < 0.6
    reported = np.where(below, limit, measured)
    told = npde(reported, simulated, subject, censoring=below.astype(int), lloq=limit)
    assert float(npde_tests(told.npde).p_value.sel(test="global")) > 0.05
    share = (simulated < limit).mean(axis=0)
    assert (told["pd"].to_numpy()[below] <= share[below] + 0.002).all()
    untold = npde(reported, simulated, subject)
    assert float(npde_tests(untold.npde).p_value.sel(test="global")) < 1e-6


def test_values_above_the_limit_lie_above() -> None:
    rng = np.random.default_rng(4)
    measured, simulated = straight_line(rng, (50,)), straight_line(rng, (800, 50))
    above = measured > 6.0
    result = npde(
        np.where(above, 6.0, measured),
        simulated,
        _subjects(50),
        censoring=-above.astype(int),
        uloq=6.0,
    )
    share = (simulated < 6.0).mean(axis=0)
    assert (result["pd"].to_numpy()[above] >= share[above] - 0.002).all()
    assert float(npde_tests(result.npde).p_value.sel(test="global")) > 0.05


def test_counts_have_uniform_discrepancies() -> None:
    rng = np.random.default_rng(5)
    result = npde(rng.poisson(2.0, 1500), rng.poisson(2.0, (300, 1500)), np.arange(1500))
    shares = np.histogram(result["pd"], bins=10, range=(0.0, 1.0))[0] / 1500
    np.testing.assert_allclose(shares, 0.1, atol=0.03)


def test_failed_replicates_count_for_their_subject_alone() -> None:
    rng = np.random.default_rng(6)
    measured, simulated = oral_dose(rng, (3,)), oral_dose(rng, (300, 3))
    broken = simulated.copy()
    broken[:20, 7:14] = np.nan
    whole = npde(measured, simulated, _subjects(3))
    with pytest.warns(UserWarning, match=r"20 of 300 replicates .* of the subjects 1 \(20\) is"):
        part = npde(measured, broken, _subjects(3))
    fewer = npde(measured, simulated[20:], _subjects(3))
    np.testing.assert_allclose(part.residual[:7], whole.residual[:7])
    np.testing.assert_allclose(part.residual[7:14], fewer.residual[7:14])


def test_records_without_variance_are_named_and_left_out() -> None:
    rng = np.random.default_rng(7)
    measured, simulated = oral_dose(rng, (3,)), oral_dose(rng, (300, 3))
    measured[0] = simulated[:, 0] = 0.0
    with pytest.warns(UserWarning, match="In 1 of 21 measured records every replicate"):
        result = npde(measured, simulated, _subjects(3))
    assert np.isnan(float(result.npde[0]))
    assert np.isfinite(float(result.npd[0]))
    assert np.isfinite(result.npde[1:]).all()


def test_replicates_that_repeat_a_record_are_refused() -> None:
    rng = np.random.default_rng(8)
    measured, simulated = oral_dose(rng, (1,)), oral_dose(rng, (300, 1))
    simulated[:, 3] = 2.0 * simulated[:, 2]
    with pytest.raises(ValueError, match="of subject 0 have no positive definite covariance"):
        npde(measured, simulated, _subjects(1))
    with pytest.raises(ValueError, match="The 7 replicates of the 7 measurements of subject 0"):
        npde(measured, oral_dose(rng, (7, 1)), _subjects(1))


def test_what_is_given_wrongly_is_named() -> None:
    measured, simulated, subject = np.zeros(3), np.zeros((5, 3)), np.zeros(3)
    with pytest.raises(ValueError, match=r"found \(3,\) and \(3, 5\)"):
        npde(measured, simulated.T, subject)
    with pytest.raises(ValueError, match=r"a subject for each of the 3 .* shape \(2,\)"):
        npde(measured, simulated, subject[:2])
    with pytest.raises(ValueError, match=r"records \[1\] .* Give `lloq`"):
        npde(measured, simulated, subject, censoring=[0, 1, 0])
    with pytest.raises(ValueError, match=r"with the values \[0, 2\]"):
        npde(measured, simulated, subject, censoring=[0, 2, 0])
    with pytest.raises(ValueError, match="found infinite ones"):
        npde([0.0, np.inf, 0.0], simulated, subject)
    with pytest.raises(ValueError, match=r"Wanted `lloq` as one number .* shape \(2,\)"):
        npde(measured, simulated, subject, lloq=[1.0, 2.0])
    with pytest.raises(ValueError, match="at least 3 values to test; found 2"):
        npde_tests([0.1, np.nan, 0.3])
    with pytest.raises(ValueError, match=r"shape \(R, 4\); found \(2, 3\)"):
        npde_tests([0.1, -0.2, 0.4, 0.3], np.zeros((2, 3)))


def test_many_values_are_tested_without_shapiro() -> None:
    rng = np.random.default_rng(9)
    assert float(npde_tests(rng.normal(size=8000)).p_value.sel(test="normality")) > 0.05
    heavy = rng.standard_t(4, size=8000) / np.sqrt(2.0)
    tests = npde_tests(heavy)
    assert float(tests.p_value.sel(test="normality")) < 1e-6
    assert float(tests.kurtosis) > 0.5
