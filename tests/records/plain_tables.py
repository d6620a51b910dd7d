"""Boluses, infusions, additional doses, resets and records of one time."""

from __future__ import annotations

from tests.records.closed_forms import BEGINNING, Bolus, Epoch, Infusion
from tests.records.rows import SPREAD, Table, dose, later, observe, predict, reset, spread

PLAIN_TABLES = [
    Table("bolus", spread(dose(0, 100)), lambda p: [Bolus(0, 100)]),
    Table(
        "bolus_into_the_second_compartment",
        spread(dose(0, 100, 1)),
        lambda p: [Bolus(0, 100, 1)],
    ),
    Table("infusion", spread(dose(0.5, 100, rate=20)), lambda p: [Infusion(0.5, 5.5, 20)]),
    Table(
        "infusion_into_the_second_compartment",
        spread(dose(0.5, 100, 1, rate=20)),
        lambda p: [Infusion(0.5, 5.5, 20, 1)],
    ),
    Table(
        "several_dosing_compartments",
        spread(
            dose(0, 100),
            dose(0, 40, 1),
            dose(3, 60, rate=12),
            dose(4, 80, 1, rate=40),
            dose(8, 10, 1),
        ),
        lambda p: [
            Bolus(0, 100),
            Bolus(0, 40, 1),
            Infusion(3, 8, 12),
            Infusion(4, 6, 40, 1),
            Bolus(8, 10, 1),
        ],
    ),
    Table(
        "overlapping_infusions_in_one_compartment",
        spread(dose(0, 100, rate=20), dose(1, 60, rate=10), dose(2, 10, rate=40)),
        lambda p: [Infusion(0, 5, 20), Infusion(1, 7, 10), Infusion(2, 2.25, 40)],
    ),
    Table(
        "overlapping_infusions_in_two_compartments",
        spread(dose(0, 100, rate=20), dose(1, 60, 1, rate=10), dose(2, 10, rate=40), dose(3, 5, 1)),
        lambda p: [
            Infusion(0, 5, 20),
            Infusion(1, 7, 10, 1),
            Infusion(2, 2.25, 40),
            Bolus(3, 5, 1),
        ],
    ),
    Table(
        "infusions_back_to_back",
        spread(dose(0, 40, rate=10), dose(4, 40, rate=20), times=(2, 4, 5, 6, 9)),
        lambda p: [Infusion(0, 4, 10), Infusion(4, 6, 20)],
    ),
    Table(
        "additional_doses",
        spread(dose(0, 100, additional=3, every=6.5)),
        lambda p: [Bolus(6.5 * k, 100) for k in range(4)],
    ),
    Table(
        "additional_doses_that_reach_beyond_the_table",
        spread(dose(0, 100, additional=1000, every=8)),
        lambda p: [Bolus(8 * k, 100) for k in range(3)],
    ),
    Table(
        "additional_infusions_that_overlap",
        spread(dose(1, 40, rate=8, additional=6, every=2)),
        lambda p: [Infusion(1 + 2 * k, 6 + 2 * k, 8) for k in range(7)],
    ),
    Table(
        "additional_dose_due_at_an_observation",
        spread(dose(0, 100, additional=2, every=4), times=(4, 4, 8, 11)),
        lambda p: [Bolus(4 * k, 100) for k in range(3)],
    ),
    Table(
        "additional_dose_due_at_a_dose",
        [
            dose(0, 100, additional=1, every=4),
            observe(4, sees=0),
            dose(4, 50),
            observe(4, sees=1),
            observe(7),
        ],
        lambda p: [Bolus(0, 100), Bolus(4, 100), Bolus(later(4, 1), 50)],
    ),
    Table(
        "additional_dose_due_at_a_reset",
        spread(dose(0, 100, additional=1, every=6), reset(6), dose(7, 10)),
        lambda p: [Epoch(BEGINNING, [Bolus(0, 100)]), Epoch(6, [Bolus(7, 10)])],
    ),
    Table(
        "observations_above_and_below_a_dose",
        [
            observe(0, sees=-1),
            dose(0, 100),
            observe(0),
            observe(3, sees=-1),
            dose(3, 50),
            observe(3),
            observe(5),
        ],
        lambda p: [Bolus(0, 100), Bolus(3, 50)],
    ),
    Table(
        "observations_between_the_records_of_one_time",
        [
            dose(0, 30),
            observe(2, sees=-1),
            dose(2, 100),
            observe(2),
            dose(2, 50),
            observe(2, sees=1),
            dose(2, 25, 1),
            observe(2, sees=2),
            observe(5),
        ],
        lambda p: [
            Bolus(0, 30),
            Bolus(2, 100),
            Bolus(later(2, 1), 50),
            Bolus(later(2, 2), 25, 1),
        ],
    ),
    Table(
        "reset_between_the_records_of_one_time",
        [
            dose(0, 30),
            observe(5, sees=-1),
            dose(5, 70),
            observe(5),
            reset(5),
            observe(5, sees=1),
            dose(5, 20),
            observe(5, sees=2),
            observe(9),
        ],
        lambda p: [
            Epoch(BEGINNING, [Bolus(0, 30), Bolus(5, 70)]),
            Epoch(later(5, 1), [Bolus(later(5, 2), 20)]),
        ],
    ),
    Table(
        "reset",
        spread(dose(0, 100), reset(5), dose(8, 50)),
        lambda p: [Epoch(BEGINNING, [Bolus(0, 100)]), Epoch(5, [Bolus(8, 50)])],
    ),
    Table(
        "infusion_running_at_a_reset",
        spread(dose(0, 100, rate=10), dose(1, 90, 1, rate=10), reset(5), dose(8, 50)),
        lambda p: [
            Epoch(BEGINNING, [Infusion(0, 10, 10), Infusion(1, 10, 10, 1)]),
            Epoch(5, [Bolus(8, 50)]),
        ],
    ),
    Table(
        "pending_doses_at_a_reset",
        spread(dose(0, 100, additional=9, every=2), dose(8.5, 10, additional=1, every=3), reset(8)),
        lambda p: [
            Epoch(BEGINNING, [Bolus(2 * k, 100) for k in range(5)]),
            Epoch(8, [Bolus(8.5, 10), Bolus(11.5, 10)]),
        ],
    ),
    Table(
        "two_resets",
        spread(dose(0, 100), reset(2), dose(3, 80, rate=10), reset(6), reset(6), dose(9, 20)),
        lambda p: [
            Epoch(BEGINNING, [Bolus(0, 100)]),
            Epoch(2, [Infusion(3, 11, 10)]),
            Epoch(6, [Bolus(9, 20)]),
        ],
    ),
    Table(
        "reset_and_dose",
        spread(dose(0, 100, rate=10, additional=4, every=3), dose(7, 50, evid=4)),
        lambda p: [
            Epoch(BEGINNING, [Infusion(3 * k, 3 * k + 10, 10) for k in range(3)]),
            Epoch(7, [Bolus(7, 50)]),
        ],
    ),
    Table(
        "reset_and_infusion_with_additional_ones",
        spread(dose(0, 100), dose(5, 40, rate=16, evid=4, additional=3, every=5)),
        lambda p: [
            Epoch(BEGINNING, [Bolus(0, 100)]),
            Epoch(5, [Infusion(5 + 5 * k, 7.5 + 5 * k, 16) for k in range(4)]),
        ],
    ),
    Table(
        "observation_above_a_reset_and_dose",
        [dose(0, 100), observe(4, sees=-1), dose(4, 50, evid=4), observe(4), observe(6)],
        lambda p: [Epoch(BEGINNING, [Bolus(0, 100)]), Epoch(4, [Bolus(4, 50)])],
    ),
    Table(
        "prediction_points",
        [predict(0), dose(1, 100), predict(1), predict(3.3), observe(3.3), predict(7), observe(9)],
        lambda p: [Bolus(1, 100)],
    ),
    Table(
        "negative_times_and_a_first_record_that_is_an_observation",
        spread(dose(-5, 100, rate=50), times=(-8, -5.5, -4, -1.5, 0, 4)),
        lambda p: [Infusion(-5, -3, 50)],
    ),
    Table(
        "absorption_as_fast_as_elimination",
        spread(dose(0, 100), dose(2, 60, rate=10, additional=1, every=5)),
        lambda p: [Bolus(0, 100), Infusion(2, 8, 10), Infusion(7, 13, 10)],
        values={"ka": 0.15 * (1 + 1e-9)},
        structures=("one_oral",),
    ),
    Table(
        "doses_at_the_last_record",
        spread(dose(0, 100), dose(SPREAD[-1], 50)),
        lambda p: [Bolus(0, 100), Bolus(SPREAD[-1], 50)],
    ),
]
