"""Occasions: labels within a subject, wherever its rows stand."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bnode_nlme.study import Occasions, Records, Regimen, Study, read_nonmem


def table(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "ID": ["b", "b", "b", "b", "a", "a"],
            "TIME": [0, 1, 2, 3, 0, 1],
            "DV": 1.0,
            "OCC": [2, 1, 1, 2, 1, 1],
            **columns,
        }
    )


def pairs(study: Study) -> list[tuple[Any, Any]]:
    assert study.occasions is not None
    ids = study.subjects[study.occasions.subject].tolist()
    return list(zip(ids, study.occasions.label.tolist(), strict=True))


def test_an_occasion_may_come_back() -> None:
    study = read_nonmem(table())
    assert pairs(study) == [("b", 2), ("b", 1), ("a", 1)]
    assert study.records.occasion.tolist() == [0, 1, 1, 0, 2, 2]
    assert study.coords["occasion"].tolist() == ["b:2", "b:1", "a:1"]
    assert repr(study.occasions) == "Occasions(3 of 2 subjects)"
    assert "  occasions: 3, at most 2 a subject" in repr(study).splitlines()


@pytest.mark.parametrize(
    ("labels", "wanted"),
    [
        (["1", "1.0", 1, 1.0, "1", 1], [1, 1]),
        (["01", "1", 1, 1.0, 1, 1], ["01", "1", "1"]),
        (["first", "second", "second", "second", 7, 7.0], ["first", "second", "7"]),
    ],
)
def test_labels_as_given(labels: list[Any], wanted: list[Any]) -> None:
    study = read_nonmem(table(OCC=pd.Series(labels, dtype=object)))
    assert study.occasions is not None
    assert study.occasions.label.tolist() == wanted


def test_a_blank_column_is_none() -> None:
    for study in (read_nonmem(table(OCC=None)), read_nonmem(table().drop(columns="OCC"))):
        assert study.occasions is None
        assert set(study.records.occasion.tolist()) == {-1}
        assert "occasion" not in study.coords


def test_selected_subjects() -> None:
    part = read_nonmem(table()).select(subjects=["a"])
    assert pairs(part) == [("a", 1)]
    assert part.records.occasion.tolist() == [0, 0]


def test_outputs_leave_the_dimension_as_it_is() -> None:
    part = read_nonmem(table(DVID=["x", "y", "y", "x", "x", "y"])).select(outputs=["x"])
    assert pairs(part) == [("b", 2), ("b", 1), ("a", 1)]
    # The one of "a", whose occasion does not change, need not stay.
    assert part.records.evid.tolist() == [0, 5, 5, 0, 0]
    assert part.records.occasion.tolist() == [0, 1, 1, 0, 2]


@pytest.mark.parametrize(
    ("interpolation", "wanted"),
    [("locf", [0, 0, 1, 0]), ("linear", [0, 0, 1, 0]), ("nocb", [0, 1, 0, 0])],
)
def test_new_points_belong_to_the_occasion_of_their_time(
    interpolation: Any, wanted: list[int]
) -> None:
    study = read_nonmem(table(), interpolation=interpolation).at_times([-1, 0.5, 2.5, 4])
    mine = study.observations[study.records.subject[study.observations] == 0]
    assert study.records.occasion[mine].tolist() == wanted
    dosed = read_nonmem(table(), interpolation=interpolation).with_regimen(
        Regimen(1, times=[-1, 0.5, 2.5, 4])
    )
    given = dosed.doses[dosed.records.subject[dosed.doses] == 0]
    assert dosed.records.occasion[given].tolist() == wanted


def test_to_xarray() -> None:
    data = read_nonmem(table()).to_xarray()
    assert data["occasion"].values.tolist() == ["b:2", "b:1", "a:1"]
    assert data["occasion_subject"].values.tolist() == [0, 0, 1]
    assert data["occasion_label"].values.tolist() == [2, 1, 1]
    assert data["observation_occasion"].values.tolist() == [0, 1, 1, 0, 2, 2]


def test_copies_are_equal_and_frozen() -> None:
    again = pickle.loads(pickle.dumps(read_nonmem(table())))
    assert pairs(again) == pairs(read_nonmem(table()))
    with pytest.raises(ValueError, match="read-only"):
        again.occasions.label[0] = 5


@pytest.mark.parametrize(
    ("subject", "label", "match"),
    [
        ([0, 0], [1], "one subject for each label, and has 2 subjects and 1 labels"),
        ([1, 0], [1, 1], "must not decrease"),
        ([0, 0], [1, 1], "each label once for each subject"),
    ],
)
def test_occasions_made_by_hand_are_checked(subject: Any, label: Any, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        Occasions(np.array(subject), np.array(label))


@pytest.mark.parametrize(
    ("index", "occasions", "match"),
    [
        ([0, 1], None, "must be -1 throughout"),
        ([0, 2], Occasions(np.array([0, 1]), np.array([1, 1])), "in 0 to 1 in every record"),
        ([0, -1], Occasions(np.array([0, 1]), np.array([1, 1])), "in 0 to 1 in every record"),
        ([1, 1], Occasions(np.array([0, 1]), np.array([1, 1])), "the record's own subject"),
        ([0, 1], Occasions(np.array([0, 2]), np.array([1, 1])), "in 0 to 1, the subjects' range"),
    ],
)
def test_studies_made_by_hand_are_checked(index: Any, occasions: Any, match: str) -> None:
    plain = read_nonmem(pd.DataFrame({"ID": [1, 2], "TIME": 0, "DV": 1}))
    columns = [getattr(plain.records, name) for name in Records.__dataclass_fields__]
    columns[list(Records.__dataclass_fields__).index("occasion")] = np.array(index)
    with pytest.raises(ValueError, match=match):
        Study("s", plain.subjects, Records(*columns), {}, occasions=occasions)
