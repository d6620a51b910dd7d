"""Steady states: of boluses and infusions, with lag, F, duration and rate, added and replacing."""

from __future__ import annotations

from tests.records.closed_forms import BEGINNING, Bolus, Constant, Epoch, Infusion, Periodic
from tests.records.rows import Table, dose, later, observe, predict, reset, spread

STEADY_STATE_TABLES = [
    Table(
        "steady_state",
        spread(dose(0, 100, steady=1, every=8)),
        lambda p: [Periodic(0, 8, 100)],
    ),
    Table(
        "steady_state_in_the_second_compartment",
        spread(dose(0, 100, 1, steady=1, every=8)),
        lambda p: [Periodic(0, 8, 100, into=1)],
    ),
    Table(
        "steady_state_with_additional_doses",
        spread(dose(0, 100, steady=1, every=6, additional=2)),
        lambda p: [Periodic(12, 6, 100)],
    ),
    Table(
        "steady_state_seen_above_and_below",
        [
            dose(0, 30),
            observe(2, sees=-1),
            dose(2, 100, steady=1, every=8),
            observe(2),
            predict(2),
            observe(5),
        ],
        lambda p: [Epoch(BEGINNING, [Bolus(0, 30)]), Epoch(2, [Periodic(2, 8, 100)])],
    ),
    Table(
        "steady_state_replaces_what_was_there",
        spread(dose(0, 500), dose(1, 300, 1), dose(5, 100, steady=1, every=8)),
        lambda p: [
            Epoch(BEGINNING, [Bolus(0, 500), Bolus(1, 300, 1)]),
            Epoch(5, [Periodic(5, 8, 100)]),
        ],
    ),
    Table(
        "steady_state_of_an_infusion",
        spread(dose(0, 100, rate=40, steady=1, every=8)),
        lambda p: [Periodic(0, 8, 100, 2.5)],
    ),
    Table(
        "steady_state_of_an_infusion_longer_than_the_interval",
        spread(dose(0, 100, rate=10, steady=1, every=8)),
        lambda p: [Periodic(0, 8, 100, 10)],
    ),
    Table(
        "steady_state_of_an_infusion_three_and_a_half_intervals_long",
        spread(dose(0, 98, rate=7, steady=1, every=4, additional=2)),
        lambda p: [Periodic(8, 4, 98, 14)],
    ),
    Table(
        "steady_state_of_an_infusion_as_long_as_the_interval",
        spread(dose(0, 80, rate=10, steady=1, every=8)),
        lambda p: [Periodic(0, 8, 80, 8)],
    ),
    Table(
        "steady_state_of_a_constant_infusion",
        spread(dose(2, 0, rate=10, steady=1), dose(6, 50)),
        lambda p: [Epoch(BEGINNING, []), Epoch(2, [Constant(2, 10), Bolus(6, 50)])],
    ),
    Table(
        "steady_state_of_a_constant_infusion_that_is_continued",
        spread(dose(0, 0, rate=10, steady=1), dose(0, 60, rate=10)),
        lambda p: [Constant(0, 10), Infusion(0, 6, 10)],
    ),
    Table(
        "steady_state_of_a_constant_infusion_added",
        spread(dose(0, 100), dose(2, 0, rate=10, steady=2)),
        lambda p: [
            Epoch(BEGINNING, [Bolus(0, 100)]),
            Epoch(2, [Bolus(0, 100), Constant(2, 10)]),
        ],
    ),
    Table(
        "steady_state_with_a_lag_shorter_than_the_interval",
        spread(dose(0, 100, steady=1, every=8), dose(12, 50, 1)),
        lambda p: [Periodic(p.tlag, 8, 100), Bolus(12, 50, 1)],
        values={"tlag": 2.9},
    ),
    Table(
        "steady_state_with_a_lag_longer_than_the_interval",
        spread(dose(0, 100, steady=1, every=4)),
        lambda p: [Periodic(p.tlag, 4, 100)],
        values={"tlag": 9.7},
    ),
    Table(
        "steady_state_with_a_lag_of_one_interval",
        spread(dose(0, 100, steady=1, every=8), times=(0, 0.3, 2.6, 9.2, 13.4)),
        lambda p: [Periodic(p.tlag, 8, 100)],
        values={"tlag": 8.0},
        rough=("tlag",),
    ),
    Table(
        "steady_state_with_lag_and_additional_doses",
        spread(dose(0, 100, steady=1, every=5, additional=2)),
        lambda p: [Periodic(p.tlag + 10, 5, 100)],
        values={"tlag": 1.9},
    ),
    Table(
        "steady_state_with_lag_seen_above_and_below",
        [
            dose(0, 30, 1),
            observe(4, sees=-1),
            dose(4, 100, steady=1, every=8),
            observe(4),
            observe(6),
            observe(8),
        ],
        lambda p: [Epoch(BEGINNING, [Bolus(0, 30, 1)]), Epoch(4, [Periodic(4 + p.tlag, 8, 100)])],
        values={"tlag": 2.9},
    ),
    Table(
        "steady_state_of_an_infusion_that_a_lag_leaves_running",
        spread(dose(0, 100, rate=20, steady=1, every=8)),
        lambda p: [Periodic(p.tlag, 8, 100, 5)],
        values={"tlag": 6.15},
    ),
    Table(
        "steady_state_of_a_long_infusion_with_a_long_lag",
        spread(dose(0, 99, rate=9, steady=1, every=4, additional=1)),
        lambda p: [Periodic(p.tlag + 4, 4, 99, 11)],
        values={"tlag": 9.75},
    ),
    Table(
        "steady_state_with_bioavailability",
        spread(dose(0, 100, steady=1, every=8)),
        lambda p: [Periodic(0, 8, p.F * 100)],
        values={"F": 0.63},
    ),
    Table(
        "steady_state_of_an_infusion_with_bioavailability",
        spread(dose(0, 100, rate=20, steady=1, every=4)),
        lambda p: [Periodic(0, 4, p.F * 100, p.F * 5)],
        values={"F": 1.31},
    ),
    Table(
        "steady_state_of_an_infusion_of_modelled_rate",
        spread(dose(0, 100, rate=-1, steady=1, every=8)),
        lambda p: [Periodic(0, 8, 100, 100 / p.R1)],
        values={"R1": 23.7},
    ),
    Table(
        "steady_state_of_an_infusion_of_modelled_rate_longer_than_the_interval",
        spread(dose(0, 100, rate=-1, steady=1, every=8, additional=1)),
        lambda p: [Periodic(8 + p.tlag, 8, p.F * 100, p.F * 100 / p.R1)],
        values={"R1": 4.1, "F": 0.8, "tlag": 1.45},
    ),
    Table(
        "steady_state_of_an_infusion_of_modelled_duration",
        spread(dose(0, 100, rate=-2, steady=1, every=8)),
        lambda p: [Periodic(0, 8, 100, p.D1)],
        values={"D1": 3.71},
    ),
    Table(
        "steady_state_of_an_infusion_of_modelled_duration_longer_than_the_interval",
        spread(dose(0, 100, rate=-2, steady=1, every=5, additional=1)),
        lambda p: [Periodic(5 + p.tlag, 5, p.F * 100, p.D1)],
        values={"D1": 11.4, "F": 0.8, "tlag": 3.2},
    ),
    Table(
        "steady_state_added_to_a_running_state",
        spread(dose(0, 200), dose(1, 90, 1, rate=9), dose(5, 100, steady=2, every=8)),
        lambda p: [
            Epoch(BEGINNING, [Bolus(0, 200), Infusion(1, 11, 9, 1)]),
            Epoch(5, [Bolus(0, 200), Infusion(1, 11, 9, 1), Periodic(5, 8, 100)]),
        ],
    ),
    Table(
        "steady_state_of_a_long_infusion_added_to_a_running_one_and_pending_doses",
        spread(
            dose(0, 120, rate=8, additional=1, every=6),
            dose(5, 100, rate=10, steady=2, every=8, additional=1),
        ),
        lambda p: [
            Epoch(BEGINNING, [Infusion(0, 15, 8)]),
            Epoch(5, [Infusion(0, 15, 8), Infusion(6, 21, 8), Periodic(13, 8, 100, 10)]),
        ],
    ),
    Table(
        "different_doses_in_the_morning_and_in_the_evening",
        spread(
            dose(0, 100, steady=1, every=24, additional=1),
            dose(9, 60, steady=2, every=24, additional=1),
            times=(0.3, 4.7, 8.6, 9.2, 13.4, 23.6, 26, 37),
        ),
        lambda p: [
            Epoch(BEGINNING, [Periodic(24, 24, 100)]),
            Epoch(9, [Periodic(24, 24, 100), Periodic(33, 24, 60)]),
        ],
    ),
    Table(
        "different_doses_whose_later_one_is_lagged_into_the_next_day",
        spread(
            dose(0, 100, steady=1, every=24, additional=1),
            dose(0, 60, 1, steady=2, every=24, additional=1),
            times=(0.3, 4.7, 8.6, 9.2, 13.4, 23.6, 26, 37),
        ),
        lambda p: [Periodic(24 + p.tlag, 24, 100), Periodic(24 + p.tlag2, 24, 60, into=1)],
        values={"tlag": 0.5, "tlag2": 11.3},
    ),
    Table(
        "steady_state_added_with_a_lag_longer_than_the_interval",
        spread(dose(0, 200), dose(7, 100, 1, steady=2, every=4)),
        lambda p: [
            Epoch(BEGINNING, [Bolus(p.tlag, 200)]),
            Epoch(7, [Bolus(p.tlag, 200), Periodic(7 + p.tlag2, 4, 100, into=1)]),
        ],
        values={"tlag": 1.2, "tlag2": 5.3},
    ),
    # As in NONMEM, SS=1 leaves nothing of what was given before: all that counts from its time on
    # is the regimen of its own, with those of its doses that still run or are still to arrive.
    Table(
        "steady_state_while_an_earlier_infusion_runs",
        spread(dose(0, 120, 1, rate=10), dose(5, 100, steady=1, every=8)),
        lambda p: [
            Epoch(BEGINNING, [Infusion(0, 12, 10, 1)]),
            Epoch(5, [Periodic(5, 8, 100)]),
        ],
    ),
    Table(
        "steady_state_while_an_earlier_infusion_runs_into_the_same_compartment",
        spread(
            dose(0, 120, rate=-2, additional=1, every=3), dose(5, 100, rate=10, steady=1, every=8)
        ),
        lambda p: [
            Epoch(BEGINNING, [Infusion(0, p.D1, 120 / p.D1), Infusion(3, 3 + p.D1, 120 / p.D1)]),
            Epoch(5, [Periodic(5, 8, 100, 10)]),
        ],
        values={"D1": 12.2},
    ),
    Table(
        "steady_state_before_pending_doses",
        spread(dose(0, 50, additional=3, every=4), dose(5, 100, steady=1, every=6)),
        lambda p: [
            Epoch(BEGINNING, [Bolus(0, 50), Bolus(4, 50)]),
            Epoch(5, [Periodic(5, 6, 100)]),
        ],
    ),
    Table(
        "steady_state_before_lagged_doses_of_another",
        spread(dose(0, 100, steady=1, every=4, additional=2), dose(5, 60, 1, steady=1, every=6)),
        lambda p: [
            Epoch(BEGINNING, [Periodic(p.tlag, 4, 100)]),
            Epoch(5, [Periodic(5 + p.tlag2, 6, 60, into=1)]),
        ],
        values={"tlag": 6.45, "tlag2": 7.9},
    ),
    Table(
        "steady_state_of_a_constant_infusion_while_an_earlier_infusion_runs",
        spread(dose(0, 120, rate=10), dose(5, 0, rate=4, steady=1)),
        lambda p: [Epoch(BEGINNING, [Infusion(0, 12, 10)]), Epoch(5, [Constant(5, 4)])],
    ),
    Table(
        "steady_state_of_a_long_infusion_replaced_by_a_reset",
        spread(dose(0, 100, rate=10, steady=1, every=4), reset(3), dose(6, 20)),
        lambda p: [Epoch(BEGINNING, [Periodic(0, 4, 100, 10)]), Epoch(3, [Bolus(6, 20)])],
    ),
    Table(
        "reset_before_the_lagged_doses_of_a_steady_state_arrive",
        spread(dose(0, 100, steady=1, every=4, additional=3), reset(3), dose(6, 20, 1)),
        lambda p: [Epoch(BEGINNING, [Periodic(p.tlag - 4, 4, 100)]), Epoch(3, [Bolus(6, 20, 1)])],
        values={"tlag": 6.45},
    ),
    Table(
        "reset_and_steady_state",
        spread(dose(0, 120, rate=10), dose(5, 100, rate=10, steady=1, every=8, evid=4)),
        lambda p: [Epoch(BEGINNING, [Infusion(0, 12, 10)]), Epoch(5, [Periodic(5, 8, 100, 10)])],
    ),
    Table(
        "steady_states_in_two_compartments_at_one_time",
        [
            dose(3, 100, steady=1, every=8),
            observe(3, sees=0),
            dose(3, 60, 1, rate=20, steady=2, every=6),
            observe(3, sees=1),
            observe(4.4),
            observe(11),
        ],
        lambda p: [
            Epoch(BEGINNING, [Periodic(3, 8, 100)]),
            Epoch(later(3, 1), [Periodic(3, 8, 100), Periodic(3, 6, 60, 3, into=1)]),
        ],
    ),
    Table(
        "one_steady_state_after_another",
        spread(dose(0, 100, steady=1, every=8), dose(8, 50, rate=25, steady=1, every=6)),
        lambda p: [Epoch(BEGINNING, [Periodic(0, 8, 100)]), Epoch(8, [Periodic(8, 6, 50, 2)])],
    ),
]
