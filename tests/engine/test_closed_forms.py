"""`simulate` against the closed forms of linear compartments."""

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from bnode_nlme.dynamics import System
from bnode_nlme.engine import simulate
from tests.engine.compartments import (
    ONE,
    TWO,
    Array,
    V,
    one_bolus,
    one_compartment,
    one_depot_infusion,
    one_infusion,
    one_oral,
    superposed,
    two_bolus,
    two_compartments,
    two_infusion,
)
from tests.engine.tables import Row, dose, observe, predict, reset, study_of

pytestmark = pytest.mark.parametrize("method", ["tsit5", "bdf", "adams"])

TIMES = np.array([0.1, 0.5, 1.0, 2.0, 3.5, 6.0, 9.0, 12.0, 18.0, 24.0, 30.0])


def concentrations(
    system: System, rows: list[Row], method: Any, parameters: dict[str, float] | None = None
) -> Array:
    solved = simulate(
        system,
        study_of(rows),
        parameters or (ONE if system is one_compartment else TWO),
        method=method,
        rtol=1e-8,
        atol=1e-10,
    )
    assert (solved.message == "solved").all()
    values: Array = solved["cp"].to_numpy()
    return values


def table(*events: Row, times: Array = TIMES) -> list[Row]:
    """Events, and observations below the events of their own time."""
    return sorted([*events, *map(observe, times)], key=lambda row: row["time"])


def agree(found: Array, wanted: Array) -> None:
    # relative to each value, down to a thousandth of the largest
    assert_allclose(found, wanted, rtol=1e-6, atol=1e-9 * np.abs(wanted).max())


def test_bolus(method: str) -> None:
    found = concentrations(one_compartment, table(dose(0, 100, into="central")), method)
    agree(found, superposed(TIMES, [(0, 100, one_bolus)]))


def test_oral_dose(method: str) -> None:
    found = concentrations(one_compartment, table(dose(0, 320)), method)
    agree(found, superposed(TIMES, [(0, 320, one_oral)]))


def test_infusion(method: str) -> None:
    found = concentrations(one_compartment, table(dose(0.3, 100, into="2", rate=25)), method)
    agree(found, superposed(TIMES, [(0.3, 1, one_infusion(25, 4))]))


def test_zero_order_input_into_the_depot(method: str) -> None:
    found = concentrations(one_compartment, table(dose(0, 90, into="depot", rate=30)), method)
    agree(found, superposed(TIMES, [(0, 1, one_depot_infusion(30, 3))]))


def test_overlapping_infusions_into_one_and_several_states(method: str) -> None:
    found = concentrations(
        one_compartment,
        table(
            dose(0, 100, into="central", rate=20),
            dose(1, 60, into="central", rate=10),
            dose(2, 10, into="central", rate=40),
            dose(2, 30, into="depot", rate=5),
        ),
        method,
    )
    wanted = superposed(
        TIMES,
        [
            (0, 1, one_infusion(20, 5)),
            (1, 1, one_infusion(10, 6)),
            (2, 1, one_infusion(40, 0.25)),
            (2, 1, one_depot_infusion(5, 6)),
        ],
    )
    agree(found, wanted)


def test_two_compartments_bolus_and_infusion(method: str) -> None:
    found = concentrations(
        two_compartments, table(dose(0, 100), dose(6, 80, into="1", rate=16)), method
    )
    agree(found, superposed(TIMES, [(0, 100, two_bolus), (6, 1, two_infusion(16, 5))]))


def test_additional_doses_and_additional_infusions(method: str) -> None:
    found = concentrations(
        one_compartment,
        table(
            dose(0, 100, additional=3, interval=7.5),
            dose(1, 40, into="central", rate=10, additional=20, interval=3),
        ),
        method,
    )
    oral = [(7.5 * k, 100.0, one_oral) for k in range(4)]
    # each lasts 4 h and they are 3 h apart: they overlap
    running = [(1 + 3.0 * k, 1.0, one_infusion(10, 4)) for k in range(21)]
    agree(found, superposed(TIMES, oral + running))


@pytest.mark.parametrize("evid", [3, 4])
def test_a_reset_cancels_amounts_infusions_and_pending_doses(method: str, evid: int) -> None:
    events = [
        dose(0, 100, additional=10, interval=2),
        dose(4, 200, into="central", rate=10),
        reset(7.0) if evid == 3 else dose(7, 50, evid=4),
    ]
    found = concentrations(one_compartment, table(*events), method)
    before = superposed(
        TIMES, [*((2.0 * k, 100.0, one_oral) for k in range(4)), (4, 1, one_infusion(10, 20))]
    )
    after = superposed(TIMES, [(7, 50.0 if evid == 4 else 0.0, one_oral)])
    agree(found, np.where(TIMES < 7, before, after))
    if evid == 3:
        assert np.all(found[TIMES > 7] == 0.0)


def test_a_dose_due_at_the_time_of_a_reset_is_given_before_it(method: str) -> None:
    rows = table(dose(0, 100, into="central", additional=1, interval=6), reset(6), times=TIMES)
    found = concentrations(one_compartment, rows, method)
    assert np.all(found[TIMES >= 6] == 0.0)


def test_records_of_one_time_act_in_the_order_of_the_table(method: str) -> None:
    rows = [
        observe(0),
        dose(0, 100, into="central"),
        observe(0),
        dose(0, 50, into="central"),
        observe(0),
        observe(0),
        observe(5),
        reset(5),
        observe(5),
        dose(5, 10, into="central"),
        observe(5),
    ]
    found = concentrations(one_compartment, rows, method)
    five = 150 * one_bolus(np.array([5.0]))[0]
    agree(found, np.array([0, 100 / V, 150 / V, 150 / V, five, 0, 10 / V]))


@pytest.mark.parametrize("interval", [0.1, 1 / 3, 0.7, 12.0])
def test_additional_doses_due_at_a_record_act_before_it(method: str, interval: float) -> None:
    # As decimals 0.3 is the third multiple of 0.1; as doubles 3 * 0.1 comes after 0.3.
    times = np.round(interval * np.arange(1, 6), 12)
    rows = [dose(0, 10, into="central", additional=5, interval=interval), *map(observe, times)]
    found = concentrations(one_compartment, rows, method)
    wanted = [
        sum(10 * one_bolus(np.array([interval * (n - k)]))[0] for k in range(n + 1))
        for n in range(1, 6)
    ]
    agree(found, np.array(wanted))


def test_prediction_points_report_and_change_nothing(method: str) -> None:
    rows = [predict(0), dose(0, 100, into="central"), predict(0), predict(3.3), observe(7)]
    found = concentrations(one_compartment, rows, method)
    agree(found, np.array([0, *(100 * one_bolus(np.array([0.0, 3.3, 7.0])))]))


def test_negative_times_and_a_first_record_that_is_an_observation(method: str) -> None:
    times = np.array([-8.0, -5.0, -1.5, 0.0, 4.0])
    rows = table(dose(-5, 100, into="central"), times=times)
    found = concentrations(one_compartment, rows, method)
    agree(found, superposed(times, [(-5, 100, one_bolus)]))


def test_times_far_from_zero(method: str) -> None:
    times = 1e6 + np.array([0.25, 1.0, 7.0])
    rows = table(dose(1e6, 100, into="central", rate=200), times=times)
    found = concentrations(one_compartment, rows, method)
    agree(found, superposed(times, [(1e6, 1, one_infusion(200, 0.5))]))


@pytest.mark.parametrize("start", [0.0, 1.0, 1e6])
def test_stretches_of_a_few_rounding_units(method: str, start: float) -> None:
    times = [start]
    for _ in range(12):
        times.append(np.nextafter(times[-1], np.inf))
    rows: list[Row] = []
    for time in times:
        rows += [observe(time), dose(time, 1, into="central"), observe(time)]
    found = concentrations(one_compartment, rows, method)
    given = np.arange(13) / V
    assert_allclose(found[0::2], given, rtol=1e-6, atol=1e-12)
    assert_allclose(found[1::2], given + 1 / V, rtol=1e-6)


def test_subjects_with_their_own_parameters_and_one_with_only_doses(method: Any) -> None:
    study = study_of(
        [dose(0, 100), observe(2), observe(9)],
        [dose(0, 100), dose(5, 20), reset(7)],
        [observe(1), dose(1, 300), observe(4)],
    )
    volumes = np.array([20.0, 25.0, 60.0])
    solved = simulate(
        one_compartment,
        study,
        {"ka": 1.1, "CL": [2.0, 1.0, 5.0], "V": volumes},
        method=method,
        rtol=1e-8,
        atol=1e-10,
    )

    def cp(amount: float, time: float, CL: float, V: float) -> float:
        k = CL / V
        return float(amount * 1.1 / V / (1.1 - k) * (np.exp(-k * time) - np.exp(-1.1 * time)))

    wanted = [cp(100, 2, 2, 20), cp(100, 9, 2, 20), 0.0, cp(300, 3, 5, 60)]
    agree(solved["cp"].to_numpy(), np.array(wanted))
    assert solved["status"].to_numpy().tolist() == [0, 0, 0]
    assert solved["steps"].to_numpy()[1] == 0
    assert solved["subject_of_observation"].to_numpy().tolist() == [1, 1, 3, 3]


def test_states_are_reported_beside_outputs(method: Any) -> None:
    solved = simulate(
        one_compartment, study_of(table(dose(0, 100))), ONE, method=method, rtol=1e-8, atol=1e-10
    )
    assert list(solved.data_vars)[:3] == ["cp", "depot", "central"]
    agree(solved["depot"].to_numpy(), 100 * np.exp(-ONE["ka"] * TIMES))
    assert_allclose(solved["central"].to_numpy(), V * solved["cp"].to_numpy(), rtol=1e-13)


def test_an_initial_state_holds_until_the_first_dose_and_after_a_reset(method: Any) -> None:
    growth = System(
        states=("size",),
        parameters=("rate", "start"),
        covariates=("factor",),
        rhs=lambda t, y, p, nn, c: {"size": p.rate * y.size},
        outputs={"cp": lambda t, y, p, nn, c: y.size},
        initial={"size": lambda p, c: p.start * c.factor},
    )
    study = study_of(
        [observe(2), observe(3), dose(3, 1), observe(4), reset(5), observe(5), observe(6)],
        covariates={"factor": [2.0]},
    )
    solved = simulate(growth, study, {"rate": 0.5, "start": 3.0}, method=method, rtol=1e-8)
    e = np.exp(0.5)
    agree(solved["cp"].to_numpy(), np.array([6, 6 * e, (6 * e + 1) * e, 6, 6 * e]))


def test_a_system_without_parameters(method: Any) -> None:
    system = System(states=("x",), parameters=(), rhs=lambda t, y, p, nn, c: {"x": -y.x})
    solved = simulate(system, study_of([dose(0, 2), observe(1)]), {}, method=method, rtol=1e-8)
    agree(solved["x"].to_numpy(), np.array([2 * np.exp(-1)]))


@pytest.mark.parametrize("rate", [1e8, 1e12, 1e13, 1e14, 1e18, 1e250, 1e300])
@pytest.mark.parametrize("start", [0.0, 24.0, 1e6])
def test_an_infusion_too_short_to_be_seen_is_a_bolus(
    method: Any, rate: float, start: float
) -> None:
    times = start + np.array([0.0, 1.0, 5.0])
    given = dose(start, 100, into="central", rate=rate)
    # Observed in the midst of it, too: a record at its own time comes before and after.
    rows = [observe(start), given, *map(observe, times)]
    solved = simulate(one_compartment, study_of(rows), ONE, method=method, rtol=1e-9, atol=1e-11)
    assert solved.status.values[0] == 0
    np.testing.assert_allclose(
        solved["cp"].to_numpy()[2:], 100 * one_bolus(times[1:] - start), rtol=1e-6
    )
