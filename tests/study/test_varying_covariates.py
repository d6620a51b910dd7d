"""Covariates that change from row to row: filled, selected and carried to other times."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bnode_nlme.study import Regimen, Study, read_nonmem

NAN = np.nan


def table(weights: list[Any], times: list[float] | None = None, **columns: Any) -> pd.DataFrame:
    size = len(weights)
    start = {"ID": 1, "TIME": times or list(range(size)), "DV": 1.0, "WT": weights}
    return pd.DataFrame({**start, **columns})


@pytest.mark.parametrize(
    ("interpolation", "filled"),
    [
        ("locf", [10, 10, 10, 30, 30, 30]),
        ("nocb", [10, 10, 30, 30, 30, 30]),
        ("linear", [10, 10, 15, 30, 30, 30]),
    ],
)
def test_blank_cells(interpolation: Any, filled: list[float]) -> None:
    frame = table([NAN, 10, NAN, 30, NAN, NAN], [0, 1, 2, 5, 6, 7])
    study = read_nonmem(frame, covariates=["WT"], interpolation=interpolation)
    assert study.varying["WT"].tolist() == filled
    assert study.covariates["WT"].tolist() == [10]
    assert study.interpolation == interpolation


@pytest.mark.parametrize("interpolation", ["locf", "nocb", "linear"])
def test_a_covariate_that_does_not_change_is_static(interpolation: Any) -> None:
    frame = table([NAN, 70, NAN, 70]).assign(AGE=[30, 30, 31, 31])
    study = read_nonmem(frame, covariates=["WT", "AGE"], interpolation=interpolation)
    assert study.covariates["WT"].tolist() == [70]
    assert list(study.varying) == ["AGE"]


def test_one_subject_does_not_fill_another() -> None:
    frame = table([NAN, 10, NAN, NAN, 20, 30], ID=[1, 1, 1, 2, 2, 2], TIME=[0, 1, 2] * 2)
    study = read_nonmem(frame, covariates=["WT"])
    assert study.varying["WT"].tolist() == [10, 10, 10, 20, 20, 30]
    assert study.covariates["WT"].tolist() == [10, 20]


def test_rows_of_equal_time_change_in_their_order() -> None:
    frame = table([10, 20, NAN, 30], [0, 1, 1, 2])
    for interpolation, filled in {"locf": [10, 20, 20, 30], "nocb": [10, 20, 30, 30]}.items():
        study = read_nonmem(frame, covariates=["WT"], interpolation=interpolation)  # type: ignore[arg-type]
        assert study.varying["WT"].tolist() == filled
    # On a straight line a row has the value of its time, from whichever row that is.
    study = read_nonmem(
        table([10, NAN, 20, NAN], [0, 1, 1, 1]), covariates=["WT"], interpolation="linear"
    )
    assert study.varying["WT"].tolist() == [10, 20, 20, 20]


@pytest.mark.parametrize(
    ("weights", "times", "filled"),
    [
        ([-1.5e308, NAN, 1.5e308], [0, 1, 4], -0.75e308),
        ([1, NAN, 3], [-1.5e308, 0, 1.5e308], 2),
        # At the time of a given value, rounding leaves nothing of 1e16.
        ([1e16, NAN, 0.1], [0, 1, 1], 0.1),
    ],
)
def test_a_line_at_the_limits_of_floats(
    weights: list[float], times: list[float], filled: float
) -> None:
    study = read_nonmem(table(weights, times), covariates=["WT"], interpolation="linear")
    assert study.varying["WT"].tolist() == [weights[0], filled, weights[2]]


def value_at(study: Study, time: float) -> float:
    """The covariate as a function of time, read off the records one by one, slowly."""
    times, values = study.records.time, study.varying["WT"]
    last = max((k for k in range(len(times)) if times[k] <= time), default=0)
    if study.interpolation == "locf" or time >= times[-1] or time == times[last]:
        return float(values[last])
    after = min(k for k in range(len(times)) if times[k] > time)
    if study.interpolation == "nocb" or time < times[0]:
        return float(values[after])
    part = (time - times[last]) / (times[after] - times[last])
    return float(values[last] + part * (values[after] - values[last]))


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_covariate_is_the_same_function_of_time_whatever_is_asked(data: st.DataObject) -> None:
    interpolation: Any = data.draw(st.sampled_from(["locf", "nocb", "linear"]))
    size = data.draw(st.integers(2, 6))
    grid = st.integers(0, 12).map(float)
    times = sorted(data.draw(st.lists(grid, min_size=size, max_size=size, unique=True)))
    weights = data.draw(
        st.lists(st.sampled_from([1.0, 2.0, 4.0, NAN]), min_size=size, max_size=size)
    )
    weights[data.draw(st.integers(0, size - 1))] = 3.0
    outputs = data.draw(st.lists(st.sampled_from(["a", "b"]), min_size=size, max_size=size))
    study = read_nonmem(
        table(weights, times, DVID=outputs), covariates=["WT"], interpolation=interpolation
    )
    asked = data.draw(st.lists(st.floats(-1, 13), min_size=1, max_size=4))
    if not study.varying:
        assert not study.at_times(asked).varying
        return
    regimen = Regimen(1, times=asked)
    above = study.with_regimen(regimen, before_dose=False)
    for other in (
        above,
        study.select(outputs=outputs[:1]),
        study.at_times(asked),
        study.with_regimen(regimen),
        study.with_regimen(regimen).at_times(times).with_regimen(Regimen(2)),
    ):
        for time in np.arange(-1, 13.5, 0.25):
            assert value_at(other, time) == pytest.approx(value_at(study, time), rel=1e-12)
        if other is above and interpolation == "locf":
            continue  # a dose above the row at which the covariate changes comes before the change
        wanted = [value_at(study, time) for time in other.records.time]
        np.testing.assert_allclose(other.varying["WT"], wanted, rtol=1e-12)


def test_a_dose_above_the_row_of_its_time_comes_before_the_change() -> None:
    study = read_nonmem(table([10, 20]), covariates=["WT"])
    asked = {
        before: study.with_regimen(Regimen(1, start=1), before_dose=before)
        for before in (True, False)
    }
    assert asked[True].records.evid.tolist() == [2, 2, 1]
    assert asked[True].varying["WT"].tolist() == [10, 20, 20]
    assert asked[False].records.evid.tolist() == [2, 1, 2]
    assert asked[False].varying["WT"].tolist() == [10, 10, 20]


def test_a_dropped_observation_stays_as_a_change() -> None:
    frame = table([10, 20, 30, 40], DVID=["cp", "pca", "cp", "pca"], ID=[1, 1, 1, 1])
    part = read_nonmem(frame, covariates=["WT"]).select(outputs=["cp"])
    assert part.records.evid.tolist() == [0, 5, 0, 5]
    assert part.records.output.tolist() == ["cp", "", "cp", ""]
    assert part.n_observations == 2
    assert part.coords["observation"].tolist() == [1, 3]
    np.testing.assert_array_equal(part.records.value, [1, NAN, 1, NAN])
    # Nobody changes, nothing has to stay.
    still = read_nonmem(frame.assign(WT=10), covariates=["WT"]).select(outputs=["cp"])
    assert still.records.evid.tolist() == [0, 0]


def test_selected_subjects() -> None:
    frame = table([10, 20, 50, 50, 60, 70], ID=[1, 1, 2, 2, 3, 3], TIME=[0, 1] * 3)
    study = read_nonmem(frame, covariates=["WT"])
    assert study.select(subjects=[2]).varying == {}
    part = study.select(subjects=[2, 3])
    assert part.varying["WT"].tolist() == [50, 50, 60, 70]
    assert part.covariates["WT"].tolist() == [50, 60]


def test_shown_and_exported() -> None:
    frame = table([10, 20, 50, 50], ID=[1, 1, 2, 2], TIME=[0, 1, 0, 1])
    study = read_nonmem(frame, covariates=["WT"], interpolation="nocb")
    assert "  covariate WT: 10 to 50, varies in 1 subject (nocb)" in repr(study).splitlines()
    data = study.to_xarray()
    assert data["varying_WT"].sel(record=data["observation"]).values.tolist() == [10, 20, 50, 50]
    assert data["WT"].values.tolist() == [10, 50]
    assert data["record_subject"].values.tolist() == [0, 0, 1, 1]
    assert data.attrs == {"name": "table", "interpolation": "nocb"}


def test_copies_are_frozen_and_equal() -> None:
    study = copy.deepcopy(read_nonmem(table([10, 20]), covariates=["WT"], interpolation="linear"))
    assert study.varying["WT"].tolist() == [10, 20]
    assert study.interpolation == "linear"
    with pytest.raises(ValueError, match="read-only"):
        study.varying["WT"][0] = 1


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"varying": {"AGE": np.zeros(2)}}, r"'AGE' is none of the covariates \['WT'\]"),
        ({"varying": {"WT": np.zeros(3)}}, "one value for each of the 2 records, and has 3"),
        ({"varying": {"WT": np.array([5.0, 20.0])}}, "must begin, at each subject's first record"),
        ({"interpolation": "spline"}, r"\['locf', 'nocb', 'linear'\], and is 'spline'"),
    ],
)
def test_studies_made_by_hand_are_checked(changes: Any, match: str) -> None:
    study = read_nonmem(table([10, 20]), covariates=["WT"])
    parts: dict[str, Any] = {"varying": dict(study.varying), "interpolation": "locf", **changes}
    with pytest.raises(ValueError, match=match):
        Study("s", study.subjects, study.records, dict(study.covariates), **parts)
