"""Studies for the engine's tests, written row by row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bnode_nlme.study.interpolation import Interpolation
from bnode_nlme.study.occasions import Occasions
from bnode_nlme.study.records import Records
from bnode_nlme.study.study import Study

Row = dict[str, Any]


def observe(time: float, output: str = "") -> Row:
    return {"time": time, "output": output, "value": 0.0}


def predict(time: float) -> Row:
    return {"time": time, "evid": 2}


def dose(
    time: float,
    amount: float,
    *,
    into: str = "",
    rate: float = 0.0,
    additional: int = 0,
    interval: float = 0.0,
    evid: int = 1,
    steady_state: int = 0,
) -> Row:
    return {
        "time": time,
        "evid": evid,
        "amount": amount,
        "rate": rate,
        "compartment": into,
        "additional": additional,
        "interval": interval,
        "steady_state": steady_state,
    }


def reset(time: float) -> Row:
    return {"time": time, "evid": 3}


def study_of(
    *subjects: Sequence[Row],
    covariates: Mapping[str, Sequence[float]] | None = None,
    varying: Sequence[str] = (),
    interpolation: Interpolation = "locf",
) -> Study:
    """A study with these rows, subject by subject.

    Rows give the covariates named in `varying`, and may give an occasion (OCC), under their names.
    """
    rows = [(index, row) for index, table in enumerate(subjects) for row in table]

    def column(name: str, default: Any) -> list[Any]:
        return [row.get(name, default) for _, row in rows]

    pairs = [(index, row["OCC"]) for index, row in rows if "OCC" in row]
    distinct = list(dict.fromkeys(pairs))
    occasions, occasion_of = None, np.full(len(rows), -1)
    if pairs:
        occasions = Occasions(
            np.array([index for index, _ in distinct]), np.array([label for _, label in distinct])
        )
        occasion_of = np.array([distinct.index(pair) for pair in pairs])
    records = Records(
        subject=np.array([index for index, _ in rows], dtype=np.int64),
        row=np.arange(1, len(rows) + 1),
        time=np.array(column("time", 0.0), dtype=np.float64),
        evid=np.array(column("evid", 0), dtype=np.int64),
        amount=np.array(column("amount", 0.0), dtype=np.float64),
        rate=np.array(column("rate", 0.0), dtype=np.float64),
        compartment=np.array(column("compartment", ""), dtype=np.str_),
        additional=np.array(column("additional", 0), dtype=np.int64),
        interval=np.array(column("interval", 0.0), dtype=np.float64),
        output=np.array(column("output", ""), dtype=np.str_),
        value=np.array(column("value", np.nan), dtype=np.float64),
        steady_state=np.array(column("steady_state", 0), dtype=np.int64),
        occasion=occasion_of,
    )
    first = np.flatnonzero(np.diff(records.subject, prepend=-1))
    values = {name: np.array(column(name, np.nan), dtype=np.float64) for name in varying}
    static = {name: np.asarray(value, np.float64) for name, value in (covariates or {}).items()}
    return Study(
        name="table",
        subjects=np.arange(1, len(subjects) + 1),
        records=records,
        covariates=static | {name: value[first] for name, value in values.items()},
        varying=values,
        interpolation=interpolation,
        occasions=occasions,
    )
