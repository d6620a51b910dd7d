"""A second, slow reading of event tables, row by row in plain Python, to hold the reader against.

It shares no code with the package. Where a table cannot be read it says which rows are at fault.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd

EVENTS = ["ID", "TIME", "EVID", "AMT", "RATE", "ADDL", "II", "SS", "CMT", "DV", "DVID", "MDV"]
LATER = ["CENS", "LIMIT", "LLOQ", "OCC", "DATE"]
# Headings that the fuzzer uses, and the column that each is taken to be meant for.
NEARLY = {
    "AMNT": "AMT",
    "Dose": "AMT",
    "EVDI": "EVID",
    "ADL": "ADDL",
    "DUR": "RATE",
    "tau": "II",
    "CMTS": "CMT",
    "DV_ID": "DVID",
    "Ss (0/1)": "SS",
    "occasion": "OCC",
    "BLQ": "CENS",
    "LOQ": "LLOQ",
}
BLANK, TEXT, BAD, NUMBER, BOOLEAN = "blank", "text", "bad", "number", "boolean"


@dataclass
class Reading:
    """What the table says, and the rows at fault (None: the table as a whole)."""

    faults: set[int | None] = field(default_factory=set)
    records: list[dict[str, Any]] = field(default_factory=list)
    covariates: dict[str, list[float]] = field(default_factory=dict)
    subjects: list[int] | list[str] = field(default_factory=list)


def kind(raw: Any) -> tuple[str, Any]:
    if isinstance(raw, str):
        text = raw.strip()
        if text in ("", ".", "NA", "NaN", "nan", "<NA>"):
            return BLANK, None
        try:
            number = float(text) if text.isascii() and "_" not in text else math.nan
        except ValueError:
            return TEXT, text
        return (TEXT, text) if math.isnan(number) else (NUMBER, number)
    if raw is None or raw is pd.NA or raw is pd.NaT:
        return BLANK, None
    if isinstance(raw, (bool, np.bool_)):
        return BOOLEAN, bool(raw)
    if isinstance(raw, (int, float, np.integer, np.floating, Decimal, Fraction)):
        try:
            number = float(raw)
        except OverflowError:
            return NUMBER, math.inf
        except ValueError:
            return BAD, None
        return (BLANK, None) if math.isnan(number) else (NUMBER, number)
    return BAD, None


def subject_label(raw: Any) -> str | None:
    what, value = kind(raw)
    if what == BLANK or what in (BAD, BOOLEAN) or value in (math.inf, -math.inf):
        return None
    if isinstance(raw, str):
        text = raw.strip()
        head, _, tail = text.partition(".")
        digits = head.removeprefix("-")
        if (
            digits.isascii()
            and digits.isdigit()
            and str(int(digits)) == digits
            and set(tail) <= {"0"}
        ):
            return str(int(head))
        return text if text.isprintable() else None
    if isinstance(raw, (int, np.integer)):
        return str(raw) if abs(int(raw)) < 10**300 else None
    if raw != value:
        return None
    return str(int(value)) if value == int(value) and abs(value) < 1e30 else repr(value)


def plain_reading(
    headings: Sequence[Any], rows: Sequence[Sequence[Any]], covariates: Sequence[str]
) -> Reading:
    reading = Reading()
    faults = reading.faults
    upper = [h.strip().upper() if isinstance(h, str) else "" for h in headings]
    if _table_at_fault(headings, upper, rows, covariates):
        faults.add(None)
        return reading
    wanted = [*EVENTS, *LATER, *[name.upper() for name in covariates]]
    table = [{n: row[upper.index(n)] if n in upper else None for n in wanted} for row in rows]
    labels = [subject_label(cells["ID"]) for cells in table]
    for r, cells in enumerate(table):
        record, fault = read_row(cells, has_evid="EVID" in upper)
        reading.records.append({**record, "row": r + 1, "label": labels[r]})
        if fault or labels[r] is None:
            faults.add(r + 1)
    if all(record["evid"] in (1, 3, 4) for record in reading.records):
        faults.add(None)
    order = list(dict.fromkeys(label for label in labels if label is not None))
    for label in order:
        mine = [r for r in range(len(rows)) if labels[r] == label]
        faults.update(r + 1 for r in _occasion_changes(mine, table))
        for name in covariates:
            value, fault_rows = _one_value(mine, table, name)
            faults.update(r + 1 for r in fault_rows)
            reading.covariates.setdefault(name, []).append(value)
    for r, cells in enumerate(table):
        if any(_no_number(*kind(cells[name.upper()]), booleans=True) for name in covariates):
            faults.add(r + 1)
    faults.update(r + 1 for r in _split(labels))
    backwards = _backwards(labels, reading.records)
    faults.update(r + 1 for r in backwards)
    if not backwards:
        faults.update(r + 1 for r in _too_many_doses(labels, reading.records))
    whole = all(_is_int64(label) for label in order)
    reading.subjects = [int(label) for label in order] if whole else order
    return reading


def _table_at_fault(
    headings: Sequence[Any],
    upper: list[str],
    rows: Sequence[Sequence[Any]],
    covariates: Sequence[str],
) -> bool:
    used = [*EVENTS, *LATER, *[name.upper() for name in covariates]]
    if any(upper.count(name) > 1 for name in used) or not rows:
        return True
    if "ID" not in upper or "TIME" not in upper or not {"DV", "EVID"} & set(upper):
        return True
    if not {name.upper() for name in covariates} <= set(upper):
        return True
    for j, heading in enumerate(headings):
        if heading in NEARLY and NEARLY[heading] not in upper and heading.upper() not in used:
            contents = [kind(row[j]) for row in rows]
            if any(what in (TEXT, BAD) or bool(value) for what, value in contents):
                return True
    return False


def _no_number(what: str, value: Any, booleans: bool = False) -> bool:
    if what == NUMBER:
        return not math.isfinite(value)
    return what in (TEXT, BAD) or (what == BOOLEAN and not booleans)


def read_row(cells: dict[str, Any], *, has_evid: bool) -> tuple[dict[str, Any], bool]:
    """The record of one row, and whether anything in the row is at fault."""
    wrong: list[bool] = []
    number: dict[str, float | None] = {}
    broken: dict[str, bool] = {}
    for name in ("TIME", "EVID", "AMT", "RATE", "ADDL", "II", "SS", "DV", "MDV"):
        what, value = kind(cells[name])
        broken[name] = _no_number(what, value, booleans=name == "MDV")
        number[name] = None if broken[name] or what == BLANK else float(value)
    wrong += broken.values()
    wrong.append(number["TIME"] is None)

    evid = number["EVID"]
    if not has_evid and not broken["AMT"]:
        evid = 1.0 if number["AMT"] else (2.0 if number["MDV"] == 1 else 0.0)
    if evid not in (0, 1, 2, 3, 4):
        evid = None
        wrong.append(True)
    dose = evid in (1, 4)
    wrong.append(number["MDV"] not in (None, 0, 1))
    amount, rate, interval = number["AMT"] or 0.0, number["RATE"] or 0.0, number["II"] or 0.0
    count = number["ADDL"] or 0.0
    if evid in (0, 2, 3):
        wrong.append(any((amount, rate, count, interval, number["SS"])))
    if dose:
        wrong += [bool(number["SS"]), amount < 0, rate < 0, interval < 0]
        wrong.append(amount == 0)  # with SS it is not at fault itself, but SS is
        wrong.append(count < 0 or count != int(count) or count > 10**9)
        wrong.append(count > 0 and interval <= 0)
        if rate > 0 and amount > 0:
            duration = Fraction(amount) / Fraction(rate)
            wrong.append(not Fraction(5e-324) / 2 < duration < Fraction(2) ** 1024)
    if evid in (1, 2, 3, 4):
        wrong.append(number["MDV"] == 0)
        wrong.append(number["MDV"] is None and bool(number["DV"]))
    measured = evid == 0 and number["MDV"] in (None, 0)
    wrong.append(measured and number["DV"] is None)

    label = {}
    for name, needed in (("CMT", dose), ("DVID", evid in (0, 2))):
        what, value = kind(cells[name])
        label[name] = ""
        if what == NUMBER and 1 <= value <= 10**9 and value == int(value):
            label[name] = str(int(value))
        elif what == TEXT and value.isidentifier():
            label[name] = value
        elif what != BLANK and (needed or (what, value) != (NUMBER, 0)):
            wrong.append(True)
    for name in ("CENS", "LIMIT", "LLOQ"):
        what, value = kind(cells[name])
        wrong.append(what in (TEXT, BAD) or bool(value))
    wrong.append(kind(cells["DATE"])[0] != BLANK)
    record = {
        "time": number["TIME"],
        "evid": evid,
        "amount": amount if dose else 0.0,
        "rate": rate if dose else 0.0,
        "additional": count if dose else 0.0,
        "interval": interval if dose else 0.0,
        "compartment": label["CMT"],
        "output": label["DVID"],
        "value": number["DV"] if measured else None,
    }
    return record, any(wrong)


def _one_value(mine: list[int], table: list[dict[str, Any]], name: str) -> tuple[float, list[int]]:
    cells = [(r, *kind(table[r][name.upper()])) for r in mine]
    readable = [(r, float(v)) for r, w, v in cells if w != BLANK and not _no_number(w, v, True)]
    if readable:
        return readable[0][1], [r for r, value in readable if value != readable[0][1]]
    return math.nan, mine[:1] if all(what == BLANK for _, what, _ in cells) else []


def _occasion_changes(mine: list[int], table: list[dict[str, Any]]) -> list[int]:
    given = [(r, *kind(table[r]["OCC"])) for r in mine if kind(table[r]["OCC"])[0] != BLANK]
    return [r for r, what, value in given if what == BAD or value != given[0][2]]


def _split(labels: list[str | None]) -> list[int]:
    runs: list[str] = []
    faults = []
    for r, label in enumerate(labels):
        if label is None or (runs and runs[-1] == label):
            continue
        if label in runs:
            faults.append(r)
        runs.append(label)
    return faults


def _backwards(labels: list[str | None], records: list[dict[str, Any]]) -> list[int]:
    faults = []
    known = [r for r, label in enumerate(labels) if label is not None]
    for position, r in enumerate(known):
        for before in reversed(known[:position]):
            if labels[before] != labels[r]:
                break
            if records[before]["time"] is None:
                continue
            now = records[r]["time"]
            if now is not None and now < records[before]["time"]:
                faults.append(r)
            break
    return faults


def _too_many_doses(labels: list[str | None], records: list[dict[str, Any]]) -> list[int]:
    faults = []
    for label in {label for label in labels if label is not None}:
        mine = [r for r, each in enumerate(labels) if each == label]
        times = [records[r]["time"] for r in mine if records[r]["time"] is not None]
        total = 0
        for r in mine:
            record = records[r]
            count, interval = record["additional"], record["interval"]
            usable = 0 <= count <= 10**9 and interval > 0 and record["time"] is not None
            if usable and int(count) > 0:
                due = (Fraction(max(times)) - Fraction(record["time"])) / Fraction(interval)
                total += min(int(count), math.floor(due))
                if total > 100_000:
                    faults.append(r)
    return faults


def _is_int64(label: str) -> bool:
    digits = label.removeprefix("-")
    plain = digits.isascii() and digits.isdigit() and str(int(digits)) == digits
    return plain and -(2**63) <= int(label) < 2**63
