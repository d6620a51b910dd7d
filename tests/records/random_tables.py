"""Tables drawn by Hypothesis: every kind of record, coinciding times, in any order that is legal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
from hypothesis import strategies as st

from tests.records.random_structure import VALUES
from tests.records.rows import Row, dose, frame, observe, predict, reset

# The first make doses coincide with records, which lie on a grid of quarters; the others never do.
COINCIDING_LAGS = (0.0, 0.5, 2.0, 4.0, 9.0)
OTHER_LAGS = (0.37, 3.61)
WEIGHTS = (0.5, 1.0, 1.5, 2.0)
OCCASIONS = (1, 2, 3)
BY_OCCASION = ("CL", "tlag", "F", "base")


@dataclass(frozen=True)
class RandomTable:
    """A table of several subjects, and each one's parameters by ID."""

    frame: pd.DataFrame
    parameters: Mapping[int, Mapping[str, Any]]
    interpolation: str
    occasions: bool


@st.composite
def _dose(draw: st.DrawFn, time: float, steady: bool) -> Row:
    into = draw(st.integers(0, 1))
    kinds = (
        ["bolus", "infusion", "duration", "rate"]
        if into == 0
        else ["bolus", "infusion", "duration"]
    )
    kind = draw(st.sampled_from([*kinds, *(["constant"] if steady else [])]))
    ss = draw(st.integers(1, 2)) if steady else 0
    if kind == "constant":
        return dose(time, 0.0, into, rate=draw(st.sampled_from([3.0, 8.0])), steady=ss)
    evid = draw(st.sampled_from([1, 1, 1, 4]))
    rate = {
        "bolus": 0.0,
        "infusion": draw(st.sampled_from([4.0, 10.0, 50.0])),
        "duration": -2.0,
        "rate": -1.0,
    }[kind]
    return dose(
        time,
        draw(st.sampled_from([10.0, 37.5, 60.0])),
        into,
        rate=rate,
        additional=draw(st.integers(0, 3)),
        every=draw(st.sampled_from([4.0, 6.5])),
        steady=ss,
        evid=evid,
    )


@st.composite
def _rows(draw: st.DrawFn, varying: bool, linear: bool, occasions: bool) -> list[Row]:
    quarters = draw(st.lists(st.integers(0, 80), min_size=2, max_size=7))
    # A steady state takes the simulator longer than all else: one a subject.
    steady = draw(st.integers(-3, len(quarters) - 1))
    rows: list[Row] = []
    for k, time in enumerate(sorted(quarter / 4 for quarter in quarters)):
        kind = draw(st.sampled_from(["dose", "dose", "dose", "observe", "predict", "reset"]))
        if k == steady or kind == "dose":
            rows.append(draw(_dose(time, k == steady)))
        else:
            rows.append({"observe": observe, "predict": predict, "reset": reset}[kind](time))
        # What a record does at its own time, and a while after it.
        rows.append(observe(time))
        rows.append(observe(time + draw(st.sampled_from([0.0, 0.1, 1.05]))))
    rows.sort(key=lambda row: row["TIME"])
    rows.append(observe(rows[-1]["TIME"] + 2.2))
    weight = {row["TIME"]: draw(st.sampled_from(WEIGHTS)) for row in rows}
    first, fed = draw(st.sampled_from(WEIGHTS)), draw(st.integers(0, 1))
    for row in rows:
        row["WT"], row["FED"] = first, fed
        if varying:
            # A straight line cannot jump between two rows of one time.
            row["WT"] = weight[row["TIME"]] if linear else draw(st.sampled_from(WEIGHTS))
            row["FED"] = fed if linear else draw(st.integers(0, 1))
        if occasions:
            row["OCC"] = draw(st.sampled_from(OCCASIONS))
    return rows


@st.composite
def random_tables(draw: st.DrawFn, smooth: bool = False) -> RandomTable:
    """Any table; a smooth one has no dose that a lag brings to the very time of a record."""
    lags = OTHER_LAGS if smooth else (*COINCIDING_LAGS, *OTHER_LAGS)
    interpolation = draw(st.sampled_from(["locf", "nocb", "linear"]))
    varying, occasions = draw(st.booleans()), draw(st.booleans())
    frames, parameters = [], {}
    for subject in range(1, draw(st.integers(1, 2)) + 1):
        rows = draw(_rows(varying, interpolation == "linear", occasions))
        frames.append(frame(rows, subject))

        def scaled(name: str) -> float:
            if name in ("tlag", "tlag2"):
                return float(draw(st.sampled_from(lags)))
            return VALUES[name] * draw(st.sampled_from([0.7, 1.0, 1.4]))

        parameters[subject] = {
            name: {label: scaled(name) for label in OCCASIONS}
            if occasions and name in BY_OCCASION
            else scaled(name)
            for name in VALUES
        }
    return RandomTable(pd.concat(frames, ignore_index=True), parameters, interpolation, occasions)
