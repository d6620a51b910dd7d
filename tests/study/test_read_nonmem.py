"""What each rule of a table means: exact records."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bnode_nlme.study import Study, TableError, read_nonmem


def table(text: str) -> pd.DataFrame:
    """A table written with blanks between cells and '.' for nothing."""
    return pd.read_csv(io.StringIO(text), sep=r"\s+", dtype=str, keep_default_na=False)


def read(text: str, **options: Any) -> Study:
    return read_nonmem(table(text), **options)


def test_bolus_infusion_and_additional_doses() -> None:
    study = read(
        """ID TIME EVID AMT RATE ADDL II CMT   DV
            1  0    1   100 .    2    12 depot .
            1  0    0   .   .    .    .  2     0.5
            1  1.5  1   50  25   0    .  2     .
            1  30   0   .   0    .    .  2     4
        """
    )
    r = study.records
    assert r.subject.tolist() == [0, 0, 0, 0]
    assert r.row.tolist() == [1, 2, 3, 4]
    assert r.time.tolist() == [0, 0, 1.5, 30]
    assert r.evid.tolist() == [1, 0, 1, 0]
    assert r.amount.tolist() == [100, 0, 50, 0]
    assert r.rate.tolist() == [0, 0, 25, 0]
    assert r.additional.tolist() == [2, 0, 0, 0]
    assert r.interval.tolist() == [12, 0, 0, 0]
    assert r.compartment.tolist() == ["depot", "2", "2", "2"]
    assert r.output.tolist() == ["", "", "", ""]
    np.testing.assert_array_equal(r.value, [np.nan, 0.5, np.nan, 4])


def test_all_events_with_outputs_and_predictions() -> None:
    study = read(
        """ID TIME EVID AMT DVID DV MDV
            1  -2   0   .   cp   1  0
            1  0    4   10  .    .  1
            1  1    2   .   pca  .  1
            1  2    0   .   2    .  1
            1  3    3   .   0    .  .
            1  4    0   .   1.0  7  .
        """
    )
    assert study.records.evid.tolist() == [0, 4, 2, 0, 3, 0]
    assert study.records.output.tolist() == ["cp", "", "pca", "2", "", "1"]
    np.testing.assert_array_equal(study.records.value, [1, *[np.nan] * 4, 7])
    assert study.observations.tolist() == [0, 2, 3, 5]
    assert study.n_observations == 4
    assert study.n_doses == 1
    assert study.coords["observation"].tolist() == [1, 3, 4, 6]


def test_steady_states_and_modelled_infusions() -> None:
    study = read(
        """ID TIME EVID AMT RATE ADDL II SS DV
            1  0    1   100 .    .    12 1  .
            1  1    1   50  2    3    6  2  .
            1  2    4   70  -1   .    24 1  .
            1  3    1   80  -2   2    24 0  .
            1  4    1   0   5    .    .  1  .
            1  5    1   .   5    0    0  1  .
            1  6    0   .   .    .    .  .  3
        """
    )
    r = study.records
    assert r.steady_state.tolist() == [1, 2, 1, 0, 1, 1, 0]
    assert r.interval.tolist() == [12, 6, 24, 24, 0, 0, 0]
    assert r.rate.tolist() == [0, 2, -1, -2, 5, 5, 0]
    assert r.amount.tolist() == [100, 50, 70, 80, 0, 0, 0]
    assert r.additional.tolist() == [0, 3, 0, 2, 0, 0, 0]


def test_censored_rows_keep_their_limit_and_the_far_end() -> None:
    study = read(
        """ID TIME EVID AMT MDV CENS LIMIT DV
            1  0    1   10  1   .    0     .
            1  1    0   .   0   1    .     0.1
            1  2    0   .   0   1    0     0.1
            1  3    0   .   0   -1   .     90
            1  4    0   .   0   -1   99    90
            1  5    0   .   0   0    0     5
            1  6    0   .   1   1    7     .
            1  7    2   .   1   1    7     3
        """
    )
    r = study.records
    assert r.censoring.tolist() == [0, 1, 1, -1, -1, 0, 0, 0]
    np.testing.assert_array_equal(r.value, [np.nan, 0.1, 0.1, 90, 90, 5, np.nan, np.nan])
    np.testing.assert_array_equal(r.limit, [np.nan, np.nan, 0, np.nan, 99, *[np.nan] * 3])


def test_rows_of_equal_time_keep_the_order_of_the_table() -> None:
    study = read("ID TIME EVID AMT DV\n1 5 0 . 1\n1 5 1 10 .\n1 5 0 . 2")
    assert study.records.evid.tolist() == [0, 1, 0]


def test_evid_is_derived_from_amt_and_mdv() -> None:
    study = read("ID TIME AMT DV MDV\n1 0 100 . 1\n1 1 0 3 0\n1 2 . . 1\n1 3 . 4 .")
    assert study.records.evid.tolist() == [1, 0, 2, 0]
    np.testing.assert_array_equal(study.records.value, [np.nan, 3, np.nan, 4])


def test_without_amt_all_rows_are_observations() -> None:
    assert read("ID TIME DV\n1 0 2\n1 1 3").records.evid.tolist() == [0, 0]


def test_a_design_needs_no_dv() -> None:
    study = read("ID TIME EVID AMT\n1 0 1 10\n1 1 2 .")
    assert study.n_observations == 1
    assert np.isnan(study.records.value).all()


def test_dv_is_ignored_in_rows_that_mdv_marks() -> None:
    study = read("ID TIME EVID AMT DV MDV\n1 0 1 10 9 1\n1 1 0 . 9 1\n1 2 0 . 9 0")
    np.testing.assert_array_equal(study.records.value, [np.nan, np.nan, 9])


def test_names_of_columns_in_any_case_and_order() -> None:
    study = read("dv Amt time id wt\n. 5 0 1 70\n2 . 1 1 .", covariates=["WT"])
    assert study.records.amount.tolist() == [5, 0]
    assert list(study.covariates) == ["WT"]
    assert study.covariates["WT"].tolist() == [70]


@pytest.mark.parametrize("blank", ["", " ", ".", "NA", "NaN", "nan", "<NA>", None, np.nan, pd.NA])
def test_every_way_of_writing_nothing(blank: Any) -> None:
    frame = pd.DataFrame(
        {"ID": [1, 1], "TIME": [0, 1], "AMT": [10, blank], "DV": [blank, 2.0], "CMT": [blank, 1]},
        dtype=object,
    )
    records = read_nonmem(frame).records
    assert records.amount.tolist() == [10, 0]
    assert records.compartment.tolist() == ["", "1"]


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (["1", "1.0", "2"], [1, 2]),
        ([1, 1.0, 2], [1, 2]),
        (["007", "7", "8"], ["007", "7", "8"]),
        (["a", "a", "1.0"], ["a", "1"]),
        ([1.5, "1.5", 2], ["1.5", "2"]),
        ([2**53, 2**53 + 1, -3], [2**53, 2**53 + 1, -3]),
        (["99999999999999999999", "1", "1"], ["99999999999999999999", "1"]),
        (["9223372036854775807", "-9223372036854775808", "0"], [2**63 - 1, -(2**63), 0]),
    ],
)
def test_ids_as_given(given: list[Any], wanted: list[Any]) -> None:
    frame = pd.DataFrame({"ID": pd.Series(given, dtype=object), "TIME": 0, "DV": 1})
    subjects = read_nonmem(frame).subjects
    assert subjects.tolist() == wanted
    assert subjects.dtype == np.int64 or subjects.dtype.kind == "U"


def test_frames_of_odd_dtypes_and_any_index() -> None:
    frame = pd.DataFrame(
        {
            "ID": pd.Categorical(["b", "b", "a"]),
            "TIME": pd.array([0, 1, 0], dtype="Int8"),
            "DV": pd.array([None, 2.5, 3], dtype="Float32"),
            "AMT": pd.arrays.SparseArray([10.0, np.nan, np.nan]),
            "MDV": [True, False, False],
            "MALE": pd.array([True, None, False], dtype="boolean"),
        },
        index=[7, 7, -1],
    )
    study = read_nonmem(frame, covariates=["MALE"])
    assert study.subjects.tolist() == ["b", "a"]
    np.testing.assert_array_equal(study.records.value, [np.nan, 2.5, 3])
    assert study.covariates["MALE"].tolist() == [1, 0]


def test_a_table_is_not_changed_by_reading_it() -> None:
    frame = table("ID TIME DV\n1 0 2\n1 1 3")
    before = frame.copy(deep=True)
    read_nonmem(frame)
    pd.testing.assert_frame_equal(frame, before)


def test_subjects_with_doses_only_or_observations_only() -> None:
    study = read("ID TIME EVID AMT DV\n1 0 1 10 .\n2 0 0 . 1")
    assert study.n_subjects == 2
    assert study.records.subject.tolist() == [0, 1]


def test_ii_without_addl_is_kept_and_does_nothing() -> None:
    study = read("ID TIME AMT II DV\n1 0 10 24 .\n1 1 . . 3")
    assert study.records.interval.tolist() == [24, 0]
    assert study.records.additional.tolist() == [0, 0]


def test_addl_may_reach_far_beyond_the_last_record() -> None:
    study = read("ID TIME AMT ADDL II DV\n1 0 10 1000000 1 .\n1 100000 . . . 3")
    assert study.records.additional.tolist() == [1_000_000, 0]


def test_a_file_counts_its_empty_lines(tmp_path: Path) -> None:
    path = tmp_path / "trial 7.csv"
    path.write_text('\ufeffID, TIME ,DV,NOTE\r\n1,0,2,"a, b"\r\n\r\n1,1,3,\r\n', encoding="utf-8")
    for given in (path, str(path)):
        study = read_nonmem(given)
        assert study.name == "trial 7"
        assert study.records.row.tolist() == [1, 3]
        assert study.records.value.tolist() == [2, 3]


def test_file_and_frame_give_the_same_study(tmp_path: Path) -> None:
    frame = table("ID TIME AMT DV\n1 0 .1 .\n1 1e-3 . 3\n2 0 . 2.5")
    frame.to_csv(tmp_path / "study.csv", index=False)
    first, second = read_nonmem(frame).records, read_nonmem(tmp_path / "study.csv").records
    for name in ("time", "amount", "value", "subject", "evid"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))


def test_columns_that_mean_nothing_here_are_ignored() -> None:
    study = read(
        "ID TIME DV RACE AST C LLOQ OCC CENS AMTS\n1 0 2 1 30 x 0 . 0 0\n1 1 3 1 31 y . . . ."
    )
    assert study.n_observations == 2
    assert study.occasions is None
    with pytest.raises(TableError, match="AMTS"):
        read("ID TIME DV AMTS\n1 0 2 5")
