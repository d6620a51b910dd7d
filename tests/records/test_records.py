"""Every table through the package, by every method, against its closed form."""

from __future__ import annotations

import functools
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

import bnode_nlme as bn
from tests.records.closed_forms import Array, closed_form
from tests.records.plain_tables import PLAIN_TABLES
from tests.records.rows import Row, Table, dose, frame, looks, observe, spread
from tests.records.saturable import (
    least_amount_at_steady_state,
    level_under_constant_infusion,
    saturable_system,
)
from tests.records.steady_state_tables import STEADY_STATE_TABLES
from tests.records.structures import STRUCTURES, system
from tests.records.tables import CASES, TABLES, table_named
from tests.records.varying_structure import (
    COVARIATES,
    VaryingTable,
    varying_system,
)
from tests.records.varying_tables import VARYING_TABLES

METHODS: Any = ("tsit5", "bdf", "adams", "auto")
TOLERANCES: Any = {"rtol": 1e-10, "atol": 1e-12}


def slow(value: Any) -> Any:
    return pytest.param(value, marks=pytest.mark.slow)


@functools.cache
def expected(name: str, structure: str) -> Array:
    """Every state, then cp: shape (rows seen, states + 1)."""
    table, place = table_named(name), STRUCTURES[structure]
    p = place.parameters(table.values)
    amounts = closed_form(place.compartments, p, table.epochs(p), looks(table.rows))
    return np.column_stack([amounts, amounts[:, place.central] / p.V])


def agree(solved: Any, names: tuple[str, ...], wanted: Array) -> None:
    assert solved["message"].to_numpy().tolist() == ["solved"] * solved.sizes["subject"]
    found = np.column_stack([solved[name].to_numpy() for name in names])
    # Relative to each value, down to a thousandth of the state's or the output's largest.
    assert found.shape == wanted.shape
    floor = 1e-9 * np.abs(wanted).max(axis=0)
    assert (np.abs(found - wanted) <= 1e-6 * np.abs(wanted) + floor).all(), (found, wanted)


def compare(table: Table, structure: str, method: Any, dosing: bool) -> None:
    place = STRUCTURES[structure]
    solved = bn.simulate(
        system(structure, dosing),
        bn.read_nonmem(table.frame()),
        {name: {**place.defaults, **table.values}[name] for name in place.names(dosing)},
        method=method,
        **TOLERANCES,
    )
    agree(solved, (*place.states, "cp"), expected(table.name, structure))


# By the other methods every table is solved as a subject among others, below.
@pytest.mark.parametrize("method", ["tsit5", *(slow(each) for each in METHODS[1:])])
@pytest.mark.parametrize(("name", "structure"), CASES)
def test_every_table_agrees_with_its_closed_form(name: str, structure: str, method: Any) -> None:
    table = table_named(name)
    compare(table, structure, method, table.dosing)


@pytest.mark.parametrize("structure", ["one_iv", "two_oral"])
@pytest.mark.parametrize("table", [*PLAIN_TABLES, *STEADY_STATE_TABLES], ids=lambda t: t.name)
def test_a_lag_of_zero_and_a_bioavailability_of_one_change_nothing(
    table: Table, structure: str
) -> None:
    if structure in table.structures and not table.dosing:
        compare(table, structure, "tsit5", dosing=True)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("structure", STRUCTURES)
def test_tables_as_subjects_of_one_study(structure: str, method: Any) -> None:
    """Each subject has a table and parameters of its own; they are solved side by side."""
    tables = [table for table in TABLES.values() if structure in table.structures]
    study = bn.read_nonmem(
        pd.concat([table.frame(k) for k, table in enumerate(tables, 1)], ignore_index=True)
    )
    place = STRUCTURES[structure]
    values = {
        name: [{**place.defaults, **table.values}[name] for table in tables]
        for name in place.names(dosing=True)
    }
    solved = bn.simulate(system(structure, True), study, values, method=method, **TOLERANCES)
    wrong = []
    for k, table in enumerate(tables, 1):
        try:
            own = solved.sel(subject=[k])
            own = own.isel(observation=own["subject_of_observation"].to_numpy() == k)
            agree(own, (*place.states, "cp"), expected(table.name, structure))
        except AssertionError:
            wrong.append(table.name)
    assert wrong == []


def occasion_values(study: Any, values: Any) -> Any:
    """A parameter given by occasion, over the study's occasions; a number as it is."""
    return (
        [values[int(label)] for label in study.occasions.label]
        if isinstance(values, dict)
        else values
    )


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("table", "interpolation"),
    [
        pytest.param(table, each, id=f"{table.name}-{each}")
        for table in VARYING_TABLES
        for each in table.interpolations
    ],
)
def test_covariates_and_occasions(table: VaryingTable, interpolation: Any, method: Any) -> None:
    study = bn.read_nonmem(table.frame(), covariates=COVARIATES, interpolation=interpolation)
    values = {name: occasion_values(study, value) for name, value in table.parameters.items()}
    solved = bn.simulate(varying_system(), study, values, method=method, **TOLERANCES)
    wanted = table.predicted(table.parameters, interpolation)
    agree(solved, ("depot", "central", "cp", "per_weight"), wanted)


@pytest.mark.parametrize("method", METHODS)
def test_a_rhs_without_covariates_leaves_them_out(method: Any) -> None:
    """A covariate may vary that the system does not declare."""
    table = VARYING_TABLES[0].frame()
    study = bn.read_nonmem(table, covariates=COVARIATES)
    place = STRUCTURES["one_oral"]
    solved = bn.simulate(
        system("one_oral", False), study, place.kinetics, method=method, **TOLERANCES
    )
    p = place.parameters({})
    times = [row["TIME"] for row in VARYING_TABLES[0].rows if row["EVID"] == 0]
    bolus = TABLES["bolus"].epochs(p)
    wanted = closed_form(place.compartments, p, bolus, times)
    agree(solved, place.states, wanted)


SATURATION = {"Vm": 20.0, "Km": 2.0, "V": 20.0}


def saturated(rows: list[Row], method: Any) -> Any:
    study = bn.read_nonmem(frame(rows))
    return bn.simulate(saturable_system(), study, SATURATION, method=method, **TOLERANCES)


@pytest.mark.parametrize("method", METHODS)
def test_steady_states_of_saturable_elimination(method: Any) -> None:
    p = SimpleNamespace(**SATURATION)
    least = least_amount_at_steady_state(p, 90, 8)
    solved = saturated([dose(3, 90, steady=1, every=8), observe(3), observe(11)], method)
    agree(solved, ("central",), np.array([[least + 90], [least]]))
    solved = saturated([dose(3, 0, rate=9, steady=1), observe(3)], method)
    agree(solved, ("central",), np.array([[level_under_constant_infusion(p, 9)]]))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "given",
    [dose(0, 200, steady=1, every=8), dose(0, 0, rate=25, steady=1)],
    ids=["boluses", "constant_infusion"],
)
def test_without_a_steady_state_the_subject_fails_and_the_others_do_not(
    given: Row, method: Any
) -> None:
    """More is given than can be eliminated."""
    tables = [frame(spread(given), 1), frame(spread(dose(0, 90, steady=1, every=8)), 2)]
    solved = bn.simulate(
        saturable_system(),
        bn.read_nonmem(pd.concat(tables, ignore_index=True)),
        SATURATION,
        method=method,
        **TOLERANCES,
    )
    failed = solved["subject_of_observation"].to_numpy() == 1
    assert np.isnan(solved["cp"].to_numpy()[failed]).all()
    assert np.isfinite(solved["cp"].to_numpy()[~failed]).all()
    assert solved["status"].to_numpy()[1] == 0
    assert "steady state" in str(solved["message"].to_numpy()[0])
