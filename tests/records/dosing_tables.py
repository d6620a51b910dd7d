"""Lag, bioavailability, modelled duration and modelled rate."""

from __future__ import annotations

from tests.records.closed_forms import BEGINNING, Bolus, Epoch, Infusion
from tests.records.rows import Table, dose, later, observe, reset, spread

DOSING_TABLES = [
    Table(
        "lag",
        spread(dose(0, 100)),
        lambda p: [Bolus(p.tlag, 100)],
        values={"tlag": 0.77},
    ),
    Table(
        "lag_of_zero_leaves_the_order_of_the_table",
        [observe(0, sees=-1), dose(0, 100), observe(0), observe(2)],
        lambda p: [Bolus(p.tlag, 100)],
        values={"tlag": 0.0},
        rough=("tlag",),
    ),
    Table(
        "lag_past_an_observation",
        spread(dose(1, 100), dose(7, 50)),
        lambda p: [Bolus(1 + p.tlag, 100), Bolus(7 + p.tlag, 50)],
        values={"tlag": 3.21},
    ),
    Table(
        "lag_past_another_dose",
        spread(dose(0, 100), dose(3, 40, 1)),
        lambda p: [Bolus(p.tlag, 100), Bolus(3, 40, 1)],
        values={"tlag": 5.13},
    ),
    Table(
        "lag_past_the_end_of_the_table",
        spread(dose(0, 100), dose(20, 1000)),
        lambda p: [Bolus(p.tlag, 100)],
        values={"tlag": 4.1},
    ),
    Table(
        "lag_that_ends_at_an_observation",
        [dose(0, 100), observe(1.5), observe(2.5), observe(2.5), observe(6)],
        lambda p: [Bolus(p.tlag, 100)],
        values={"tlag": 2.5},
        rough=("tlag",),
    ),
    Table(
        "lag_that_ends_at_the_records_of_one_time",
        [
            dose(0, 100),
            observe(4, sees=0),
            dose(4, 30, 1),
            observe(4, sees=1),
            observe(7),
        ],
        lambda p: [Bolus(p.tlag, 100), Bolus(later(4, 1), 30, 1)],
        values={"tlag": 4.0},
        rough=("tlag",),
    ),
    Table(
        "lag_that_ends_at_a_reset",
        spread(dose(0, 50, 1), dose(2, 100), reset(5)),
        lambda p: [Epoch(BEGINNING, [Bolus(0, 50, 1)]), Epoch(5, [])],
        values={"tlag": 3.0},
        rough=("tlag",),
    ),
    Table(
        "lagged_dose_pending_at_a_reset",
        spread(dose(0, 50, 1), dose(4, 100, additional=3, every=2), reset(7.5), dose(9, 10, 1)),
        lambda p: [
            Epoch(BEGINNING, [Bolus(0, 50, 1), Bolus(4 + p.tlag, 100)]),
            Epoch(7.5, [Bolus(9, 10, 1)]),
        ],
        values={"tlag": 2.7},
    ),
    Table(
        "reset_and_lagged_dose",
        spread(dose(0, 100), dose(5, 40, evid=4)),
        lambda p: [Epoch(BEGINNING, [Bolus(p.tlag, 100)]), Epoch(5, [Bolus(5 + p.tlag, 40)])],
        values={"tlag": 0.85},
    ),
    Table(
        "additional_doses_with_a_lag_past_observations",
        spread(dose(0, 100, additional=3, every=4)),
        lambda p: [Bolus(4 * k + p.tlag, 100) for k in range(4)],
        values={"tlag": 3.4},
    ),
    Table(
        "lag_longer_than_the_interval_of_additional_doses",
        spread(dose(0, 100, additional=5, every=2), dose(6, 30, 1)),
        lambda p: [Bolus(6, 30, 1), *(Bolus(2 * k + p.tlag, 100) for k in range(6))],
        values={"tlag": 8.05},
    ),
    Table(
        "lagged_infusion",
        spread(dose(0.5, 90, rate=20)),
        lambda p: [Infusion(0.5 + p.tlag, 5 + p.tlag, 20)],
        values={"tlag": 1.37},
    ),
    Table(
        "lagged_infusion_running_at_a_reset",
        spread(dose(0, 100, rate=10, additional=1, every=3), reset(8), dose(10, 5, 1)),
        lambda p: [
            Epoch(
                BEGINNING,
                [Infusion(p.tlag, 10 + p.tlag, 10), Infusion(3 + p.tlag, 13 + p.tlag, 10)],
            ),
            Epoch(8, [Bolus(10, 5, 1)]),
        ],
        values={"tlag": 1.37},
    ),
    Table(
        "bioavailability_of_a_bolus",
        spread(dose(0, 100, additional=1, every=10)),
        lambda p: [Bolus(0, 100 * p.F), Bolus(10, 100 * p.F)],
        values={"F": 0.63},
    ),
    Table(
        "bioavailability_shortens_an_infusion_of_given_rate",
        spread(dose(0, 100, rate=20, additional=1, every=6)),
        lambda p: [Infusion(6 * k, 6 * k + p.F * 100 / 20, 20) for k in range(2)],
        values={"F": 0.63},
    ),
    Table(
        "bioavailability_above_one_lengthens_it",
        spread(dose(0, 100, rate=20, additional=1, every=6)),
        lambda p: [Infusion(6 * k, 6 * k + p.F * 100 / 20, 20) for k in range(2)],
        values={"F": 1.55},
    ),
    Table(
        "modelled_rate",
        spread(dose(0.5, 100, rate=-1)),
        lambda p: [Infusion(0.5, 0.5 + 100 / p.R1, p.R1)],
        values={"R1": 23.7},
    ),
    Table(
        "modelled_duration",
        spread(dose(0.5, 100, rate=-2)),
        lambda p: [Infusion(0.5, 0.5 + p.D1, 100 / p.D1)],
        values={"D1": 3.71},
    ),
    Table(
        "modelled_rate_is_kept_under_bioavailability",
        spread(dose(0.5, 100, rate=-1)),
        lambda p: [Infusion(0.5, 0.5 + p.F * 100 / p.R1, p.R1)],
        values={"R1": 23.7, "F": 0.63},
    ),
    Table(
        "modelled_duration_is_kept_under_bioavailability",
        spread(dose(0.5, 100, rate=-2)),
        lambda p: [Infusion(0.5, 0.5 + p.D1, p.F * 100 / p.D1)],
        values={"D1": 3.71, "F": 0.63},
    ),
    Table(
        "modelled_duration_lag_bioavailability_and_additional_doses_that_overlap",
        spread(dose(0, 100, rate=-2, additional=3, every=2.5)),
        lambda p: [
            Infusion(2.5 * k + p.tlag, 2.5 * k + p.tlag + p.D1, p.F * 100 / p.D1) for k in range(4)
        ],
        values={"D1": 6.15, "F": 0.63, "tlag": 1.87},
    ),
    Table(
        "modelled_rate_lag_bioavailability_and_additional_doses",
        spread(dose(0, 100, rate=-1, additional=2, every=6)),
        lambda p: [
            Infusion(6 * k + p.tlag, 6 * k + p.tlag + p.F * 100 / p.R1, p.R1) for k in range(3)
        ],
        values={"R1": 12.3, "F": 0.63, "tlag": 1.87},
    ),
    Table(
        "modelled_rate_and_duration_bolus_and_infusion_into_one_compartment",
        spread(dose(0, 100, rate=-1), dose(1, 80, rate=-2), dose(2, 60), dose(3, 40, rate=15)),
        lambda p: [
            Infusion(0, p.F * 100 / p.R1, p.R1),
            Infusion(1, 1 + p.D1, p.F * 80 / p.D1),
            Bolus(2, p.F * 60),
            Infusion(3, 3 + p.F * 40 / 15, 15),
        ],
        values={"R1": 12.3, "D1": 5.05, "F": 0.8},
    ),
    Table(
        "modelled_duration_running_at_a_reset",
        spread(dose(0, 100, rate=-2), reset(5), dose(6, 40, rate=-2)),
        lambda p: [
            Epoch(BEGINNING, [Infusion(0, p.D1, 100 / p.D1)]),
            Epoch(5, [Infusion(6, 6 + p.D1, 40 / p.D1)]),
        ],
        values={"D1": 8.2},
    ),
    Table(
        "parallel_absorption_with_lag_and_bioavailability_of_each",
        spread(dose(0, 100, additional=1, every=8), dose(0, 100, 1, additional=1, every=8)),
        lambda p: [
            Bolus(p.tlag, p.F * 100),
            Bolus(8 + p.tlag, p.F * 100),
            Bolus(p.tlag2, p.F2 * 100, 1),
            Bolus(8 + p.tlag2, p.F2 * 100, 1),
        ],
        values={"tlag": 0.46, "F": 0.6, "tlag2": 2.93, "F2": 0.35},
    ),
    Table(
        "modelled_duration_here_and_modelled_rate_there",
        spread(dose(0, 100, rate=-2), dose(0, 70, 1, rate=-1), dose(4, 30, 1, rate=-2)),
        lambda p: [
            Infusion(p.tlag, p.tlag + p.D1, 100 / p.D1),
            Infusion(p.tlag2, p.tlag2 + 70 / p.R2, p.R2, 1),
            Infusion(4 + p.tlag2, 4 + p.tlag2 + p.D2, 30 / p.D2, 1),
        ],
        values={"D1": 3.35, "tlag": 1.4, "R2": 12.1, "D2": 2.45, "tlag2": 0.57},
    ),
    Table(
        "a_pending_dose_overtaken_by_a_later_dose_into_the_same_compartment",
        spread(dose(0, 100), dose(1, 40, rate=-1), dose(2, 30, 1, rate=15), dose(4, 10, 1)),
        lambda p: [
            Bolus(p.tlag, 100),
            Infusion(1 + p.tlag, 1 + p.tlag + 40 / p.R1, p.R1),
            Infusion(2, 4, 15, 1),
            Bolus(4, 10, 1),
        ],
        values={"tlag": 3.55, "R1": 10.0},
    ),
]
