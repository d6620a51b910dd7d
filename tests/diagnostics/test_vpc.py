"""Visual predictive checks against loops, with the cases that go wrong elsewhere."""

from __future__ import annotations

import math
import time as clock

import numpy as np
import pytest
from numpy.typing import NDArray

from bnode_nlme.diagnostics import vpc
from bnode_nlme.diagnostics.vpc import _in_order
from bnode_nlme.plots import plot_vpc
from tests.diagnostics.population import TIMES, oral_dose

PERCENTILES = (10.0, 50.0, 90.0)


def _percentile(values: list[float], percent: float) -> float:
    """Linear between order statistics; infinite as soon as one of the two is."""
    ordered = sorted(values)
    position = (len(ordered) - 1) * percent / 100.0
    low = math.floor(position)
    if position == low:
        return ordered[low]
    if math.isinf(ordered[low]):
        return ordered[low]
    if math.isinf(ordered[low + 1]):
        return ordered[low + 1]
    return ordered[low] + (position - low) * (ordered[low + 1] - ordered[low])


def _expected(
    groups: list[list[int]], measured: list[float], replicates: list[list[float]], mass: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    observed, simulated = [], []
    for rows in groups:
        observed.append([_percentile([measured[r] for r in rows], p) for p in PERCENTILES])
        own = []
        for p in PERCENTILES:
            over = [_percentile([row[r] for r in rows], p) for row in replicates]
            own.append([_percentile(over, 100 * q) for q in (0.5 - mass / 2, 0.5, 0.5 + mass / 2)])
        simulated.append(own)
    numbers = np.array(observed), np.array(simulated)
    return tuple(np.where(np.isfinite(n), n, np.nan) for n in numbers)  # type: ignore[return-value]


def _data(subjects: int = 20, replicates: int = 60) -> tuple[NDArray[np.float64], ...]:
    rng = np.random.default_rng(1)
    return (
        np.tile(TIMES, subjects),
        oral_dose(rng, (subjects,)),
        oral_dose(rng, (replicates, subjects)),
    )


def test_percentiles_are_those_of_plain_loops() -> None:
    time, measured, simulated = _data()
    measured[4] = np.nan
    result = vpc(time, measured, simulated, percentiles=PERCENTILES, mass=0.9)
    groups = [[r for r in range(time.size) if time[r] == t and r != 4] for t in TIMES]
    observed, bands = _expected(groups, measured.tolist(), simulated.tolist(), 0.9)
    np.testing.assert_allclose(result.observed[0], observed, rtol=1e-12)
    np.testing.assert_allclose(result.simulated[0], bands, rtol=1e-12)
    np.testing.assert_array_equal(result.time[0], TIMES)
    assert result["count"].to_numpy().tolist() == [[20, 20, 20, 20, 19, 20, 20]]
    assert 4 not in result.row


def test_strata_are_checks_of_their_own() -> None:
    time, measured, simulated = _data()
    sex = np.repeat(np.array(["women", "men"]), [56, 84])
    both = vpc(time, measured, simulated, strata=sex, binning="quantile", bins=4)
    for name in ("men", "women"):
        rows = np.flatnonzero(sex == name)
        own = vpc(time[rows], measured[rows], simulated[:, rows], binning="quantile", bins=4)
        for variable in ("time", "left", "right", "observed", "simulated"):
            np.testing.assert_array_equal(both[variable].sel(stratum=name), own[variable][0])


def test_a_stratum_with_fewer_bins_is_padded() -> None:
    time, measured, simulated = _data()
    label = np.where(np.arange(time.size) < 70, "rich", "sparse")
    time = np.where(label == "sparse", np.where(time < 3, 1.0, 12.0), time)
    result = vpc(time, measured, simulated, strata=label)
    assert result.sizes["bin"] == 7
    assert result["count"].sel(stratum="sparse").to_numpy().tolist() == [30, 40, 0, 0, 0, 0, 0]
    assert np.isnan(result.simulated.sel(stratum="sparse")[2:]).all()


def test_correction_is_that_of_plain_loops() -> None:
    rng = np.random.default_rng(2)
    dose = np.repeat([20.0, 100.0, 500.0], 10)
    time = np.tile(TIMES, 30)
    measured, simulated = oral_dose(rng, (30,), dose=dose), oral_dose(rng, (50, 30), dose=dose)
    typical = oral_dose(rng, (30,), dose=dose, omega=0.0, sigma=0.0, floor=0.0)
    result = vpc(
        time, measured, simulated, prediction=typical, lower_bound=-1.0,
        percentiles=PERCENTILES, mass=0.9,
    )  # fmt: skip
    groups = [[r for r in range(time.size) if time[r] == t] for t in TIMES]
    middle = [_percentile([float(typical[r]) for r in rows], 50.0) for rows in groups]

    def corrected(values: NDArray[np.float64]) -> list[float]:
        return [
            -1.0 + (values[r] + 1.0) * (middle[r % 7] + 1.0) / (typical[r] + 1.0)
            for r in range(time.size)
        ]

    observed, bands = _expected(groups, corrected(measured), [corrected(s) for s in simulated], 0.9)
    np.testing.assert_allclose(result.observed[0], observed, rtol=1e-12)
    np.testing.assert_allclose(result.simulated[0], bands, rtol=1e-12)
    np.testing.assert_allclose(result.value, corrected(measured), rtol=1e-12)


def test_groups_are_those_of_the_design_whatever_cannot_be_corrected() -> None:
    time, measured, simulated = _data()
    typical = np.ones(time.size)
    early = np.flatnonzero(time == TIMES[0])
    typical[early[2:]] = 0.0  # two of twenty can be corrected at the first time
    with pytest.warns(UserWarning, match="18 of 140 measurements have a prediction"):
        table = vpc(time, measured, simulated, prediction=typical)
    np.testing.assert_array_equal(table.time[0], TIMES)
    np.testing.assert_array_equal(table["count"][0], [2, *[20] * 6])
    assert table.attrs["left_out"] == 18


def test_a_group_of_two_times_stands_where_there_is_a_measurement() -> None:
    time, measured, simulated = _data()
    table = vpc(time, measured, simulated, edges=[0.0, TIMES[-2], 100.0])
    assert float(table.time[0, 1]) == TIMES[-2]


def test_correction_takes_the_dose_out() -> None:
    rng = np.random.default_rng(3)
    dose = np.array([10.0, 100.0, 1000.0])[rng.integers(3, size=300)]
    measured = oral_dose(rng, (300,), floor=0.0, dose=dose)
    simulated = oral_dose(rng, (100, 300), floor=0.0, dose=dose)
    typical = oral_dose(rng, (300,), omega=0.0, sigma=0.0, floor=0.0, dose=dose)
    plain = vpc(np.tile(TIMES, 300), measured, simulated)
    corrected = vpc(np.tile(TIMES, 300), measured, simulated, prediction=typical)
    same_dose = oral_dose(rng, (3000,), floor=0.0).reshape(-1, 7)
    spread = np.percentile(same_dose, 95, axis=0) / np.percentile(same_dose, 5, axis=0)
    ratio = (corrected.observed[0, :, 2] / corrected.observed[0, :, 0]).to_numpy()
    np.testing.assert_allclose(ratio, spread, rtol=0.4)
    assert (plain.observed[0, :, 2] / plain.observed[0, :, 0] > 10 * spread).all()


def test_correction_on_the_logarithmic_scale_adds() -> None:
    time, measured, simulated = _data()
    measured, simulated = np.abs(measured), np.abs(simulated)
    typical = np.random.default_rng(4).uniform(1, 3, time.size)
    # Of odd numbers of predictions, medians and logarithms may be exchanged.
    odd = slice(0, 7 * 19)
    one = vpc(time[odd], measured[odd], simulated[:, odd], prediction=typical[odd])
    other = vpc(
        time[odd], np.log(measured[odd]), np.log(simulated[:, odd]),
        prediction=np.log(typical[odd]), scale="log",
    )  # fmt: skip
    np.testing.assert_allclose(np.exp(other.value), one.value, rtol=1e-12)


def test_values_below_the_limit_count_as_below_all_others() -> None:
    time, measured, simulated = _data()
    below = measured < 0.9
    reported = np.where(below, 0.9, measured)
    result = vpc(
        time, reported, simulated, censoring=below.astype(int), lloq=0.9,
        percentiles=PERCENTILES, mass=0.9,
    )  # fmt: skip
    marked = np.where(below, -np.inf, measured)
    replicates = np.where(simulated < 0.9, -np.inf, simulated)
    groups = [[r for r in range(time.size) if time[r] == t] for t in TIMES]
    observed, bands = _expected(groups, marked.tolist(), replicates.tolist(), 0.9)
    np.testing.assert_allclose(result.observed[0], observed, rtol=1e-12)
    np.testing.assert_allclose(result.simulated[0], bands, rtol=1e-12)
    assert np.isnan(result.observed[0, -1, 0])
    for index, rows in enumerate(groups):
        assert float(result.observed_below[0, index]) == sum(below[r] for r in rows) / len(rows)
        shares = [sum(s[r] < 0.9 for r in rows) / len(rows) for s in simulated]
        expected = [_percentile(shares, p) for p in (5.0, 50.0, 95.0)]
        np.testing.assert_allclose(result.simulated_below[0, index], expected)


def test_bands_of_the_true_model_hold_what_they_promise_and_of_a_wrong_one_do_not() -> None:
    rng = np.random.default_rng(5)
    time = np.tile(TIMES, 30)
    true, wrong = oral_dose(rng, (1000, 30)), oral_dose(rng, (1000, 30), omega=0.1)
    inside = {"true": [], "wrong": []}  # type: dict[str, list[NDArray[np.bool_]]]
    for _ in range(60):
        measured = oral_dose(rng, (30,))
        for name, simulated in (("true", true), ("wrong", wrong)):
            result = vpc(time, measured, simulated, percentiles=PERCENTILES, mass=0.9)
            band = result.simulated
            held = (band[..., 0] <= result.observed) & (result.observed <= band[..., 2])
            inside[name].append(held.to_numpy())
    assert 0.86 < np.mean(inside["true"]) < 0.94
    assert np.mean(inside["wrong"]) < 0.6


def test_a_thousand_replicates_take_no_time() -> None:
    rng = np.random.default_rng(6)
    measured, simulated = oral_dose(rng, (72,)), oral_dose(rng, (1000, 72))
    begin = clock.perf_counter()
    vpc(np.tile(TIMES, 72), measured, simulated)
    assert clock.perf_counter() - begin < 1.0


def test_what_is_left_out_is_counted() -> None:
    time, measured, simulated = _data()
    simulated[3, 5] = np.nan
    with pytest.warns(UserWarning, match="1 of 60 replicates have missing values"):
        result = vpc(time, measured, simulated)
    assert result.attrs["replicates"] == 59
    typical = np.ones(time.size)
    typical[:2] = 0.0
    with pytest.warns(UserWarning, match="2 of 140 measurements have a prediction at the lower"):
        result = vpc(time, measured, np.delete(simulated, 3, axis=0), prediction=typical)
    assert result.row.to_numpy().tolist() == list(range(2, 140))


def test_edges_hold_every_measurement_or_are_refused() -> None:
    time, observed, simulated = _data()
    given = vpc(time, observed, simulated, edges=[0.0, 3.0, 12.0, 30.0])
    np.testing.assert_array_equal(given["left"][0], [0.0, 3.0, 12.0])
    np.testing.assert_array_equal(given["right"][0], [3.0, 12.0, 30.0])
    assert int(given["count"].sum()) == time.size
    # Groups without an end are those of edges beyond all times, and are drawn as far as times go.
    endless = vpc(time, observed, simulated, edges=[-np.inf, 3.0, 12.0, np.inf])
    for name in ("count", "observed", "simulated"):
        np.testing.assert_array_equal(endless[name], given[name])
    assert float(endless["left"][0, 0]) == time.min()
    assert float(endless["right"][0, -1]) == time.max()
    late = np.flatnonzero(time > 12.0)
    with pytest.raises(
        ValueError,
        match=rf"{late.size} of {time.size} lie outside 0 to 12: row {late[0]} \(counted from 0\) "
        rf"at {time[late[0]]:g}, .* and {late.size - 8} more\. Give further edges, or -np\.inf",
    ):
        vpc(time, observed, simulated, edges=[0.0, 3.0, 12.0])
    # What is not measured is compared with nothing, and may lie anywhere.
    unmeasured = np.where(time > 12.0, np.nan, observed)
    assert vpc(time, unmeasured, simulated, edges=[0.0, 3.0, 12.0]).sizes["bin"] == 2
    with pytest.raises(ValueError, match=r"two or more increasing numbers; found \[0\.0, 5\.0, 5"):
        vpc(time, observed, simulated, edges=[0.0, 5.0, 5.0, 30.0])


def test_what_is_given_wrongly_is_named() -> None:
    time, measured, simulated = _data()
    with pytest.raises(ValueError, match=r"Wanted `time` for each of the 140 .* shape \(139,\)"):
        vpc(time[1:], measured, simulated)
    with pytest.raises(ValueError, match=r"rows \[0\] .* below the lower bound 0.0: \[-1.0\]"):
        vpc(time, measured, simulated, prediction=np.r_[-1.0, np.ones(139)])
    with pytest.raises(ValueError, match="None of the 140 rows"):
        vpc(time, np.full(140, np.nan), simulated)
    with pytest.raises(ValueError, match="Each of the 60 replicates has a missing value"):
        vpc(time, measured, np.full((60, 140), np.nan))
    with pytest.raises(ValueError, match=r"found 90.* write 0.9"):
        vpc(time, measured, simulated, mass=90)


def test_strata_are_in_the_order_of_the_numbers_in_their_labels():
    labels = np.array(["DOSE 100", "DOSE 20", "DOSE 10", "none", "DOSE 20", "DOSE 2.5"])
    names, place = _in_order(labels)
    assert names.tolist() == ["DOSE 2.5", "DOSE 10", "DOSE 20", "DOSE 100", "none"]
    np.testing.assert_array_equal(names[place], labels)


def test_categories_are_compared_by_their_proportions() -> None:
    rng = np.random.default_rng(21)
    time = np.tile([1.0, 2.0], 60)
    chances = np.where(time[:, None] == 1.0, [0.7, 0.2, 0.1], [0.2, 0.3, 0.5])
    drawn = (rng.random((301, 120, 1)) > chances.cumsum(axis=1)).sum(axis=-1).astype(float)
    measured, simulated = drawn[0], drawn[1:]
    table = vpc(time, measured, simulated, edges=[0.5, 1.5, 2.5], categories=[0, 1, 2])
    assert table["observed"].dims == ("stratum", "bin", "category")
    assert table["simulated"].dims == ("stratum", "bin", "category", "quantile")
    for place, at in enumerate((1.0, 2.0)):
        for category in (0.0, 1.0, 2.0):
            own = table.isel(stratum=0, bin=place).sel(category=category)
            assert float(own["observed"]) == (measured[time == at] == category).mean()
            shares = (simulated[:, time == at] == category).mean(axis=1)
            np.testing.assert_allclose(own["simulated"], np.quantile(shares, (0.025, 0.5, 0.975)))
    inside = []
    for truth in drawn[:40]:  # of true models, 95 % of the proportions lie within
        of_truth = vpc(time, truth, drawn[40:], edges=[0.5, 1.5, 2.5], categories=[0, 1, 2])
        low, high = (of_truth["simulated"].isel(quantile=q) for q in (0, 2))
        inside.append(((of_truth["observed"] >= low) & (of_truth["observed"] <= high)).mean())
    assert np.mean(inside) > 0.9
    assert len(plot_vpc(table).axes) == 3
    two = vpc(time, measured > 1.0, simulated > 1.0, edges=[0.5, 1.5, 2.5], categories=[0, 1])
    (axes,) = plot_vpc(two).axes
    np.testing.assert_array_equal(axes.lines[0].get_ydata(), two["observed"][0, :, 1])
    with pytest.raises(
        ValueError, match=r"wants every measured value, \[0\.0, 1\.0\]; .* \[2\.0\]"
    ):
        vpc(time, measured, simulated, categories=[0, 1])
    with pytest.raises(ValueError, match="neither corrected by predictions nor censored"):
        vpc(time, measured, simulated, categories=[0, 1, 2], prediction=np.ones(120))
