"""Each kind of bad table gets one error that names its rows."""

from __future__ import annotations

import copy
import pickle
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from bnode_nlme.study import Problem, TableError, read_nonmem

GOOD: dict[str, list[Any]] = {
    "ID": [1, 1, 1, 2, 2],
    "TIME": [0, 1, 2, 0, 3],
    "EVID": [1, 0, 0, 1, 0],
    "AMT": [100, None, None, 80, None],
    "DV": [None, 3, 2, None, 4],
}


def frame(**changes: Any) -> pd.DataFrame:
    """The good table with cells replaced: ``TIME={3: "x"}`` puts x into row 3; lists replace."""
    columns: dict[str, list[Any]] = {name: list(cells) for name, cells in GOOD.items()}
    for name, change in changes.items():
        cells = columns.setdefault(name, [None] * 5)
        if isinstance(change, dict):
            for row, cell in change.items():
                cells[row - 1] = cell
        else:
            columns[name] = change
    return pd.DataFrame(columns, dtype=object)


def refused(table: Any, *, rows: list[int | None], match: str, **options: Any) -> str:
    with pytest.raises(TableError, match=match) as caught:
        read_nonmem(table, **options)
    assert [problem.row for problem in caught.value.problems] == rows
    return str(caught.value)


def line(row: int, subject: Any, column: str, found: str, wanted: str) -> str:
    parts = [re.escape(str(part)) for part in (row, subject, column, found)]
    return r"(?m)^ +" + " +".join(parts) + " +" + wanted


def test_the_good_table_is_good() -> None:
    assert read_nonmem(frame()).n_observations == 3


@pytest.mark.parametrize(
    ("changes", "row", "subject", "column", "found", "wanted"),
    [
        ({"AMT": {4: None}}, 4, 2, "AMT", "blank", "a positive amount: EVID is 1, a dose"),
        ({"AMT": {4: 0}}, 4, 2, "AMT", "0", "a positive amount"),
        ({"AMT": {4: -5}}, 4, 2, "AMT", "-5", "a positive amount"),
        ({"AMT": {2: 5}}, 2, 1, "AMT", "5", "0 or blank where EVID is 0, 2 or 3"),
        ({"AMT": {4: "80 mg"}}, 4, 2, "AMT", "'80 mg'", "a number"),
        ({"AMT": {4: float("inf")}}, 4, 2, "AMT", "inf", "a finite number"),
        ({"AMT": {4: 10**400}}, 4, 2, "AMT", "1000", ""),
        ({"AMT": {4: True}}, 4, 2, "AMT", "True", "a number, not a boolean"),
        ({"AMT": {4: [1]}}, 4, 2, "AMT", "[1]", "a number"),
        ({"AMT": {4: "１"}}, 4, 2, "AMT", "'１'", "a number"),
        ({"RATE": {2: 5}}, 2, 1, "RATE", "5", "0 or blank where EVID is 0, 2 or 3"),
        ({"RATE": {1: -3}}, 1, 1, "RATE", "-3", "blank or 0 for a bolus"),
        ({"RATE": {1: -1.5}}, 1, 1, "RATE", "-1.5", "blank or 0 for a bolus, .*, -1 or -2"),
        ({"RATE": {1: 1e-320}}, 1, 1, "RATE", "1e-320", "a rate for which AMT / RATE"),
        ({"ADDL": {1: 3}}, 1, 1, "II", "no column II", "a positive interval between doses"),
        ({"ADDL": {1: 3}, "II": {1: 0}}, 1, 1, "II", "0", "a positive interval"),
        ({"II": {1: -1}}, 1, 1, "II", "-1", "a positive interval between doses, or blank"),
        ({"ADDL": {1: -1}}, 1, 1, "ADDL", "-1", "a whole number from 0"),
        ({"ADDL": {1: 1.5}, "II": {1: 1}}, 1, 1, "ADDL", "1.5", "a whole number from 0"),
        ({"ADDL": {1: 1e300}, "II": {1: 1}}, 1, 1, "ADDL", "1e+300", "a whole number from 0"),
        ({"ADDL": {2: 1}}, 2, 1, "ADDL", "1", "0 or blank where EVID is 0"),
        ({"ADDL": {1: 10**6}, "II": {1: 1e-6}}, 1, 1, "ADDL", "1000000", "at most 100000 doses"),
        ({"SS": {1: 1}}, 1, 1, "II", "no column II", "a positive interval .*: SS is 1"),
        ({"SS": {1: 2}, "II": {1: 0}}, 1, 1, "II", "0", "a positive interval .*: SS is 2"),
        ({"SS": {1: 1}, "II": {1: -3}}, 1, 1, "II", "-3", "a positive interval between doses"),
        ({"SS": {1: 3}, "II": {1: 12}}, 1, 1, "SS", "3", "0, 1, 2 or blank"),
        ({"SS": {1: -1}, "II": {1: 12}}, 1, 1, "SS", "-1", "0, 1, 2 or blank"),
        ({"SS": {1: 1}, "AMT": {1: 0}}, 1, 1, "AMT", "0", "a positive amount, or 0 and a positive"),
        (
            {"SS": {1: 1}, "AMT": {1: 0}, "RATE": {1: -1}},
            *(1, 1, "RATE", "-1", "the positive rate of a constant infusion"),
        ),
        (
            {"SS": {1: 1}, "AMT": {1: 0}, "RATE": {1: 5}, "II": {1: 12}},
            *(1, 1, "II", "12", "0 or blank: AMT is 0 and SS is 1, a constant infusion"),
        ),
        (
            {"SS": {1: 1}, "AMT": {1: 0}, "RATE": {1: 5}, "ADDL": {1: 2}},
            *(1, 1, "ADDL", "2", "0 or blank: AMT is 0 and SS is 1, a constant infusion"),
        ),
        (
            {"SS": {1: 2}, "AMT": {1: 0}, "RATE": {1: 5}, "II": {1: 12}},
            *(1, 1, "II", "12", "0 or blank: AMT is 0 and SS is 2, a constant infusion"),
        ),
        (
            {"SS": {1: 1}, "RATE": {1: 0.001}, "II": {1: 0.5}},
            *(1, 1, "RATE", "0.001", "an infusion of at most 100000 intervals II.* is 200000"),
        ),
        ({"SS": {1: 1}, "AMT": {1: -5}, "II": {1: 9}}, 1, 1, "AMT", "-5", "a positive amount"),
        ({"SS": {2: 1}}, 2, 1, "SS", "1", "0 or blank where EVID is 0, 2 or 3"),
        ({"EVID": {2: 5}}, 2, 1, "EVID", "5", "0, 1, 2, 3 or 4"),
        ({"EVID": {2: 0.5}}, 2, 1, "EVID", "0.5", "0, 1, 2, 3 or 4"),
        ({"EVID": {2: "."}}, 2, 1, "EVID", "blank", "0, 1, 2, 3 or 4"),
        ({"CMT": {1: 0}}, 1, 1, "CMT", "0", "a whole number from 1, a name, or blank"),
        ({"CMT": {1: 1.5}}, 1, 1, "CMT", "1.5", "a whole number from 1, a name, or blank"),
        ({"CMT": {1: "my depot"}}, 1, 1, "CMT", "'my depot'", "a whole number from 1, a name"),
        ({"CMT": {2: -1}}, 2, 1, "CMT", "-1", ".*compartments cannot be turned off"),
        ({"DVID": {2: 0}}, 2, 1, "DVID", "0", "a whole number from 1, a name, or blank"),
        ({"DVID": {2: -1}}, 2, 1, "DVID", "-1", "a whole number from 1, a name, or blank"),
        ({"DV": {2: None}}, 2, 1, "DV", "blank", "a number: the row is an observation"),
        ({"DV": {2: None}, "MDV": {2: 0}}, 2, 1, "DV", "blank", "a number: the row is an obs"),
        ({"DV": {2: "<0.1"}}, 2, 1, "DV", "'<0.1'", "a number, or blank"),
        ({"DV": {2: "inf"}, "MDV": {2: 1}}, 2, 1, "DV", "inf", "a finite number"),
        ({"DV": {1: 9}}, 1, 1, "DV", "9", "blank or 0 where EVID is not 0"),
        ({"MDV": {1: 0}}, 1, 1, "MDV", "0", "1 or blank where EVID is not 0"),
        ({"MDV": {2: 2}}, 2, 1, "MDV", "2", "0, 1 or blank"),
        ({"TIME": {3: 0.5}}, 3, 1, "TIME", "0.5", "at least 1, the time of row 2"),
        ({"TIME": {3: "."}}, 3, 1, "TIME", "blank", "a number: every record has a time"),
        ({"TIME": {3: "10:30"}}, 3, 1, "TIME", "'10:30'", "a number, not a date or a clock time"),
        ({"TIME": {3: pd.Timestamp(0)}}, 3, 1, "TIME", "1970", ""),
        ({"TIME": {3: "2,5"}}, 3, 1, "TIME", "'2,5'", "a number"),
        (
            {"DATE": {2: "2020-01-01"}},
            2,
            1,
            "DATE",
            "'2020-01-01'",
            "no dates: TIME alone says when",
        ),
        ({"ID": {2: None}}, 2, "-", "ID", "blank", "the subject's ID"),
        ({"ID": {2: float("inf")}}, 2, "-", "ID", "inf", "a finite number or printable text"),
        ({"ID": {2: "a\0"}}, 2, "-", "ID", r"'a\x00'", "a finite number or printable text"),
        ({"ID": {2: "9" * 400}}, 2, "-", "ID", "9" * 37 + "...", "a finite number or printable"),
        ({"ID": {2: 10**400}}, 2, "-", "ID", "1" + "0" * 36 + "...", "a finite number or print"),
        ({"ID": {2: True}}, 2, "-", "ID", "True", "a number or text"),
        ({"CENS": {2: 2}}, 2, 1, "CENS", "2", "1, -1, 0 or blank"),
        ({"CENS": {2: "BLQ"}}, 2, 1, "CENS", "'BLQ'", "a number"),
        ({"CENS": {1: 1}}, 1, 1, "CENS", "1", "0 or blank where EVID is not 0"),
        ({"CENS": {2: 1}, "DV": {2: None}}, 2, 1, "DV", "blank", "the limit of quantification: CE"),
        ({"CENS": {2: 1}, "LIMIT": {2: 3}}, 2, 1, "LIMIT", "3", "less than DV, 3, or blank: CENS"),
        ({"CENS": {2: 1}, "LIMIT": {2: 4}}, 2, 1, "LIMIT", "4", "less than DV, 3, or blank: CENS"),
        ({"CENS": {2: -1}, "LIMIT": {2: 3}}, 2, 1, "LIMIT", "3", "more than DV, 3, or blank: CENS"),
        ({"CENS": {2: 1}, "LIMIT": {2: "-inf"}}, 2, 1, "LIMIT", "-inf", "a finite number"),
        ({"LIMIT": {2: 0.1}}, 2, 1, "LIMIT", "0.1", "0 or blank: the table has no column CENS"),
        ({"LLOQ": {2: 0.1}}, 2, 1, "LLOQ", "0.1", "0 or blank: limits of .* beside CENS"),
        ({"OCC": [1, 1, None, 1, 1]}, 3, 1, "OCC", "blank", "the row's occasion"),
        (
            {"OCC": [1, 1, "a\0", 1, 1]},
            3,
            1,
            "OCC",
            r"'a\x00'",
            "a finite number or printable text",
        ),
        ({"OCC": [1, 1, True, 1, 1]}, 3, 1, "OCC", "True", "a finite number or printable text"),
    ],
)
def test_a_cell_at_fault(
    changes: Any, row: int, subject: Any, column: str, found: str, wanted: str
) -> None:
    match = line(row, subject, column, found, wanted)
    if found in ("1000", "1970"):  # cut short or followed by more
        match = rf"(?m)^ +{row} +{subject} +{column} +{found}"
    refused(frame(**changes), rows=[row], match=match)


def test_all_rows_at_fault_are_listed_in_one_error() -> None:
    text = refused(
        frame(AMT={1: None, 4: -1}, DV={2: "BLQ", 5: None}, TIME={3: 0.5}),
        rows=[1, 2, 3, 4, 5],
        match="5 problems in 5 rows",
    )
    assert text.splitlines()[2].split() == ["row", "ID", "column", "found", "wanted"]
    starts = {row.index("a positive amount") for row in text.splitlines() if "amount:" in row}
    assert len(starts) == 1  # the columns of the message are aligned
    assert text.count("Give the amount, or set EVID to 2") == 1  # equal cures are given once


def test_a_subject_split_in_the_table() -> None:
    table = frame(ID=[1, 1, 2, 1, 2], EVID=[0] * 5, AMT=[None] * 5, DV=[1] * 5)
    table["TIME"] = 0
    refused(
        table, rows=[4, 5], match=line(4, 1, "ID", "1", "an ID not seen before.*ended at row 2")
    )


@pytest.mark.parametrize("reset_row", [3, 4])
def test_time_does_not_restart_after_a_reset(reset_row: int) -> None:
    table = pd.DataFrame(
        {"ID": 1, "TIME": [0, 10, 10, 12, 13], "EVID": [1, 0, 2, 2, 0], "AMT": [5, *[None] * 4]}
    ).astype(object)
    table["DV"] = [None, 1, None, None, 2]
    table.loc[reset_row - 1, "EVID"] = 3
    table.loc[3, "TIME"] = 0
    refused(
        table,
        rows=[4],
        match=r"(?s)4 +1 +TIME +0 +at least 10, the time of row 3.*A reset \(EVID 3 or 4\) does not",
    )


def test_a_straight_line_does_not_jump() -> None:
    table = frame(TIME=[0, 1, 1, 0, 3], WT=[70, None, 72, 80, 80])
    assert read_nonmem(table, covariates=["WT"], interpolation="linear").n_observations == 3
    table["WT"] = [70, 71, 72, 80, 80]
    refused(
        table,
        rows=[3],
        match=line(3, 1, "WT", "72", "71 as in row 2, of the same time: a straight line does not"),
        covariates=["WT"],
        interpolation="linear",
    )
    for interpolation in ("locf", "nocb"):
        read_nonmem(table, covariates=["WT"], interpolation=interpolation)


def test_covariate_missing_for_a_subject() -> None:
    table = frame(WT=[70, None, 70, None, "."])
    refused(
        table,
        rows=[4],
        match=line(4, 2, "WT", "blank", "a number in at least one of"),
        covariates=["WT"],
    )


def test_covariate_that_is_text() -> None:
    table = frame(SEX=["M", "M", "M", 1, 1])
    refused(table, rows=[1, 2, 3], match=line(2, 1, "SEX", "'M'", "a number"), covariates=["SEX"])


def test_too_many_doses_of_a_subject_together() -> None:
    text = "ID,TIME,AMT,ADDL,II,DV\n" + "1,0,1,60000,1,\n" * 2 + "1,60000,,,,1\n"
    rows = [row.split(",") for row in text.split()]
    refused(pd.DataFrame(rows[1:], columns=rows[0]), rows=[2], match="makes 120000")


def test_a_table_without_observations() -> None:
    table = frame().iloc[[0, 3]]
    refused(table, rows=[None], match="no observation and no prediction point")


def test_an_empty_table() -> None:
    refused(frame().iloc[:0], rows=[None], match="at least one row below the header")
    refused(pd.DataFrame(), rows=[None] * 3, match="ID +no such column")


@pytest.mark.parametrize("name", ["ID", "TIME"])
def test_a_required_column_is_missing(name: str) -> None:
    refused(frame().drop(columns=name), rows=[None], match=rf"- +- +{name} +no such column")


def test_neither_dv_nor_evid() -> None:
    refused(frame().drop(columns=["DV", "EVID"]), rows=[None], match="DV, or EVID if nothing")


def test_a_column_hidden_in_the_index() -> None:
    refused(frame().set_index("ID"), rows=[None], match=r"table\.reset_index\(\)")


def test_two_columns_of_one_meaning() -> None:
    refused(frame(amt=[None] * 5), rows=[None], match="AMT +2 columns: AMT, amt +one column")
    table = pd.concat([frame(), frame()[["DV"]]], axis=1)
    refused(table, rows=[None], match="DV +2 columns: DV, DV +one column")


@pytest.mark.parametrize(
    ("heading", "meant"),
    [
        ("AMNT", "AMT"),
        ("Dose", "AMT"),
        ("AMT (mg)", "AMT"),
        ("EVDI", "EVID"),
        ("ADL", "ADDL"),
        ("Rates", "RATE"),
        ("tau", "II"),
        ("CPT", "CMT"),
        ("DV_ID", "DVID"),
        ("MVD", "MDV"),
        ("BLQ", "CENS"),
        ("Occasion", "OCC"),
        ("SS_flag", "SS"),
    ],
)
def test_a_column_spelt_nearly_like_one_of_meaning(heading: str, meant: str) -> None:
    table = frame().rename(columns={meant: heading})
    table[heading] = 1
    text = refused(table, rows=[None], match=f"{meant}, which the table lacks and this name resem")
    assert f"Rename it to {meant}." in text
    assert read_nonmem(frame(**{heading: [0] * 5})).n_observations == 3  # says nothing, so harmless


@pytest.mark.parametrize(
    ("changes", "refused_rows"),
    [
        ({"CENS": {2: 1, 5: 1}, "DV": {2: 0, 5: 0}}, [2, 5]),
        ({"CENS": {2: 1}, "DV": {2: "0.0"}, "LIMIT": {2: 0}}, [2]),
        ({"CENS": {2: True}, "DV": {2: 0}, "LIMIT": {2: 0.1}}, [2]),  # swapped
        # The other output may be negative, this one is not.
        ({"CENS": {2: 1}, "DV": {2: 0, 3: -1}, "DVID": {2: 1, 3: 2, 5: 1}}, [2]),
        ({"CENS": {2: 1}, "DV": {2: 0, 5: -1}}, []),  # a logarithm
        ({"CENS": {2: 1, 5: 1}, "DV": {2: 0, 5: -1}}, []),
        ({"CENS": {2: 1}, "DV": {2: 0}, "LIMIT": {2: -1e6}}, []),
        ({"CENS": {2: -1}, "DV": {2: 0}}, []),
        ({"CENS": {2: 1}, "DV": {2: 0}, "MDV": {2: 1}}, []),
        ({"CENS": {2: 0}, "DV": {2: 0}}, []),
    ],
)
def test_a_zero_where_the_limit_of_quantification_belongs(
    changes: dict[str, Any], refused_rows: list[int | None]
) -> None:
    table = frame(**changes)
    if not refused_rows:
        assert read_nonmem(table).n_observations == 3
        return
    text = refused(
        table, rows=refused_rows, match="DV +0.* +the limit of quantification: CENS is 1"
    )
    assert "table.loc[table['CENS'] == 1, 'DV'] = 0.05 where the limit is 0.05" in " ".join(
        text.split()
    )


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        (["BLQ"], "table.loc[table['BLQ'] == 1, 'DV'] = 0.05 where the limit is 0.05."),
        (["blq flag", "LOQ"], "table.loc[table['blq flag'] == 1, 'DV'] = table['LOQ']; then drop"),
        (["LOQ"], "table.loc[table['CENS'] == 1, 'DV'] = table['LOQ']; then drop the column LOQ"),
        (["CENS", "LLOQ"], "table.loc[table['CENS'] == 1, 'DV'] = table['LLOQ']; then drop the"),
    ],
)
def test_one_message_tells_the_whole_way_from_a_flag_and_a_limit_to_cens(
    columns: list[str], told: str
) -> None:
    table = frame(DV={2: 0})
    for name in columns:
        table[name] = [0, 1, 0, 0, 0] if name in ("BLQ", "blq flag", "CENS") else [0.1] * 5
    with pytest.raises(TableError, match=r"then drop|the limit is 0\.05") as caught:
        read_nonmem(table)
    text = " ".join(str(caught.value).split())
    assert told in text
    if columns[0].lower().startswith("blq"):
        assert "Rename it to CENS." in text
        assert "DV must hold the limit of quantification there, not 0" in text
    assert "Rename it to LLOQ" not in text


def test_a_column_of_durations_is_not_a_bolus() -> None:
    refused(frame(TINF=[2] * 5), rows=[None], match="RATE = AMT / duration")


def test_a_name_that_resembles_a_column_may_be_a_covariate() -> None:
    table = frame(DOSE=[4] * 5).assign(AMT=None, EVID=[0] * 5, DV=1)
    table = table.drop(columns="AMT")
    refused(table, rows=[None], match="DOSE +a column 'DOSE' +AMT, which the table lacks")
    assert read_nonmem(table, covariates=["DOSE"]).covariates["DOSE"].tolist() == [4, 4]


def test_an_unknown_covariate() -> None:
    text = refused(
        frame(),
        rows=[None],
        match="WT +no such column +a covariate of this name",
        covariates=["WT"],
    )
    assert "The table has ID, TIME, EVID, AMT, DV." in text


def test_an_object_that_cannot_be_shown() -> None:
    class Silent:
        def __str__(self) -> str:
            raise RuntimeError

    refused(frame(DV={2: Silent()}), rows=[2], match=line(2, 1, "DV", "<Silent>", "a number"))
    refused(frame(DV={2: "\ud800"}), rows=[2], match=r"'\\ud800'")


def write(folder: Path, content: bytes) -> Path:
    path = folder / "study.csv"
    path.write_bytes(content)
    return path


def test_ragged_rows(tmp_path: Path) -> None:
    path = write(tmp_path, b"ID,TIME,DV\n1,0,1\n1,1\n1,2,3,\n1,3,1,5\n")
    refused(path, rows=[2, 4], match=r"study\.csv: 2 problems in 2 rows(?s:.*)4 cells +3 cells, as")


@pytest.mark.parametrize(
    ("content", "row", "match"),
    [
        (b"", None, "no header"),
        (b"\nID,TIME,DV\n", None, "no header"),
        (b"ID;TIME;DV\n1;0;2\n", None, "a header with semicolons"),
        (b"ID\tTIME\tDV\n1\t0\t2\n", None, "a header with tabs"),
        (b"ID TIME DV\n1 0 2\n", None, "a header with blanks"),
        (b"ID,TIME,DV\n1,0,\xe9\n", None, "not UTF-8 text"),
        (b'ID,TIME,DV\n1,0,1\n1,1,"2\n', 2, "bad quoting"),
        (b"ID,TIME,DV\n", None, "a table without rows"),
    ],
)
def test_files_that_are_no_table(
    tmp_path: Path, content: bytes, row: int | None, match: str
) -> None:
    refused(write(tmp_path, content), rows=[row], match=match)


def test_a_missing_file(tmp_path: Path) -> None:
    write(tmp_path, b"ID,TIME,DV\n1,0,1\n")
    with pytest.raises(
        FileNotFoundError, match=r"no file 'studdy\.csv' in .*Close names.*study\.csv"
    ):
        read_nonmem(tmp_path / "studdy.csv")
    with pytest.raises(FileNotFoundError, match="which does not exist"):
        read_nonmem(tmp_path / "nowhere" / "study.csv")
    with pytest.raises(FileNotFoundError, match="text of several lines"):
        read_nonmem("ID,TIME,DV\n1,0,1\n")
    with pytest.raises(IsADirectoryError, match="is a folder"):
        read_nonmem(tmp_path)


@pytest.mark.parametrize("given", [None, [1], {"ID": [1]}, 3])
def test_what_is_neither_path_nor_frame(given: Any) -> None:
    with pytest.raises(TypeError, match="a CSV file or a pandas DataFrame, and got"):
        read_nonmem(given)


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"covariates": "WT"}, TypeError, r"Write covariates=\['WT'\]"),
        ({"covariates": [1]}, TypeError, "holds 1"),
        ({"covariates": ["TIME"]}, ValueError, "'TIME' cannot be a covariate"),
        ({"covariates": ["occ"]}, ValueError, "'occ' cannot be a covariate"),
        ({"covariates": ["WT", "wt"]}, ValueError, "each column once"),
        ({"covariates": [" "]}, ValueError, "no name of a column"),
        ({"interpolation": "spline"}, ValueError, r"\['locf', 'nocb', 'linear'\], and is 'spline'"),
    ],
)
def test_arguments(options: Any, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        read_nonmem(frame(), **options)


def test_the_error_itself() -> None:
    problems = [
        Problem(2, 7, "CMT", "'gut'", "depot or central", "Name a state."),
        Problem(None, None, "DV", "nothing", "something"),
    ]
    error = TableError(problems, source="trial")
    assert [problem.row for problem in error.problems] == [None, 7]
    assert isinstance(error, ValueError)
    for twin in (pickle.loads(pickle.dumps(error)), copy.deepcopy(error)):
        assert str(twin) == str(error)
        assert twin.problems == error.problems
    with pytest.raises(ValueError, match="at least one problem"):
        TableError([])


def test_the_whole_message() -> None:
    table = frame(AMT={1: None}, DV={5: None})
    with pytest.raises(TableError, match="table: 2 problems") as caught:
        read_nonmem(table)
    assert str(caught.value) == (
        "table: 2 problems in 2 rows (rows are counted from 1 below the header); nothing was read."
        "\n"
        "\n"
        "  row  ID  column  found  wanted\n"
        "    1   1  AMT     blank  a positive amount: EVID is 1, a dose\n"
        "    5   2  DV      blank  a number: the row is an observation\n"
        "\n"
        "What to do:\n"
        "  AMT: Give the amount, or set EVID to 2 if nothing was given.\n"
        "  DV: If nothing was measured, set MDV to 1 (or EVID to 2) to predict at that time only, "
        "or delete\n"
        "      the row."
    )


def test_the_cures_of_steady_states_and_censoring() -> None:
    table = frame(
        SS={1: 1, 4: 2}, AMT={4: 0}, RATE={4: -1}, CENS={2: 1, 3: 1}, LIMIT={3: 2}, DV={2: "<0.1"}
    )
    with pytest.raises(TableError, match="4 problems in 4 rows") as caught:
        read_nonmem(table)
    assert str(caught.value) == (
        "table: 4 problems in 4 rows (rows are counted from 1 below the header); nothing was read."
        "\n"
        "\n"
        "  row  ID  column  found         wanted\n"
        "    1   1  II      no column II  a positive interval between doses: SS is 1\n"
        "    2   1  DV      '<0.1'        a number, or blank\n"
        "    3   1  LIMIT   2             less than DV, 2, or blank: CENS is 1\n"
        "    4   2  RATE    -1            the positive rate of a constant infusion: AMT is 0 and SS "
        "is 2\n"
        "\n"
        "What to do:\n"
        "  II: Give II, the time between the doses that have led to the steady state.\n"
        "  DV: For a value below the limit of quantification, write the limit into DV and 1 into a "
        "column\n"
        "      CENS (-1 above an upper limit). If nothing was measured, leave DV blank and set MDV to 1.\n"
        "  LIMIT: A censored truth lies between LIMIT and DV; where LIMIT is blank, the interval has "
        "no end\n"
        "      on that side.\n"
        "  RATE: Only a dose with an amount can have a rate or a duration from the system (-1, -2)."
    )


def test_many_rows_with_one_fault_take_few_lines_and_none_is_left_out() -> None:
    rows = [*range(3, 12), 20, 22, *range(30, 40)]
    many = [Problem(1, row, "DVID", "'ca'", "'cp'") for row in rows]
    error = TableError([*many, Problem(2, 50, "AMT", "-1", "a positive number")])
    text = str(error)
    assert len(error.problems) == len(rows) + 1
    assert "DVID 'ca': the same in 15 more rows (9-11, 20, 22, 30-39)" in text
    assert "50" in text
    assert len(text.splitlines()) == 3 + 6 + 1 + 1
