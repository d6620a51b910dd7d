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
    return of_table(table)


def of_table(table: pd.DataFrame) -> MeasuredOutput:
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


def table_of(**columns: Any) -> MeasuredOutput:
    table = pd.DataFrame(
        {"ID": 1, "AMT": 0.0, "DV": np.nan, "ADDL": 0, "II": 0.0, "SS": 0} | columns
    )
    seen = table["EVID"] == 0
    table.loc[seen, "DV"] = 1.0
    return of_table(table)


def test_additional_doses_that_a_reset_cancels_are_never_given() -> None:
    for evid in (3, 4):
        found = table_of(
            TIME=[0.0, 20.0, 30.0, 40.0, 60.0],
            EVID=[1, 0, evid, 0, 0],
            AMT=[100.0, 0.0, 100.0 * (evid == 4), 0.0, 0.0],
            ADDL=[9, 0, 0, 0, 0],
            II=[12.0, 0.0, 0.0, 0.0, 0.0],
        ).time_after_dose
        # Doses at 0, 12 and 24; those at 36, 48, ... are not given. EVID 4 is a dose itself, at 30.
        assert found.tolist() == ([8, 16, 36] if evid == 3 else [8, 10, 30])


def test_additional_doses_that_a_steady_state_replaces_are_never_given() -> None:
    for steady, wanted in ((1, [3.0, 6.0, 15.0]), (2, [3.0, 4.0, 1.0])):
        found = table_of(
            TIME=[0.0, 15.0, 20.0, 28.0, 37.0],
            EVID=[1, 0, 1, 0, 0],
            AMT=[100.0, 0.0, 100.0, 0.0, 0.0],
            ADDL=[9, 0, 1, 0, 0],
            II=[12.0, 0.0, 2.0, 0.0, 0.0],
            SS=[0, 0, steady, 0, 0],
        ).time_after_dose
        # SS 1: 0, 12 | 20, 22. SS 2: those at 24 and 36 are given besides.
        assert found.tolist() == wanted


def test_a_dose_forever_costs_no_more_than_one() -> None:
    rows = [(0.0, 100), (0.3, None), (24.5, None)]
    found = measured(rows, ADDL=1_000_000_000, II=0.1).time_after_dose
    np.testing.assert_allclose(found, [0.0, 0.0], atol=1e-12)


def test_the_solver_gives_a_dose_when_this_says_so() -> None:
    amount = bn.System(
        states=("given",),
        parameters=("k",),
        rhs=lambda t, y, p, nn, c: {"given": 0.0 * p.k},
        outputs={"total": lambda t, y, p, nn, c: y.given},
    )
    rng = np.random.default_rng(3)
    times = np.sort(rng.uniform(0.0, 60.0, 40))
    evid = np.zeros(40, dtype=int)
    evid[[0, 7, 15, 22, 30]] = [1, 1, 3, 4, 1]
    found = table_of(
        TIME=times,
        EVID=evid,
        AMT=np.where(np.isin(evid, (1, 4)), 1.0, 0.0),
        ADDL=np.where(evid == 1, 50, 0),
        II=np.where(evid == 1, rng.uniform(0.5, 3.0, 40), 0.0),
    )
    total = bn.simulate(amount, found.study, {"k": 1.0})["total"].to_numpy().ravel()
    since = found.time_after_dose
    # Between two measurements the amount grows where, and only where, a dose lies between them.
    for a in range(len(since) - 1):
        if np.any((times[evid == 3] > found.time[a]) & (times[evid == 3] < found.time[a + 1])):
            continue
        if np.any((times[evid == 4] > found.time[a]) & (times[evid == 4] < found.time[a + 1])):
            continue
        dosed = since[a + 1] < found.time[a + 1] - found.time[a]
        assert dosed == (total[a + 1] > total[a])
