"""Studies for the engine's tests, written row by row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

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
) -> Row:
    return {
        "time": time,
        "evid": evid,
        "amount": amount,
        "rate": rate,
        "compartment": into,
        "additional": additional,
        "interval": interval,
    }


def reset(time: float) -> Row:
    return {"time": time, "evid": 3}


def study_of(
    *subjects: Sequence[Row], covariates: Mapping[str, Sequence[float]] | None = None
) -> Study:
    """A study with these rows, subject by subject."""
    rows = [(index, row) for index, table in enumerate(subjects) for row in table]

    def column(name: str, default: Any) -> list[Any]:
        return [row.get(name, default) for _, row in rows]

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
    )
    return Study(
        name="table",
        subjects=np.arange(1, len(subjects) + 1),
        records=records,
        covariates={k: np.asarray(v, dtype=np.float64) for k, v in (covariates or {}).items()},
    )
