"""The closed forms against matrix exponentials and sums, and the simulator against them."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import mpmath
import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.linalg import expm
from scipy.special import lambertw

from tests.records.closed_forms import (
    Array,
    Bolus,
    Constant,
    Infusion,
    Periodic,
    closed_form,
    numerical_slope,
    precise,
    superposed,
)
from tests.records.event_simulator import simulate_subject
from tests.records.rows import Table, dose, frame, looks, observe, spread
from tests.records.saturable import (
    SATURABLE,
    least_amount_at_steady_state,
    level_under_constant_infusion,
)
from tests.records.structures import STRUCTURES, plain_model
from tests.records.tables import CASES, TABLES, table_named
from tests.records.varying_structure import COVARIATES, INTERPOLATIONS, PLAIN
from tests.records.varying_tables import VARYING_TABLES

TIMES = (0.3, 1.1, 4.0, 9.5, 23.6)


@pytest.mark.parametrize("name", STRUCTURES)
def test_a_bolus_is_a_column_of_the_matrix_exponential(name: str) -> None:
    structure = STRUCTURES[name]
    p = structure.parameters({})
    K = np.array(structure.compartments.matrix(p), dtype=np.float64)
    for into in range(len(structure.states)):
        found = superposed(structure.compartments, p, [Bolus(0, 7, into)], TIMES)
        wanted = [7 * expm(K * time)[:, into] for time in TIMES]
        assert_allclose(found, wanted, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("name", STRUCTURES)
def test_an_infusion_is_an_integral_of_boluses(name: str) -> None:
    structure = STRUCTURES[name]
    p = structure.parameters({})
    found = superposed(structure.compartments, p, [Infusion(0.5, 3, 20)], [2.5, 3, 8])
    nodes, weights = np.polynomial.legendre.leggauss(40)
    for values, time in zip(found, [2.5, 3, 8], strict=True):
        stop = min(time, 3)
        starts = 0.5 + (stop - 0.5) * (nodes + 1) / 2
        each = [superposed(structure.compartments, p, [Bolus(s, 20)], [time])[0] for s in starts]
        assert_allclose(values, (stop - 0.5) / 2 * weights @ np.array(each), rtol=1e-12)


@pytest.mark.parametrize("name", STRUCTURES)
@pytest.mark.parametrize("duration", [0.0, 3.0, 8.0, 19.0])
def test_what_is_periodic_is_a_long_sum(name: str, duration: float) -> None:
    structure = STRUCTURES[name]
    p = structure.parameters({})
    starts = [6.5 - 8 * k for k in range(60)]
    one_by_one: list[Any] = [
        Infusion(s, s + duration, 100 / duration) if duration else Bolus(s, 100) for s in starts
    ]
    times = (0.0, 2.0, 6.4, 6.6, 12.0, 40.0)
    found = superposed(structure.compartments, p, [Periodic(6.5, 8, 100, duration)], times)
    assert_allclose(
        found, superposed(structure.compartments, p, one_by_one, times), rtol=1e-11, atol=1e-13
    )
    if duration:
        constant = superposed(structure.compartments, p, [Constant(1, 9)], times)
        long_ago = superposed(structure.compartments, p, [Infusion(-900, 1, 9)], times)
        assert_allclose(constant, long_ago, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize(("name", "structure"), [case for case in CASES if case[1] == "two_oral"])
def test_nothing_cancels_in_the_closed_forms(name: str, structure: str) -> None:
    table, place = table_named(name), STRUCTURES[structure]
    p = place.parameters(table.values)
    at = looks(table.rows)
    plain = closed_form(place.compartments, p, table.epochs(p), at)
    with mpmath.workdps(50):
        exact = closed_form(place.compartments, precise(p), table.epochs(p), at)
    assert_allclose(plain, exact, rtol=1e-12, atol=1e-13 * np.abs(exact).max())


def test_close_rates_reach_their_limit() -> None:
    # Where absorption is as fast as elimination: central = k t exp(-k t) dose.
    structure = STRUCTURES["one_oral"]
    p = structure.parameters({"ka": 0.15 * (1 + 1e-12)})
    found = superposed(structure.compartments, p, [Bolus(0, 100)], TIMES)
    kt = 0.15 * np.array(TIMES)
    assert_allclose(found[:, 1], 100 * kt * np.exp(-kt), rtol=1e-11)


def test_numerical_slopes() -> None:
    found = numerical_slope(lambda x: np.array([math.exp(-3 * x), x**3]), 1.7)
    assert_allclose(found, [-3 * math.exp(-5.1), 3 * 1.7**2], rtol=1e-9)


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.name)
def test_predictions_are_smooth_where_gradients_are_asked_for(table: Table) -> None:
    """No dose arrives, and no infusion ends, as close to an observation as a difference reaches."""
    place = STRUCTURES["one_oral"]
    p = place.parameters(table.values)
    for name in table.slopes(place):

        def at(value: float, name: str = name) -> Array:
            moved = place.parameters({**table.values, name: value})
            return closed_form(place.compartments, moved, table.epochs(moved), looks(table.rows))

        wide, narrow = (numerical_slope(at, getattr(p, name), step) for step in (1e-3, 2e-4))
        assert_allclose(wide, narrow, rtol=1e-6, atol=1e-7 * np.abs(wide).max() + 1e-8)


@pytest.mark.parametrize("table", VARYING_TABLES, ids=lambda table: table.name)
def test_and_so_they_are_where_inputs_vary(table: Any) -> None:
    # The times at which doses arrive do not depend on the interpolation.
    for name in [name for name in table.values if name != "CL"]:
        old = table.parameters[name]
        labels = list(old) if isinstance(old, dict) else [None]
        for label in labels:

            def at(value: float, name: str = name, label: Any = label, old: Any = old) -> Array:
                new = value if label is None else {**old, label: value}
                found: Array = table.predicted({**table.parameters, name: new}, "locf")
                return found

            start = old if label is None else old[label]
            wide, narrow = (numerical_slope(at, start, step) for step in (1e-3, 2e-4))
            assert_allclose(wide, narrow, rtol=1e-6, atol=1e-7 * np.abs(wide).max() + 1e-8)


def test_there_are_tables_enough() -> None:
    assert len(TABLES) >= 40
    assert len({table.frame().to_csv() + str(table.values) for table in TABLES.values()}) == len(
        TABLES
    )


# A dose into a central compartment is a dose into the second one of an oral structure: without
# the slow ones, every table is still simulated.
@pytest.mark.parametrize(
    ("name", "structure"),
    [pytest.param(*case, marks=[] if "oral" in case[1] else pytest.mark.slow) for case in CASES],
)
def test_the_simulator_agrees_with_the_closed_form(name: str, structure: str) -> None:
    table, place = table_named(name), STRUCTURES[structure]
    p = place.parameters(table.values)
    wanted = closed_form(place.compartments, p, table.epochs(p), looks(table.rows))
    found = simulate_subject(plain_model(structure), table.frame(), vars(p))
    assert_allclose(
        found[list(place.states)].to_numpy(), wanted, rtol=1e-8, atol=1e-11 * np.abs(wanted).max()
    )


@pytest.mark.parametrize(
    ("table", "interpolation"),
    [
        pytest.param(table, each, id=f"{table.name}-{each}")
        for table in VARYING_TABLES
        for each in table.interpolations
    ],
)
def test_the_simulator_agrees_where_inputs_vary(table: Any, interpolation: str) -> None:
    wanted = table.predicted(table.parameters, interpolation)
    found = simulate_subject(PLAIN, table.frame(), table.parameters, COVARIATES, interpolation)
    assert_allclose(found.to_numpy(), wanted, rtol=1e-8, atol=1e-11 * np.abs(wanted).max())


def test_interpolations_differ_where_a_covariate_changes() -> None:
    table = VARYING_TABLES[0]
    one, two, three = (table.predicted(table.parameters, each) for each in INTERPOLATIONS)
    # From the second row on: the first two have one value. Ten times the tolerance of comparisons.
    for a, b in ((one, two), (two, three), (one, three)):
        assert (np.abs(a / b - 1)[1:, 1] > 1e-5).all()


def test_saturable_elimination_of_a_bolus_and_at_steady_state() -> None:
    p = {"Vm": 20.0, "Km": 2.0, "V": 20.0}
    scale = p["Km"] * p["V"]
    rows = spread(dose(0, 150))
    found = simulate_subject(SATURABLE, frame(rows), p)["central"].to_numpy()
    # Lambert's W: Schnell and Mendoza 1997, doi:10.1006/jtbi.1997.0425.
    times = np.array(looks(rows))
    inside: Any = 150 / scale * np.exp((150 - p["Vm"] * times) / scale)
    wanted = scale * lambertw(inside).real
    assert_allclose(found, wanted, rtol=1e-9)

    rows = [dose(3, 90, steady=1, every=8), observe(3), observe(11)]
    found = simulate_subject(SATURABLE, frame(rows), p)["central"].to_numpy()
    least = least_amount_at_steady_state(SimpleNamespace(**p), 90, 8)
    assert_allclose(found, [least + 90, least], rtol=1e-9)

    rows = [dose(3, 0, rate=9, steady=1), observe(3)]
    found = simulate_subject(SATURABLE, frame(rows), p)["central"].to_numpy()
    assert_allclose(found, [level_under_constant_infusion(SimpleNamespace(**p), 9)], rtol=1e-9)


def test_without_a_steady_state_the_simulator_says_so() -> None:
    rows = [dose(0, 200, steady=1, every=8), observe(1)]
    with pytest.raises(RuntimeError, match="no steady state after"):
        simulate_subject(SATURABLE, frame(rows), {"Vm": 20.0, "Km": 2.0, "V": 20.0}, cycles=20)
