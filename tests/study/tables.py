"""Hypothesis strategies for event tables: valid ones, and ways to spoil them."""

from __future__ import annotations

import datetime
import math
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from tests.study.plain_reading import NEARLY


class Unprintable:
    """An object that cannot even be shown."""

    def __repr__(self) -> str:
        raise RuntimeError("no text for you")


@dataclass(frozen=True)
class Table:
    headings: tuple[Any, ...]
    rows: tuple[tuple[Any, ...], ...]
    covariates: tuple[str, ...] = ()

    def frame(self) -> pd.DataFrame:
        columns = {k: [row[k] for row in self.rows] for k in range(len(self.headings))}
        frame = pd.DataFrame(columns, dtype=object, index=range(len(self.rows)))
        frame.columns = pd.Index(self.headings, dtype=object)
        return frame


_TEXT = st.text(st.characters(codec="utf-8"), max_size=6)
JUNK = st.one_of(
    st.sampled_from(
        [
            None,
            "",
            " ",
            ".",
            "NA",
            "NaN",
            "nan",
            "<NA>",
            math.nan,
            pd.NA,
            pd.NaT,
            math.inf,
            -math.inf,
            "inf",
            "-Infinity",
            "1e999",
            10**400,
            -(10**400),
            "nAn",
            True,
            False,
            np.True_,
            "True",
            b"5",
            1 + 2j,
            [1],
            {},
            (1, 2),
            object(),
            Unprintable(),
            "abc",
            "12abc",
            "1,5",
            "１２",
            "1_000",
            "☃",
            "0x10",
            "1 2",
            "=A1",
            "a\nb",
            "a\0",
            '"',
            "10:30",
            "2020-01-01",
            pd.Timestamp(0),
            pd.Timedelta(1),
            datetime.time(10, 30),
            -2,
            -1,
            0,
            1,
            2,
            3,
            4,
            5,
            100,
            1.5,
            -0.0,
            "1.0",
            " 2 ",
            "1e3",
            "001",
            "-0",
            "-1",
            "+1",
            1e300,
            -1e300,
            5e-324,
            1e20,
            10**18,
            2**53 + 1,
            2**63,
            1e-5,
            "1e-300",
            Decimal("2.5"),
            Decimal("NaN"),
            Decimal("sNaN"),
            Decimal("1.00000000000000000001"),
            Fraction(1, 3),
            np.float32(0.1),
            np.int8(3),
            np.uint64(2**64 - 1),
            np.array([1, 2]),
            "depot",
            "central",
            "cp",
            "étage",
            "baseline",
            "two words",
            "if",
        ]
    ),
    _TEXT,
    st.floats(),
    st.integers(-5, 50),
)
_HEADINGS = st.one_of(
    st.sampled_from(
        [*NEARLY, "amt", "Time", " ID ", "dv", "wt", "AST", "RACE", "COMMENT", "", "☃"]
    ),
    st.sampled_from(
        ["CENS", "LIMIT", "LLOQ", "OCC", "DATE", "MDV", "RATE", "II", 3, None, ("ID", 1)]
    ),
)


@st.composite
def valid_tables(draw: st.DrawFn) -> tuple[Table, list[dict[str, Any]]]:
    """A table that must be read, and the records that must come out."""
    optional = ("EVID", "MDV", "RATE", "ADDL", "CMT", "DVID", "SS", "CENS", "OCC")
    has = {name: draw(st.booleans()) for name in optional}
    has["SS"] &= has["ADDL"]  # with II
    has["LIMIT"] = has["CENS"] and draw(st.booleans())
    blank = st.sampled_from([None, ".", "", "NA", math.nan])
    kinds = ["observation", "bolus"]
    kinds += ["prediction", "reset", "reset and dose"] if has["EVID"] else []
    kinds += ["unmeasured"] if has["MDV"] else []
    kinds += ["infusion", "modelled"] if has["RATE"] else []
    kinds += ["repeated"] if has["ADDL"] else []
    kinds += ["steady"] if has["SS"] else []
    kinds += ["steady infusion"] if has["SS"] and has["RATE"] else []
    kinds += ["constant"] if has["SS"] and has["RATE"] and has["EVID"] else []
    kinds += ["censored"] * 2 if has["CENS"] else []
    weights = st.floats(1, 200)
    ids: list[Any] = draw(
        st.one_of(
            st.lists(st.integers(-3, 2**62), min_size=1, max_size=4, unique=True),
            st.lists(st.sampled_from(["a", "B7", "007", "7", "x y"]), min_size=1, unique=True),
        )
    )
    amounts = st.floats(1e-3, 1e6)
    repeated, measured = ("repeated", "steady", "steady infusion"), ("observation", "censored")
    occasion = draw(st.sampled_from([3, "baseline"]))
    rows: list[dict[str, Any]] = []
    expected: list[dict[str, Any]] = []
    for subject, label in enumerate(ids):
        n = draw(st.integers(1, 5))
        times = sorted(
            round(t, 6) for t in draw(st.lists(st.floats(-5, 200), min_size=n, max_size=n))
        )
        weight = draw(weights)
        # One value at a time, so that it can be interpolated in any way.
        later = {time: draw(weights) for time in times} if draw(st.booleans()) else {}
        for k, time in enumerate(times):
            what = "observation" if subject == k == 0 else draw(st.sampled_from(kinds))
            kind = {"observation": 0, "censored": 0, "unmeasured": 0, "prediction": 2, "reset": 3}
            evid = kind.get(what, 1)
            evid = 4 if what == "reset and dose" else evid
            record: dict[str, Any] = {
                "subject": subject,
                "row": len(rows) + 1,
                "time": time,
                # Without a column EVID, MDV=1 alone is a prediction point.
                "evid": 2 if what == "unmeasured" and not has["EVID"] else evid,
                "amount": draw(amounts) if evid in (1, 4) and what != "constant" else 0.0,
                "rate": draw(amounts) if what in ("infusion", "constant") else 0.0,
                "additional": draw(st.integers(1, 9)) if what == "repeated" else 0,
                "interval": draw(st.floats(0.5, 24)) if what in repeated else 0.0,
                "steady_state": draw(st.sampled_from([1, 2])) if "steady" in what else 0,
                "censoring": draw(st.sampled_from([1, -1])) if what == "censored" else 0,
                "limit": math.nan,
                "compartment": draw(st.sampled_from(["", "1", "2", "depot"])) if has["CMT"] else "",
                "output": draw(st.sampled_from(["", "1", "cp"])) if has["DVID"] else "",
                "value": draw(st.floats(-10, 1e4)) if what in measured else math.nan,
            }
            if (record["censoring"], record["value"]) == (1, 0.0):
                record["value"] = 0.05  # 0 marks a row, and is no limit
            if what == "constant":
                record["steady_state"] = draw(st.sampled_from([1, 2]))
            if what == "modelled":
                record["rate"] = draw(st.sampled_from([-1.0, -2.0]))
            if what == "steady infusion":
                # Some of them longer than the interval.
                record["rate"] = record["amount"] / draw(st.floats(0.1, 100))
            if record["censoring"] and has["LIMIT"] and draw(st.booleans()):
                record["limit"] = record["value"] - record["censoring"] * draw(st.floats(1, 9))
            nothing = draw(blank)
            dv = draw(st.sampled_from([nothing, 0])) if evid else nothing
            cells = {
                "ID": label,
                "TIME": time,
                "EVID": draw(st.sampled_from([evid, float(evid), str(evid), f"{evid}.0"])),
                "AMT": record["amount"] if evid in (1, 4) else nothing,
                "RATE": record["rate"] or nothing,
                "ADDL": record["additional"] or nothing,
                "II": record["interval"] or nothing,
                "CMT": record["compartment"] or nothing,
                "DVID": record["output"] or nothing,
                "DV": record["value"] if what in measured else dv,
                "MDV": int(what not in measured),
                "SS": record["steady_state"] or nothing,
                "CENS": record["censoring"] or draw(st.sampled_from([nothing, 0])),
                "LIMIT": nothing if math.isnan(record["limit"]) else record["limit"],
                "OCC": draw(st.sampled_from([1, 2, "1.0", occasion])),
                "WT": later.get(time, weight)
                if k == 0
                else draw(st.sampled_from([later.get(time, weight), nothing])),
                "NOTE": "anything, 1",
            }
            if not has["ADDL"]:
                cells.pop("II")
            rows.append({key: cell for key, cell in cells.items() if has.get(key, True)})
            expected.append(record)
    headings = draw(st.permutations(list(rows[0])))
    table = Table(
        tuple(draw(st.sampled_from([h, h.lower(), f" {h}"])) if h != "WT" else h for h in headings),
        tuple(tuple(row[heading] for heading in headings) for row in rows),
        ("WT",) if draw(st.booleans()) else (),
    )
    return table, expected


@st.composite
def spoilt_tables(draw: st.DrawFn) -> Table:
    """A valid table after one to four random changes, some of them harmless."""
    table, _ = draw(valid_tables())
    for _ in range(draw(st.integers(1, 4))):
        table = _spoil(draw, table)
    return table


def _spoil(draw: st.DrawFn, table: Table) -> Table:
    rows, headings = [list(row) for row in table.rows], list(table.headings)
    n, m = len(rows), len(headings)
    ways = ["add column", "no rows"]
    if m:
        ways += ["rename"] * 2 + ["drop column"]
    if n:
        ways += ["shuffle", "repeat row", "drop row", "swap rows"] * 2
    if n and m:
        ways += ["junk"] * 10 + ["junk column", "swap columns", "negate", "huge", "move"]
    way = draw(st.sampled_from(ways))
    i = draw(st.integers(0, n - 1)) if n else 0
    j = draw(st.integers(0, m - 1)) if m else 0
    if way == "junk":
        rows[i][j] = draw(JUNK)
    elif way == "junk column":
        junk = draw(JUNK)
        for row in rows:
            row[j] = junk
    elif way in ("negate", "huge") and isinstance(rows[i][j], (int, float)):
        rows[i][j] = (
            -rows[i][j] if way == "negate" else rows[i][j] * draw(st.sampled_from([2, 1e9]))
        )
    elif way == "move":
        rows[i][j], rows[i][j - 1] = rows[i][j - 1], rows[i][j]
    elif way == "add column":
        headings.append(draw(_HEADINGS))
        constant = draw(JUNK)
        rows = [[*row, draw(st.sampled_from([constant, None, 0, 1]))] for row in rows]
    elif way == "rename":
        headings[j] = draw(_HEADINGS)
    elif way == "swap columns":
        headings[j], headings[j - 1] = headings[j - 1], headings[j]
    elif way == "drop column":
        del headings[j]
        rows = [row[:j] + row[j + 1 :] for row in rows]
    elif way == "shuffle":
        rows = draw(st.permutations(rows))
    elif way == "repeat row":
        rows.insert(draw(st.integers(0, n)), list(rows[i]))
    elif way == "drop row":
        del rows[i]
    elif way == "swap rows":
        rows[i], rows[i - 1] = rows[i - 1], rows[i]
    elif way == "no rows" and draw(st.integers(0, 3)) == 0:
        rows = []
    return replace(table, headings=tuple(headings), rows=tuple(map(tuple, rows)))
