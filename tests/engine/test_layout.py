"""The compiled layout against a plain one, and its adjoint against differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from bnode_nlme.dynamics import Dosing, System
from bnode_nlme.engine.dose_values import DoseValues, values_in_table
from bnode_nlme.engine.layout import Layout, layout_adjoint_call, layout_call
from bnode_nlme.engine.plan import Plan, build_plan
from bnode_nlme.engine.schedule import Action, build_schedule
from bnode_nlme.engine.status import SolveStatus
from bnode_nlme.study.errors import TableError
from bnode_nlme.study.study import Study
from tests.engine.compartments import one_compartment
from tests.engine.plain_layout import plain_layout
from tests.engine.tables import Row, dose, observe, predict, reset, study_of

STATES = ("depot", "central")
EVERY_DAY = settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None
)
DOSED = System(
    states=STATES,
    parameters=("ka", "k", "R", "D"),
    rhs=lambda t, y, p, nn, c: {"depot": -p.ka * y.depot, "central": -p.k * y.central},
    dosing={
        name: Dosing(rate=lambda p, c: p.R, duration=lambda p, c: p.D, lag=lambda p, c: p.D)
        for name in STATES
    },
)
ACTIONS = {
    "observe": Action.OBSERVE,
    "add": Action.ADD,
    "rate": Action.SET_RATE,
    "reset": Action.RESET,
    "clear": Action.CLEAR,
}

tenths = st.integers(0, 40).map(lambda k: k / 10)
amounts = st.integers(1, 50).map(float)


MODERATE = (0.0, 0.0, 5.0, 0.7, -1.0, -2.0)


@st.composite
def doses(draw: st.DrawFn, time: float, rates: tuple[float, ...]) -> Row:
    steady = draw(st.sampled_from([0, 0, 0, 1, 2]))
    into, evid = draw(st.sampled_from(["", "1", "2", *STATES])), draw(st.sampled_from([1, 1, 1, 4]))
    if steady and draw(st.booleans()):
        rate = draw(st.sampled_from([3.0, -1.0]))
        return dose(time, 0.0, into=into, rate=rate, evid=evid, steady_state=steady)
    return dose(
        time,
        draw(amounts),
        into=into,
        rate=draw(st.sampled_from(rates)),
        additional=draw(st.sampled_from([0, 0, 1, 3, 40])),
        interval=draw(st.sampled_from([0.1, 0.5, 1.3, 12.0])),
        evid=evid,
        steady_state=steady,
    )


@st.composite
def tables(draw: st.DrawFn, rates: tuple[float, ...]) -> list[Row]:
    times = sorted(draw(st.lists(tenths, min_size=1, max_size=9)))
    rows = [
        draw(st.one_of(st.just(observe(t)), doses(t, rates), doses(t, rates), st.just(reset(t)),
                       st.just(predict(t))))
        for t in times
    ]  # fmt: skip
    return [*rows, observe(times[-1] + draw(tenths))] if draw(st.booleans()) else rows


@st.composite
def problems(draw: st.DrawFn, *more: float) -> tuple[Study, Plan, DoseValues]:
    rates = (*MODERATE, *more)
    study = study_of(*draw(st.lists(tables(rates), min_size=1, max_size=3)))
    plan = build_plan(DOSED, study)
    count = len(plan.doses)

    def each(*choices: float) -> Any:
        return np.array(draw(st.lists(st.sampled_from(choices), min_size=count, max_size=count)))

    values = DoseValues(
        lag=each(0.0, 0.0, 0.1, 0.37, 2.9),
        bioavailability=each(1.0, 0.0, 0.31, 1.7),
        modelled=each(0.2, 3.3, 11.0),
        shifts=np.zeros(0),
        steady=np.arange(2.0 * len(plan.steady_records)).reshape(-1, 2) + 0.5,
    )
    return study, plan, values


def without_begin(study: Study, entries: list[Any], subject: int) -> list[Any]:
    """Entries less the one that lets a solve begin at a first record which acts later."""
    first = np.flatnonzero(study.records.subject == subject)[0]
    late = study.records.evid[first] == 1 and study.records.steady_state[first] == 0
    return entries[1:] if late and entries else entries


@EVERY_DAY
@given(problems(1e9))
def test_any_table_is_laid_out_as_by_the_plain_layout(
    problem: tuple[Study, Plan, DoseValues],
) -> None:
    study, plan, values = problem
    laid = Layout(*layout_call(*plan.arrays, *values))
    steady = np.zeros((len(plan.doses), 2))
    steady[plan.doses[:, 2] > 0] = values.steady
    wanted = plain_layout(
        study, STATES, lag=values.lag, part=values.bioavailability, modelled=values.modelled,
        steady_state=steady.tolist(),
    )  # fmt: skip
    for subject, plain in enumerate(wanted):
        entries = slice(*laid.offsets[subject : subject + 2])
        found = list(
            zip(laid.actions[entries].tolist(), laid.targets[entries].tolist(),
                laid.times[entries].tolist(), laid.amounts[entries].tolist(), strict=True)
        )  # fmt: skip
        found = without_begin(study, found, subject)
        assert [entry[:2] for entry in found] == [(int(ACTIONS[e[0]]), e[1]) for e in plain]
        assert_allclose([e[2] for e in found], [e[2] for e in plain], rtol=1e-14)
        assert_allclose([e[3] for e in found], [e[3] for e in plain], rtol=1e-12, atol=1e-13)
        # Exactly zero where nothing runs: what is left of a rate would flow for ever.
        assert [e[3] == 0 for e in found] == [e[3] == 0 for e in plain]


def pulled_back(plan: Plan, values: DoseValues, to_times: Any, to_amounts: Any) -> DoseValues:
    laid = Layout(*layout_call(*plan.arrays, *values))
    return DoseValues(
        *layout_adjoint_call(
            *plan.arrays, *values, laid.offsets, laid.actions, laid.targets, laid.origins,
            laid.given, to_times, to_amounts,
        )
    )  # fmt: skip


@EVERY_DAY
@given(problems(), st.integers(0, 2**32 - 1))
def test_the_adjoint_of_any_layout_against_differences(
    problem: tuple[Study, Plan, DoseValues], seed: int
) -> None:
    _, plan, values = problem
    rng = np.random.default_rng(seed)
    # Odd values, so that no two entries change places in the differences.
    values = values._replace(
        lag=np.where(values.lag > 0, values.lag + rng.uniform(0, 0.01, values.lag.shape), 0.0),
        bioavailability=values.bioavailability + rng.uniform(0.001, 0.01, values.lag.shape),
        modelled=values.modelled + rng.uniform(0, 0.01, values.lag.shape),
    )
    laid = Layout(*layout_call(*plan.arrays, *values))
    to_times, to_amounts = rng.normal(size=(2, len(laid.times)))
    found = pulled_back(plan, values, to_times, to_amounts)
    for name in DoseValues._fields:
        given = getattr(values, name)
        for place in np.ndindex(given.shape):
            if name == "lag" and given[place] == 0.0:
                continue  # a dose that is due at its record may not be due before it
            step = 1e-7 * max(1.0, abs(given[place]))
            sides = []
            for sign in (1, -1):
                moved = given.copy()
                moved[place] += sign * step
                other = Layout(*layout_call(*plan.arrays, *values._replace(**{name: moved})))
                assume(np.array_equal(other.actions, laid.actions))
                assume(np.array_equal(other.targets, laid.targets))
                sides.append(to_times @ other.times + to_amounts @ other.amounts)
            slope = (sides[0] - sides[1]) / (2 * step)
            assert_allclose(getattr(found, name)[place], slope, rtol=1e-5, atol=2e-5, err_msg=name)


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"lag": -1e-9}, SolveStatus.DOSING),
        ({"lag": np.nan}, SolveStatus.DOSING),
        ({"lag": np.inf}, SolveStatus.DOSING),
        ({"bioavailability": -0.1}, SolveStatus.DOSING),
        ({"bioavailability": np.nan}, SolveStatus.DOSING),
        ({"bioavailability": np.inf}, SolveStatus.DOSING),
        ({"modelled": 0.0}, SolveStatus.DOSING),
        ({"modelled": -2.0}, SolveStatus.DOSING),
        ({"modelled": np.nan}, SolveStatus.DOSING),
        ({"modelled": np.inf}, SolveStatus.DOSING),
        ({"modelled": 5e-324}, SolveStatus.DOSING),
        ({"steady": np.nan}, SolveStatus.NO_STEADY_STATE),
    ],
)
def test_a_value_that_cannot_be_given_fails_its_subject_alone(
    change: dict[str, float], status: SolveStatus
) -> None:
    rows = [observe(0), dose(1, 9.0, rate=-1, interval=2, steady_state=1), observe(3), observe(4)]
    plan = build_plan(DOSED, study_of(rows, rows))
    values = values_in_table(plan)._replace(modelled=np.ones(2), steady=np.ones((2, 2)))
    whole = Layout(*layout_call(*plan.arrays, *values))
    for name, value in change.items():
        changed = getattr(values, name).copy()
        changed[1] = value
        values = values._replace(**{name: changed})
    laid = Layout(*layout_call(*plan.arrays, *values))
    failed = slice(*laid.offsets[1:])
    assert laid.actions[failed].tolist() == [Action.FAIL, *[Action.OBSERVE] * 3]
    assert laid.targets[failed].tolist() == [status, 3, 4, 5]
    assert status.message
    own = slice(0, laid.offsets[1])
    for name in ("actions", "targets", "times", "amounts"):
        assert_array_equal(getattr(laid, name)[own], getattr(whole, name)[own])


def test_a_dose_after_the_last_observation_is_not_looked_at() -> None:
    plan = build_plan(DOSED, study_of([dose(0, 1.0), observe(1), dose(2, 1.0, rate=-1)]))
    values = values_in_table(plan)
    laid = Layout(*layout_call(*plan.arrays, *values))
    assert laid.actions.tolist() == [Action.RESET, Action.ADD, Action.OBSERVE]


def test_doses_without_the_rate_or_duration_that_they_want_are_listed() -> None:
    study = study_of([dose(0, 1.0, rate=-1), dose(1, 1.0, rate=-2, into="central"), observe(1)])
    with pytest.raises(TableError, match=r"(?s)2 problems in 2 rows.* RATE .*'depot'.*'central'"):
        build_plan(one_compartment, study)
    with pytest.raises(ValueError, match="depends on parameters, or inputs vary"):
        build_schedule(DOSED, study)


@pytest.mark.parametrize(
    ("place", "wrong", "message"),
    [
        (0, np.array([0, 9]), "begin at 0 and end at its number of events"),
        (1, np.array([[100, 7, -1], [0, 0, -1]]), "is no dose of it"),
        (1, np.array([[101, 0, 3], [0, 0, -1]]), "one number for each shift"),
        (2, np.zeros((2, 1)), "three integers and two doubles"),
        (3, np.array([[5, 0, 0, -1]]), "goes to no state"),
        (3, np.array([[0, 0, 1, 4]]), "one row for each dose of the plan that has one"),
        (5, np.zeros(3), "one number for each dose of the plan"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(place: int, wrong: Any, message: str) -> None:
    plan = build_plan(one_compartment, study_of([dose(0, 1.0), observe(1)]))
    inputs = [*plan.arrays, *values_in_table(plan)]
    inputs[place] = wrong
    with pytest.raises(ValueError, match=message):
        layout_call(*inputs)
