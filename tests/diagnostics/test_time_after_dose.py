"""Time after dose follows the order of the table at equal times."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

import bnode_nlme as bn
from bnode_nlme.diagnostics.of_fit.measured_output import MeasuredOutput


def measured(rows: Sequence[tuple[float, Any]], **doses: Any) -> MeasuredOutput:
    """A subject's table: times with an amount, or None for a measurement."""
    table = pd.DataFrame(
        [
            {"ID": 1, "TIME": t, "EVID": 0 if amount is None else 1, "AMT": amount}
            | {"DV": 1.0 if amount is None else None}
            | {name: None if amount is None else value for name, value in doses.items()}
            for t, amount in rows
        ]
    )
    study = bn.read_nonmem(table)
    records, seen = study.records, study.observations
    nothing: Any = None
    return MeasuredOutput(
        nlme=nothing,
        study=study,
        output="cp",
        positions=np.arange(len(seen)),
        row=records.row[seen],
        time=records.time[seen],
        value=records.value[seen],
        subject=study.subjects[records.subject[seen]],
        censoring=records.censoring[seen],
        lloq=None,
        uloq=None,
    )


def test_a_trough_above_its_dose_has_the_interval_and_a_value_below_it_has_none() -> None:
    rows = [(-1, None), (0, 100), (2, None), (24, None), (24, 100), (24, None), (30, None)]
    assert measured(rows).time_after_dose.tolist() == [-1, 2, 24, 0, 6]


def test_an_additional_dose_acts_before_the_rows_of_its_time() -> None:
    rows = [(0, 100), (12, None), (13, None), (24, None), (30, None)]
    found = measured(rows, ADDL=2, II=12).time_after_dose
    assert found.tolist() == [0, 1, 0, 6]
