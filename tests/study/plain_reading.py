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
EVENTS += ["CENS", "LIMIT", "OCC"]
REFUSED = ["LLOQ", "DATE"]
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
    varying: dict[str, list[float]] = field(default_factory=dict)
    subjects: list[int] | list[str] = field(default_factory=list)
    occasions: list[tuple[int, int | str]] | None = None


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
    headings: Sequence[Any],
    rows: Sequence[Sequence[Any]],
    covariates: Sequence[str],
    interpolation: str = "locf",
) -> Reading:
    reading = Reading()
    faults = reading.faults
    upper = [h.strip().upper() if isinstance(h, str) else "" for h in headings]
    if _table_at_fault(headings, upper, rows, covariates):
        faults.add(None)
        return reading
    wanted = [*EVENTS, *REFUSED, *[name.upper() for name in covariates]]
    table = [{n: row[upper.index(n)] if n in upper else None for n in wanted} for row in rows]
    labels = [subject_label(cells["ID"]) for cells in table]
    for r, cells in enumerate(table):
        record, fault = read_row(cells, has_evid="EVID" in upper, has_cens="CENS" in upper)
        reading.records.append({**record, "row": r + 1, "label": labels[r]})
        if fault or labels[r] is None:
            faults.add(r + 1)
    if all(record["evid"] in (1, 3, 4) for record in reading.records):
        faults.add(None)
    faults.update(r + 1 for r in _zeros_for_limits(reading.records))
    order = list(dict.fromkeys(label for label in labels if label is not None))
    faults.update(r + 1 for r in _occasions(reading, table, labels, order))
    numbers: dict[str, list[float | None]] = {}
    for name in covariates:
        read = [kind(row[name.upper()]) for row in table]
        given = [None if w == BLANK or _no_number(w, v, True) else float(v) for w, v in read]
        for label in order:
            mine = [r for r in range(len(rows)) if labels[r] == label]
            if all(read[r][0] == BLANK for r in mine):
                faults.add(mine[0] + 1)
        if interpolation == "linear":
            faults.update(r + 1 for r in _jumps(labels, reading.records, given))
        numbers[name] = given
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
    if not faults:
        for name, given in numbers.items():
            _fill_covariate(reading, name, labels, given, interpolation)
    return reading


def _table_at_fault(
    headings: Sequence[Any],
    upper: list[str],
    rows: Sequence[Sequence[Any]],
    covariates: Sequence[str],
) -> bool:
    used = [*EVENTS, *REFUSED, *[name.upper() for name in covariates]]
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


def read_row(
    cells: dict[str, Any], *, has_evid: bool, has_cens: bool
) -> tuple[dict[str, Any], bool]:
    """The record of one row, and whether anything in the row is at fault."""
    wrong: list[bool] = []
    number: dict[str, float | None] = {}
    broken: dict[str, bool] = {}
    numbers = ("TIME", "EVID", "AMT", "RATE", "ADDL", "II", "SS", "DV", "MDV", "CENS", "LIMIT")
    for name in numbers:
        what, value = kind(cells[name])
        broken[name] = _no_number(what, value, booleans=name in ("MDV", "CENS"))
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
    steady = number["SS"] or 0.0
    if dose:
        wrong += [interval < 0, steady not in (0, 1, 2)]
        wrong.append(count < 0 or count != int(count) or count > 10**9)
        if steady in (1, 2) and amount == 0:
            wrong += [rate <= 0, interval != 0, count > 0]
        else:
            wrong += [amount <= 0, rate < 0 and rate not in (-1, -2)]
            wrong.append((count > 0 or steady in (1, 2)) and interval <= 0)
        if rate > 0 and amount > 0:
            duration = Fraction(amount) / Fraction(rate)
            wrong.append(not Fraction(5e-324) / 2 < duration < Fraction(2) ** 1024)
            wrong.append(
                steady in (1, 2) and interval > 0 and duration > 100_000 * Fraction(interval)
            )
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
    what, value = kind(cells["LLOQ"])
    wrong.append(what in (TEXT, BAD) or bool(value))
    cens, limit, dv = number["CENS"] or 0.0, number["LIMIT"], number["DV"]
    wrong.append(cens not in (-1, 0, 1))
    wrong.append(evid in (1, 2, 3, 4) and number["MDV"] != 1 and cens != 0)
    wrong.append(not has_cens and bool(limit))
    if not measured or cens == 0:
        cens, limit = 0.0, None
    elif limit is not None and dv is not None:
        wrong.append(limit >= dv if cens == 1 else limit <= dv)
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
        "steady_state": steady if dose else 0.0,
        "censoring": cens,
        "limit": limit,
    }
    return record, any(wrong)


def _zeros_for_limits(records: list[dict[str, Any]]) -> list[int]:
    negative = {r["output"] for r in records if r["value"] is not None and r["value"] < 0}
    return [
        place
        for place, r in enumerate(records)
        if (r["censoring"], r["value"]) == (1, 0)
        and not (r["limit"] is not None and r["limit"] < 0)
        and r["output"] not in negative
    ]


def _occasions(
    reading: Reading, table: list[dict[str, Any]], labels: list[str | None], order: list[str]
) -> list[int]:
    """Put the occasions into the reading; the rows that have none."""
    if all(kind(cells["OCC"])[0] == BLANK for cells in table):
        for record in reading.records:
            record["occasion"] = None
        return []
    names = [subject_label(cells["OCC"]) for cells in table]
    pairs: list[tuple[int, str]] = []
    for subject, label in enumerate(order):
        for r, name in enumerate(names):
            if labels[r] == label and name is not None and (subject, name) not in pairs:
                pairs.append((subject, name))
    for r, record in enumerate(reading.records):
        record["occasion"] = (labels[r], names[r])
    whole = all(_is_int64(name) for _, name in pairs)
    reading.occasions = [(s, int(name) if whole else name) for s, name in pairs]
    return [r for r, name in enumerate(names) if name is None]


def _jumps(
    labels: list[str | None], records: list[dict[str, Any]], given: list[float | None]
) -> list[int]:
    faults, last = [], None
    for r, value in enumerate(given):
        time = records[r]["time"]
        if value is None or time is None or labels[r] is None:
            continue
        if last is not None and labels[last] == labels[r] and given[last] != value:
            before = records[last]["time"]
            if abs(time - before) <= 1e-12 * max(abs(time), abs(before)):
                faults.append(r)
        last = r
    return faults


def _fill_covariate(
    reading: Reading,
    name: str,
    labels: list[str | None],
    given: list[float | None],
    interpolation: str,
) -> None:
    """Each blank cell from the nearest given ones of the subject, found by looking at all rows."""
    values: list[float] = []
    for r, value in enumerate(given):
        mine = [k for k, label in enumerate(labels) if label == labels[r] and given[k] is not None]
        above, below = [k for k in mine if k < r], [k for k in mine if k > r]
        if value is not None:
            values.append(value)
        elif interpolation == "linear" and above and below:
            a, b = above[-1], below[0]
            start, time, stop = (Fraction(reading.records[k]["time"]) for k in (a, r, b))
            first, last = Fraction(given[a] or 0.0), Fraction(given[b] or 0.0)
            part = (time - start) / (stop - start) if stop > start else Fraction(0)
            values.append(float(first + part * (last - first)))
        elif (interpolation == "nocb" and below) or not above:
            values.append(given[below[0]] or 0.0)
        else:
            values.append(given[above[-1]] or 0.0)
    firsts = [labels.index(label) for label in dict.fromkeys(labels)]
    reading.covariates[name] = [values[k] for k in firsts]
    if any(value != values[labels.index(labels[r])] for r, value in enumerate(values)):
        reading.varying[name] = values


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
