"""Covariates that change with time, and occasions.

Under every interpolation a dose takes the covariates and the occasion of its own record.
"""

from __future__ import annotations

from typing import Any

from tests.records.closed_forms import BEGINNING, Bolus, Epoch, Infusion, Periodic
from tests.records.rows import Row, dose, observe, predict, reset
from tests.records.varying_structure import VaryingTable, steadily


def rows(*given: Row, **columns: list[Any]) -> list[Row]:
    """Rows with their covariates and occasions given column by column."""
    others: dict[str, list[Any]] = {
        "WT": [70.0] * len(given),
        "FED": [0] * len(given),
        "OCC": [1] * len(given),
    }
    return [
        {**row, **{name: values[i] for name, values in (others | columns).items()}}
        for i, row in enumerate(given)
    ]


VARYING_TABLES = [
    VaryingTable(
        "a_covariate_that_changes_at_observations",
        rows(
            dose(0, 100),
            observe(1.1),
            observe(2.6),
            observe(4.7),
            observe(9.2),
            WT=[70, 70, 50, 95, 80],
        ),
        lambda p: [Bolus(0, 100)],
    ),
    VaryingTable(
        "a_covariate_that_changes_at_doses",
        rows(
            dose(0, 100),
            observe(2.6),
            dose(4, 50, 1),
            observe(4),
            observe(7.3),
            dose(8, 100),
            observe(9.2),
            observe(13.4),
            WT=[70, 70, 120, 120, 120, 40, 40, 40],
        ),
        lambda p: [Bolus(0, 100), Bolus(4, 50, 1), Bolus(8, 100)],
    ),
    VaryingTable(
        "a_covariate_that_changes_at_other_events",
        rows(
            dose(0, 100, 1),
            predict(2),
            observe(3),
            predict(5),
            observe(8),
            WT=[70, 140, 140, 35, 35],
        ),
        lambda p: [Bolus(0, 100, 1)],
    ),
    VaryingTable(
        "values_that_differ_between_the_records_of_one_time",
        rows(
            dose(0, 100, 1),
            observe(3),
            predict(3),
            observe(3),
            observe(6),
            predict(6),
            observe(6),
            observe(9),
            WT=[70, 100, 40, 90, 60, 120, 70, 50],
        ),
        lambda p: [Bolus(0, 100, 1)],
        interpolations=("locf", "nocb"),
    ),
    VaryingTable(
        "a_covariate_that_changes_while_infusions_run",
        rows(
            dose(0, 100, rate=10),
            dose(1, 60, 1, rate=15, additional=1, every=6),
            predict(2.5),
            observe(4),
            observe(8.5),
            observe(12),
            WT=[70, 70, 50, 110, 60, 60],
        ),
        lambda p: [Infusion(0, 10, 10), Infusion(1, 5, 15, 1), Infusion(7, 11, 15, 1)],
    ),
    VaryingTable(
        "lag_and_bioavailability_by_the_covariates_of_the_dose",
        rows(
            dose(0, 100, additional=2, every=5),
            observe(1.3),
            predict(2),
            observe(3.1),
            dose(4, 60),
            observe(6.7),
            observe(9.3),
            observe(12.9),
            WT=[70, 70, 105, 105, 42, 42, 90, 90],
            FED=[0, 1, 1, 1, 1, 1, 0, 0],
        ),
        lambda p: [
            *(Bolus(5 * k + p.tlag, 100 * p.F) for k in range(3)),
            Bolus(4 + p.tlag * 0.6, 60 * p.F * 0.7),
        ],
        values={"tlag": 1.62, "F": 0.8},
    ),
    VaryingTable(
        "a_covariate_that_dosing_alone_uses",
        rows(
            dose(0, 100),
            observe(3),
            dose(4, 100),
            observe(6),
            dose(8, 100),
            observe(9.5),
            FED=[1, 1, 0, 0, 1, 1],
        ),
        lambda p: [
            Bolus(p.tlag, 70 * p.F),
            Bolus(4 + p.tlag, 100 * p.F),
            Bolus(8 + p.tlag, 70 * p.F),
        ],
        values={"tlag": 0.45, "F": 0.8},
    ),
    VaryingTable(
        "modelled_duration_by_the_covariates_of_the_dose",
        rows(
            dose(0, 100, 1, rate=-2),
            observe(1.3),
            dose(2, 80, 1, rate=-2, additional=1, every=5),
            predict(2.5),
            observe(6.7),
            observe(9.3),
            WT=[70, 105, 105, 35, 35, 60],
        ),
        lambda p: [
            Infusion(0, p.D2, 100 / p.D2, 1),
            *(Infusion(2 + 5 * k, 2 + 5 * k + 1.5 * p.D2, 80 / 1.5 / p.D2, 1) for k in (0, 1)),
        ],
        values={"D2": 2.3},
    ),
    VaryingTable(
        "a_reset_begins_with_the_covariates_of_its_record",
        rows(
            observe(0),
            dose(1, 100),
            observe(3),
            reset(5),
            observe(5),
            observe(7),
            dose(8, 50, evid=4),
            observe(8),
            observe(11),
            WT=[70, 80, 90, 40, 40, 55, 100, 100, 120],
        ),
        lambda p: [
            Epoch(BEGINNING, [Bolus(0, p.base * 70, 1), Bolus(1, 100)]),
            Epoch(5, [Bolus(5, p.base * 40, 1)]),
            Epoch(8, [Bolus(8, p.base * 100, 1), Bolus(8, 50)]),
        ],
        values={"base": 0.6},
    ),
    VaryingTable(
        "a_steady_state_by_the_covariates_of_its_record",
        rows(
            dose(0, 30),
            observe(2),
            dose(4, 100, steady=1, every=8, additional=1),
            observe(4),
            observe(7),
            observe(13),
            WT=[70, 60, 105, 105, 50, 90],
        ),
        lambda p: [
            Epoch(BEGINNING, [Bolus(0, 30)]),
            Epoch(
                4,
                [
                    *steadily(p, p.CL * 1.5, Periodic(-4, 8, 100), 4),
                    Bolus(4, 100),
                    Bolus(12, 100),
                ],
            ),
        ],
    ),
    VaryingTable(
        "a_steady_state_with_lag_whose_infusions_run_on_while_a_covariate_changes",
        rows(
            dose(0, 98, rate=7, steady=1, every=8),
            observe(0),
            observe(2.5),
            observe(7),
            predict(9.5),
            observe(14),
            observe(24),
            WT=[140, 140, 60, 60, 90, 90, 70],
        ),
        # They begin at -13, -5 and 3, at 14 units of time each.
        lambda p: [
            *steadily(p, p.CL * 2, Periodic(2 * p.tlag - 8, 8, 98 * p.F, 14 * p.F), 0),
            Infusion(0, 2 * p.tlag - 16 + 14 * p.F, 7),
            Infusion(0, 2 * p.tlag - 8 + 14 * p.F, 7),
            Infusion(2 * p.tlag, 2 * p.tlag + 14 * p.F, 7),
        ],
        values={"tlag": 1.5, "F": 1.0},
    ),
    VaryingTable(
        "clearance_by_occasion",
        rows(
            dose(0, 100),
            observe(2),
            observe(6),
            dose(8, 100),
            observe(9),
            observe(14),
            OCC=[1, 1, 1, 2, 2, 2],
        ),
        lambda p: [Bolus(0, 100), Bolus(8, 100)],
        values={"CL": {1: 3.0, 2: 5.5}},
    ),
    VaryingTable(
        "an_occasion_that_begins_with_an_observation_and_one_that_returns",
        rows(
            dose(0, 100, 1, rate=10),
            observe(2),
            observe(5),
            observe(7),
            dose(8, 60),
            observe(9),
            predict(10),
            observe(14),
            OCC=[1, 1, 2, 2, 2, 1, 3, 3],
        ),
        lambda p: [Infusion(0, 10, 10, 1), Bolus(8, 60)],
        values={"CL": {1: 3.0, 2: 7.5, 3: 1.5}},
    ),
    VaryingTable(
        "lag_and_bioavailability_by_the_occasion_of_the_dose",
        rows(
            dose(0, 100, additional=3, every=4),
            observe(2),
            observe(5),
            dose(6, 80),
            observe(7.1),
            observe(9.3),
            observe(15),
            OCC=[1, 1, 1, 2, 2, 2, 2],
        ),
        lambda p: [
            *(Bolus(4 * k + p.tlag[1], 100 * p.F[1]) for k in range(4)),
            Bolus(6 + p.tlag[2], 80 * p.F[2]),
        ],
        values={"tlag": {1: 3.3, 2: 0.6}, "F": {1: 0.9, 2: 0.4}},
    ),
    VaryingTable(
        "occasion_and_covariate_change_together",
        rows(
            dose(0, 100),
            observe(2),
            observe(5),
            dose(6, 80),
            observe(7.1),
            observe(9.3),
            observe(15),
            WT=[70, 60, 90, 120, 120, 80, 50],
            OCC=[1, 1, 1, 2, 2, 2, 3],
        ),
        lambda p: [Bolus(p.tlag[1], 100), Bolus(6 + p.tlag[2] * 12 / 7, 80)],
        values={"CL": {1: 3.0, 2: 5.5, 3: 1.0}, "tlag": {1: 1.3, 2: 0.6, 3: 9.0}},
    ),
    VaryingTable(
        "a_steady_state_and_a_reset_by_the_occasion_of_their_records",
        rows(
            dose(0, 100),
            observe(3),
            dose(5, 60, 1, rate=20, steady=1, every=6, additional=1),
            observe(5),
            observe(12),
            reset(14),
            observe(14),
            observe(17),
            WT=[70, 70, 105, 105, 70, 140, 140, 140],
            OCC=[1, 1, 2, 2, 2, 1, 1, 1],
        ),
        lambda p: [
            Epoch(BEGINNING, [Bolus(0, 70 * p.base[1], 1), Bolus(0, 100)]),
            Epoch(
                5,
                [
                    *steadily(p, p.CL[2] * 1.5, Periodic(-1, 6, 60, 3, into=1), 5),
                    Infusion(5, 8, 20, 1),
                    Infusion(11, 14, 20, 1),
                ],
            ),
            Epoch(14, [Bolus(14, 140 * p.base[1], 1)]),
        ],
        values={"CL": {1: 3.0, 2: 5.5}, "base": {1: 0.5, 2: 0.2}},
    ),
]
