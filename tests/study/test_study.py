"""Study and Records: frozen, selectable, shown and exported faithfully."""

from __future__ import annotations

import copy
import pickle
from dataclasses import FrozenInstanceError, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from bnode_nlme.study import Records, Study, read_nonmem


@pytest.fixture
def study() -> Study:
    return read_nonmem(
        pd.DataFrame(
            {
                "ID": ["a", "a", "a", "b", "b", "b", "c", "c"],
                "TIME": [0, 1, 1, 0, 2, 3, 0, 9],
                "EVID": [1, 0, 0, 1, 3, 2, 4, 0],
                "AMT": [10, None, None, 20, None, None, 30, None],
                "RATE": [None, None, None, 5, None, None, None, None],
                "ADDL": [3, *[None] * 7],
                "II": [12, *[None] * 7],
                "CMT": [1, None, None, "gut", None, None, None, None],
                "DVID": [None, "cp", "pca", None, None, "cp", None, "pca"],
                "DV": [None, 1.5, 90, None, None, None, None, 80],
                "WT": [70, None, None, 60, 60, 60, 50, 50],
            }
        ),
        covariates=["WT"],
    )


def arrays(study: Study) -> list[np.ndarray]:
    columns = [getattr(study.records, field.name) for field in fields(Records)]
    return [study.subjects, study.observations, study.doses, *columns, *study.covariates.values()]


@pytest.mark.parametrize(
    "twin",
    [
        lambda s: s,
        copy.copy,
        copy.deepcopy,
        lambda s: pickle.loads(pickle.dumps(s)),
        replace,
        lambda s: s.select(subjects=["a", "c"]),
    ],
)
def test_nothing_in_a_study_can_be_changed(study: Study, twin: Any) -> None:
    again = twin(study)
    for array in arrays(again):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = array[0]
        with pytest.raises(ValueError, match="WRITEABLE"):
            array.view().setflags(write=True)
    with pytest.raises(FrozenInstanceError, match="cannot assign"):
        again.name = "x"
    with pytest.raises(FrozenInstanceError, match="cannot assign"):
        again.records.time = np.zeros(8)
    with pytest.raises(TypeError, match="does not support item assignment"):
        again.covariates["WT"] = 1


def test_copies_are_equal(study: Study) -> None:
    again = pickle.loads(pickle.dumps(study))
    for first, second in zip(arrays(study), arrays(again), strict=True):
        np.testing.assert_array_equal(first, second)
        assert first.dtype == second.dtype


def test_a_study_keeps_no_view_of_what_it_was_made_from() -> None:
    weights = np.array([70.0])
    records = read_nonmem(pd.DataFrame({"ID": [1], "TIME": [0], "DV": [1]})).records
    study = Study("s", np.array([1]), records, {"WT": weights})
    weights[0] = 0
    assert study.covariates["WT"].tolist() == [70]


def test_counts_and_coordinates(study: Study) -> None:
    assert (study.n_subjects, study.n_observations, study.n_doses) == (3, 4, 3)
    assert study.observations.tolist() == [1, 2, 5, 7]
    assert study.doses.tolist() == [0, 3, 6]
    assert study.coords["subject"].tolist() == ["a", "b", "c"]
    assert study.coords["observation"].tolist() == [2, 3, 6, 8]


def test_repr(study: Study) -> None:
    assert repr(study) == (
        "Study 'table': 3 subjects, 8 records\n"
        "  observations: 3 (cp 1, pca 2), and 1 prediction point\n"
        "  doses: 3 (2 bolus, 1 infusion), and 3 additional\n"
        "  resets: 2\n"
        "  time: 0 to 9\n"
        "  covariate WT: 50 to 70"
    )
    assert repr(study.records) == "Records(8 rows of 3 subjects)"


def test_repr_of_what_is_rarer() -> None:
    frame = pd.DataFrame(
        {
            "ID": 1,
            "TIME": range(6),
            "EVID": [1, 1, 1, 0, 0, 0],
            "AMT": [5, 5, 5, None, None, None],
            "RATE": [-1, -2, 0, None, None, None],
            "SS": [1, 0, 2, None, None, None],
            "II": [8, 0, 8, None, None, None],
            "DV": [None, None, None, 2, 2, 9],
            "CENS": [0, 0, 0, 1, 1, -1],
        }
    )
    assert repr(read_nonmem(frame)).splitlines()[1:3] == [
        "  observations: 3, 2 of them below their limit of quantification, "
        "1 of them above its limit of quantification",
        "  doses: 3 (1 bolus, 1 infusion of modelled rate, 1 infusion of modelled duration; "
        "2 of them at steady state)",
    ]


def test_select_subjects(study: Study) -> None:
    part = study.select(subjects=["c", "a"])
    assert part.subjects.tolist() == ["a", "c"]  # the order of the table
    assert part.records.subject.tolist() == [0, 0, 0, 1, 1]
    assert part.records.row.tolist() == [1, 2, 3, 7, 8]
    assert part.covariates["WT"].tolist() == [70, 50]
    assert study.n_subjects == 3


def test_select_outputs_keeps_doses_resets_and_subjects(study: Study) -> None:
    part = study.select(outputs=["pca"])
    assert part.subjects.tolist() == ["a", "b", "c"]
    assert part.records.row.tolist() == [1, 3, 4, 5, 7, 8]
    assert part.records.output[part.observations].tolist() == ["pca", "pca"]
    assert part.n_doses == 3


def test_select_both(study: Study) -> None:
    part = study.select(subjects=np.array(["b"]), outputs=["cp"])
    assert part.records.row.tolist() == [4, 5, 6]


def test_select_numbers() -> None:
    study = read_nonmem(pd.DataFrame({"ID": [3, 5], "TIME": 0, "DV": 1, "DVID": [1, 2]}))
    assert study.select(subjects=np.array([5])).subjects.tolist() == [5]
    assert study.select(outputs=[2]).records.row.tolist() == [2]
    with pytest.raises(
        ValueError, match=r"no subjects \['5'\]. Its subjects are \[3, 5\] \(ints\)"
    ):
        study.select(subjects=["5"])


def test_select_unknown_names(study: Study) -> None:
    with pytest.raises(
        ValueError, match=r"no subjects \['x', 1\]. Its subjects are \['a', 'b', 'c'\]"
    ):
        study.select(subjects=["a", "x", 1])
    with pytest.raises(ValueError, match=r"no outputs \(DVID\) \['z'\]. .* are \['cp', 'pca'\]"):
        study.select(outputs=["z"])
    with pytest.raises(ValueError, match="names nobody"):
        study.select(subjects=[])
    with pytest.raises(TypeError, match=r"Write \['a'\]"):
        study.select(subjects="a")
    with pytest.raises(TypeError, match=r"Write \[1\]"):
        study.select(outputs=1)  # type: ignore[arg-type]


def test_to_xarray(study: Study, tmp_path: Path) -> None:
    data = study.to_xarray()
    assert dict(data.sizes) == {"observation": 4, "dose": 3, "reset": 1, "subject": 3}
    assert data["subject"].values.tolist() == ["a", "b", "c"]
    assert data["observation"].values.tolist() == [2, 3, 6, 8]
    assert data["dose"].values.tolist() == [1, 4, 7]
    assert data["reset"].values.tolist() == [5]
    np.testing.assert_array_equal(data["value"], [1.5, 90, np.nan, 80])
    assert data["time"].values.tolist() == [1, 1, 3, 9]
    assert data["output"].values.tolist() == ["cp", "pca", "cp", "pca"]
    assert data["evid"].values.tolist() == [0, 0, 2, 0]
    assert data["observation_subject"].values.tolist() == [0, 0, 1, 2]
    assert data["dose_amount"].values.tolist() == [10, 20, 30]
    assert data["dose_rate"].values.tolist() == [0, 5, 0]
    assert data["dose_additional"].values.tolist() == [3, 0, 0]
    assert data["dose_interval"].values.tolist() == [12, 0, 0]
    assert data["dose_steady_state"].values.tolist() == [0, 0, 0]
    assert data["dose_compartment"].values.tolist() == ["1", "gut", ""]
    assert data["dose_evid"].values.tolist() == [1, 1, 4]
    assert data["dose_subject"].values.tolist() == [0, 1, 2]
    assert data["dose_time"].values.tolist() == [0, 0, 0]
    assert data["reset_time"].values.tolist() == [2]
    assert data["reset_subject"].values.tolist() == [1]
    assert data["WT"].values.tolist() == [70, 60, 50]
    assert data.attrs == {"name": "table"}
    assert all(variable.attrs["long_name"] for variable in data.variables.values())
    data["time"].values[0] = 99
    assert study.records.time[1] == 1


def test_censoring_to_xarray() -> None:
    frame = pd.DataFrame({"ID": 1, "TIME": [0, 1], "DV": [1, 2], "CENS": [0, 1], "LIMIT": [0, 1]})
    data = read_nonmem(frame).to_xarray()
    assert data["censoring"].values.tolist() == [0, 1]
    np.testing.assert_array_equal(data["limit"], [np.nan, 1])


def test_covariates_under_names_that_the_data_set_uses() -> None:
    frame = pd.DataFrame({"ID": [1], "TIME": [0], "DV": [1], "value": [5], "subject": [6]})
    data = read_nonmem(frame, covariates=["value", "subject"]).to_xarray()
    assert data["covariate_value"].values.tolist() == [5]
    assert data["covariate_subject"].values.tolist() == [6]
    assert isinstance(data, xr.Dataset)


def make(**changes: Any) -> Records:
    columns: dict[str, Any] = {
        "subject": [0, 0],
        "row": [1, 2],
        "time": [0, 1],
        "evid": [0, 0],
        "amount": [0, 0],
        "rate": [0, 0],
        "compartment": ["", ""],
        "additional": [0, 0],
        "interval": [0, 0],
        "output": ["", ""],
        "value": [1, 2],
    }
    return Records(**{**columns, **changes})


def test_records_made_by_hand_are_checked() -> None:
    assert make().time.dtype == np.float64
    with pytest.raises(ValueError, match="must have one length"):
        make(time=[0, 1, 2])
    with pytest.raises(ValueError, match="time must be a vector"):
        make(time=[[0, 1]])
    with pytest.raises(ValueError, match="stand together"):
        make(subject=[1, 0])
    with pytest.raises(ValueError, match="time must not decrease"):
        make(time=[1, 0])
    with pytest.raises(
        ValueError, match=r"steady_state must be one of \(0, 1, 2\), and holds \[3\]"
    ):
        make(steady_state=[0, 3])
    with pytest.raises(ValueError, match=r"censoring must be one of \(-1, 0, 1\), and holds \[2\]"):
        make(censoring=[0, 2])


def test_columns_that_are_left_out_hold_nothing() -> None:
    records = make()
    assert records.steady_state.tolist() == records.censoring.tolist() == [0, 0]
    assert records.occasion.tolist() == [-1, -1]
    assert np.isnan(records.limit).all()


def test_studies_made_by_hand_are_checked() -> None:
    with pytest.raises(ValueError, match="must be distinct"):
        Study("s", np.array([1, 1]), make(), {})
    with pytest.raises(ValueError, match="must lie in 0 to 0"):
        Study("s", np.array([1]), make(subject=[0, 1]), {})
    with pytest.raises(ValueError, match="one value for each of the 1 subjects, and has 2"):
        Study("s", np.array([1]), make(), {"WT": np.array([1.0, 2.0])})
