"""Every table is read exactly as a second, independent reading has it, or refused with its rows."""

from __future__ import annotations

import csv
import math
import re
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bnode_nlme.study import Study, TableError, read_nonmem
from tests.study.plain_reading import plain_reading
from tests.study.tables import Table, spoilt_tables, valid_tables

COLUMNS = (
    "time",
    "evid",
    "amount",
    "rate",
    "additional",
    "interval",
    "compartment",
    "output",
    "steady_state",
    "censoring",
)
INTERPOLATIONS = st.sampled_from(["locf", "nocb", "linear"])
EVERY_DAY = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None
)
THOROUGH = settings(EVERY_DAY, max_examples=10_000)


def check(
    headings: list[Any], rows: list[list[Any]], covariates: Any, table: Any, how: Any
) -> bool:
    """Read `table` both ways and compare; whether it was read."""
    plain = plain_reading(headings, rows, covariates, how)
    refused, study = None, None
    try:
        study = read_nonmem(table, covariates=covariates, interpolation=how)
    except TableError as error:
        refused = error
    if study is not None:
        assert plain.faults == set()
        agree(study, plain)
        return True
    assert refused is not None
    assert {problem.row for problem in refused.problems} == plain.faults
    named = rows_named_in(str(refused))
    for problem in refused.problems:
        assert problem.row is not None or problem.column
        assert ("-" if problem.row is None else str(problem.row)) in named
    return False


def rows_named_in(message: str) -> set[str]:
    """Rows with a line of their own, or in the list of those with the same fault."""
    named = {line.split()[0] for line in message.splitlines() if line.strip()}
    for listed in re.findall(r"the same in \d+ more rows \(([^)]*)\)", message):
        for run in listed.split(","):
            first, _, last = run.strip().partition("-")
            named |= set(map(str, range(int(first), int(last or first) + 1)))
    return named


def agree(study: Study, plain: Any) -> None:
    assert study.subjects.tolist() == plain.subjects
    assert len(study.records) == len(plain.records)
    for name in COLUMNS:
        assert getattr(study.records, name).tolist() == [r[name] for r in plain.records], name
    assert study.records.row.tolist() == [r["row"] for r in plain.records]
    labels = [str(study.subjects[k]) for k in study.records.subject]
    assert labels == [r["label"] for r in plain.records]
    for name in ("value", "limit"):
        for number, record in zip(getattr(study.records, name), plain.records, strict=True):
            assert math.isnan(number) if record[name] is None else number == record[name]
    assert {k: v.tolist() for k, v in study.covariates.items()} == plain.covariates
    assert list(study.varying) == list(plain.varying)
    for name, values in study.varying.items():
        # The plain reading is exact, and rounded once.
        tolerance = 1e-12 if study.interpolation == "linear" else 0.0
        largest = max(map(abs, plain.varying[name]))
        np.testing.assert_allclose(values, plain.varying[name], tolerance, tolerance * largest)
    if plain.occasions is None:
        assert study.occasions is None
        assert set(study.records.occasion.tolist()) == {-1}
        return
    assert study.occasions is not None
    pairs = zip(study.occasions.subject.tolist(), study.occasions.label.tolist(), strict=True)
    assert list(pairs) == plain.occasions
    for k, record in zip(study.records.occasion, plain.records, strict=True):
        subject, label = plain.occasions[k]
        assert (str(plain.subjects[subject]), str(label)) == record["occasion"]


def check_frame(table: Table, dtypes: str, how: str) -> bool:
    frame = table.frame()
    if dtypes == "inferred":
        frame = frame.infer_objects()
    elif dtypes == "indexed":
        frame.index = pd.Index([f"i{k % 2}" for k in range(len(frame))], dtype=object)
    # From the frame, because pandas may round or retype what it was given.
    rows = [[frame.iloc[i, j] for j in range(frame.shape[1])] for i in range(frame.shape[0])]
    return check(list(frame.columns), rows, table.covariates, frame, how)


def check_file(table: Table, how: str) -> bool:
    def text(cell: Any) -> str:
        try:
            return "" if cell is None else str(cell)
        except RuntimeError:
            return "unprintable"

    headings = [text(heading) for heading in table.headings]
    rows = [[text(cell) for cell in row] for row in table.rows]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "study.csv")
        with path.open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream).writerows([headings, *rows])
        if not any(heading.strip() for heading in headings):
            with pytest.raises(TableError, match="no header"):
                read_nonmem(path)
            return False
        return check(headings, rows, table.covariates, path, how)


DTYPES = st.sampled_from(["objects", "inferred", "indexed"])


@EVERY_DAY
@given(spoilt_tables(), DTYPES, INTERPOLATIONS)
def test_spoilt_frames_are_read_as_written_or_refused(table: Table, dtypes: str, how: str) -> None:
    check_frame(table, dtypes, how)


@EVERY_DAY
@given(spoilt_tables(), INTERPOLATIONS)
def test_spoilt_files_are_read_as_written_or_refused(table: Table, how: str) -> None:
    check_file(table, how)


@pytest.mark.slow
def test_ten_thousand_spoilt_frames_are_read_as_written_or_refused() -> None:
    outcomes = []

    @THOROUGH
    @given(spoilt_tables(), DTYPES, INTERPOLATIONS)
    def run(table: Table, dtypes: str, how: str) -> None:
        outcomes.append(check_frame(table, dtypes, how))

    run()
    # Neither outcome may be so rare that the comparison is empty.
    assert len(outcomes) >= 10_000
    assert 0.05 < np.mean(outcomes) < 0.95


@pytest.mark.slow
def test_ten_thousand_spoilt_files_are_read_as_written_or_refused() -> None:
    outcomes = []

    @THOROUGH
    @given(spoilt_tables(), INTERPOLATIONS)
    def run(table: Table, how: str) -> None:
        outcomes.append(check_file(table, how))

    run()
    assert len(outcomes) >= 10_000
    assert 0.05 < np.mean(outcomes) < 0.95


@EVERY_DAY
@given(valid_tables(), st.sampled_from(["objects", "inferred", "indexed", "file"]), INTERPOLATIONS)
def test_valid_tables_give_back_what_was_written(
    written: tuple[Table, list[dict[str, Any]]], way: str, how: str
) -> None:
    table, expected = written
    assert check_file(table, how) if way == "file" else check_frame(table, way, how)
    study = read_nonmem(table.frame(), covariates=table.covariates)
    for name in (*COLUMNS, "subject", "row", "value", "limit"):
        found = getattr(study.records, name)
        np.testing.assert_array_equal(found, [record[name] for record in expected], err_msg=name)


@EVERY_DAY
@given(valid_tables(), INTERPOLATIONS)
def test_a_study_written_out_and_read_again_is_the_same(
    written: tuple[Table, list[dict[str, Any]]], how: Any
) -> None:
    table, _ = written
    study = read_nonmem(table.frame(), covariates=table.covariates, interpolation=how)
    again = read_nonmem(as_frame(study), covariates=table.covariates, interpolation=how)
    assert again.subjects.tolist() == study.subjects.tolist()
    for name in (*COLUMNS, "subject", "row", "value", "limit"):
        first, second = getattr(study.records, name), getattr(again.records, name)
        np.testing.assert_array_equal(first, second, err_msg=name)
    for name, values in study.covariates.items():
        np.testing.assert_array_equal(again.covariates[name], values)
    assert list(again.varying) == list(study.varying)
    for name, values in study.varying.items():
        np.testing.assert_array_equal(again.varying[name], values)
    np.testing.assert_array_equal(again.records.occasion, study.records.occasion)
    if study.occasions is not None and again.occasions is not None:
        assert again.occasions.label.tolist() == study.occasions.label.tolist()
        assert again.occasions.subject.tolist() == study.occasions.subject.tolist()


def as_frame(study: Study) -> pd.DataFrame:
    records = study.records
    return pd.DataFrame(
        {
            "ID": study.subjects[records.subject],
            "TIME": records.time,
            "EVID": records.evid,
            "AMT": records.amount,
            "RATE": records.rate,
            "ADDL": records.additional,
            "II": records.interval,
            "CMT": records.compartment,
            "DVID": records.output,
            "DV": records.value,
            "MDV": np.isnan(records.value),
            "SS": records.steady_state,
            "CENS": records.censoring,
            "LIMIT": records.limit,
            "OCC": None if study.occasions is None else study.occasions.label[records.occasion],
            **{
                name: study.varying.get(name, values[records.subject])
                for name, values in study.covariates.items()
            },
        }
    )


@EVERY_DAY
@given(st.data())
def test_a_file_of_random_edits_never_crashes(data: st.DataObject) -> None:
    text = "ID,TIME,EVID,AMT,DV\n1,0,1,100,\n1,1,0,,3.5\n2,0,1,80,\n2,4,2,,\n"
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(0, len(text)))
        cut = data.draw(st.integers(0, 4))
        new = data.draw(st.sampled_from([",", "\n", '"', "\r", "\0", ";", "'", "-", "9", "é", "#"]))
        text = text[:at] + new + text[at + cut :]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "study.csv")
        path.write_bytes(text.encode(data.draw(st.sampled_from(["utf-8", "latin-1", "utf-16"]))))
        message, study = "", None
        try:
            study = read_nonmem(path)
        except TableError as error:
            message = str(error)
        if study is None:
            assert message.startswith("study.csv: ")
        else:
            assert study.n_observations > 0
