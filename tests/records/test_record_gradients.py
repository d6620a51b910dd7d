"""Gradients with respect to everything that a record's meaning depends on.

The reference is a central difference of the closed form, not of the package's own numbers, so that
a value and a gradient that are wrong together are found, too. One function for each structure
solves every table, each as a subject with its own parameters, by every method.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytensor.tensor as pt
import pytest
from numpy.testing import assert_allclose
from pytensor.compile.maker import function
from pytensor.gradient import grad

import bnode_nlme as bn
from tests.records.closed_forms import Array, closed_form, numerical_slope
from tests.records.rows import dose, frame, looks, observe
from tests.records.saturable import least_amount_at_steady_state, saturable_system
from tests.records.structures import STRUCTURES, system
from tests.records.tables import CASES, TABLES, table_named
from tests.records.varying_structure import COVARIATES, INTERPOLATIONS, VALUES, varying_system
from tests.records.varying_tables import VARYING_TABLES as ALL_VARYING_TABLES

METHODS: Any = ("tsit5", "bdf", "adams", "auto")
TOLERANCES: Any = {"rtol": 1e-10, "atol": 1e-12}
# Those that every interpolation can be asked of.
VARYING_TABLES = [each for each in ALL_VARYING_TABLES if each.interpolations == INTERPOLATIONS]
OVER_OCCASIONS = ("CL", "base", "tlag", "F")


def weighed(row: int) -> Array:
    """Cotangents of cp and of the first state: of one sign, so that little cancels."""
    return np.array([1.0 + row % 3, 0.02 * (1 + row % 2)])


def gradients(
    solutions: Mapping[Any, Any],
    parameters: Mapping[str, Any],
    values: Mapping[str, Array],
    first: str,
    cotangents: Array,
    mode: str | None = "FAST_COMPILE",
) -> dict[Any, dict[str, Array]]:
    """Gradient of sum(cotangents * (cp, first state)) for each of `solutions`, by parameter.

    FAST_COMPILE calls the same solvers from Python: numba would compile each function for seconds.
    """
    flat: list[Any] = []
    for solution in solutions.values():
        cost = (solution.outputs["cp"] * cotangents[:, 0]).sum()
        cost += (solution.states[first] * cotangents[:, 1]).sum()
        slopes: Any = grad(cost, list(parameters.values()), disconnected_inputs="ignore")
        flat += slopes
    found = iter(function(list(parameters.values()), flat, mode=mode)(*values.values()))
    return {key: {name: next(found) for name in parameters} for key in solutions}


def check(found: float, slope: Callable[[], Array], cotangents: Array) -> None:
    """To 1e-5 of the gradient, and to 1e-7 of its terms where they cancel.

    Below 1e-9 a difference of numbers that are themselves of the order of 100 knows nothing.
    """
    terms = cotangents * slope()
    floor = 1e-7 * np.abs(terms).sum() + 1e-9
    assert abs(found - terms.sum()) <= 1e-5 * abs(terms.sum()) + floor, (found, terms.sum())


@functools.cache
def gradients_of_structure(
    name: str, methods: tuple[Any, ...], mode: str | None = "FAST_COMPILE"
) -> tuple[Any, dict[str, int]]:
    """Gradients (subjects,) of all its tables, by method and parameter, and each one's subject."""
    place = STRUCTURES[name]
    tables = [table for table in TABLES.values() if name in table.structures]
    study = bn.read_nonmem(
        pd.concat([table.frame(k) for k, table in enumerate(tables, 1)], ignore_index=True)
    )
    values = {
        each: np.array([{**place.defaults, **table.values}[each] for table in tables])
        for each in place.names(dosing=True)
    }
    parameters = {each: pt.vector(each, shape=(len(tables),)) for each in values}
    solutions = {
        method: bn.solve(system(name, True), study, parameters, method=method, **TOLERANCES)
        for method in methods
    }
    cotangents = np.array([weighed(k) for table in tables for k in range(len(looks(table.rows)))])
    found = gradients(solutions, parameters, values, place.states[0], cotangents, mode)
    return found, {table.name: k for k, table in enumerate(tables)}


@pytest.mark.parametrize(("name", "structure"), CASES)
def test_gradients_of_every_table(name: str, structure: str) -> None:
    found, subjects = gradients_of_structure(structure, METHODS)
    place = STRUCTURES[structure]
    table = table_named(name)
    cotangents = np.array([weighed(k) for k in range(len(looks(table.rows)))])
    for parameter in table.slopes(place):
        slope = functools.cache(lambda parameter=parameter: _slope(table, place, parameter))
        for method in METHODS:
            check(found[method][parameter][subjects[name]], slope, cotangents)


def test_the_compiled_gradient_is_the_same() -> None:
    compiled, _ = gradients_of_structure("one_oral", ("tsit5",), mode=None)
    called, _ = gradients_of_structure("one_oral", ("tsit5",))
    for name, wanted in called["tsit5"].items():
        scale = np.abs(wanted).max()
        assert_allclose(compiled["tsit5"][name], wanted, rtol=1e-9, atol=1e-10 * scale)


def _slope(table: Any, place: Any, parameter: str) -> Array:
    def at(value: float) -> Array:
        p = place.parameters({**table.values, parameter: value})
        amounts = closed_form(place.compartments, p, table.epochs(p), looks(table.rows))
        return np.column_stack([amounts[:, place.central] / p.V, amounts[:, 0]])

    return numerical_slope(at, getattr(place.parameters(table.values), parameter))


@pytest.fixture(scope="module")
def by_interpolation() -> Any:
    """Gradients of the varying tables, by interpolation and method, over subjects or occasions."""
    # With a column OCC in all of them.
    rows = pd.concat([frame(table.rows, k) for k, table in enumerate(VARYING_TABLES, 1)])
    studies = {
        interpolation: bn.read_nonmem(rows, covariates=COVARIATES, interpolation=interpolation)
        for interpolation in INTERPOLATIONS
    }
    occasions: Any = studies["locf"].occasions
    pairs = zip(occasions.subject.tolist(), occasions.label.tolist(), strict=True)
    owner = {pair: k for k, pair in enumerate(pairs)}
    values = {}
    for name in VALUES:
        given = [table.parameters[name] for table in VARYING_TABLES]
        if name in OVER_OCCASIONS:
            given = [
                given[s][label] if isinstance(given[s], Mapping) else given[s] for s, label in owner
            ]
        values[name] = np.array(given)
    parameters = {name: pt.vector(name, shape=value.shape) for name, value in values.items()}
    solutions = {
        (interpolation, method): bn.solve(
            varying_system(), study, parameters, method=method, **TOLERANCES
        )
        for interpolation, study in studies.items()
        for method in METHODS
    }
    cotangents = np.array(
        [weighed(k) for table in VARYING_TABLES for k in range(len(looks(table.rows)))]
    )
    return gradients(solutions, parameters, values, "depot", cotangents), owner


@pytest.mark.parametrize("interpolation", INTERPOLATIONS)
@pytest.mark.parametrize("table", VARYING_TABLES, ids=lambda table: table.name)
def test_gradients_where_covariates_and_occasions_change(
    by_interpolation: Any, table: Any, interpolation: str
) -> None:
    found, owner = by_interpolation
    subject = VARYING_TABLES.index(table)
    cotangents = np.array([weighed(k) for k in range(len(looks(table.rows)))])
    for name in ("ka", "CL", "V", *(each for each in table.values if each != "CL")):
        labels = list(table.values[name]) if isinstance(table.values.get(name), Mapping) else [None]
        for label in labels:
            slope = functools.cache(
                lambda name=name, label=label: _varying_slope(table, interpolation, name, label)
            )
            for method in METHODS:
                entries = found[interpolation, method][name]
                if label is not None:
                    got = entries[owner[subject, label]]
                elif name in OVER_OCCASIONS:
                    got = sum(entries[k] for (s, _), k in owner.items() if s == subject)
                else:
                    got = entries[subject]
                check(got, slope, cotangents)


def _varying_slope(table: Any, interpolation: str, name: str, label: Any) -> Array:
    def at(value: float) -> Array:
        old = table.parameters[name]
        new = value if label is None else {**old, label: value}
        found: Array = table.predicted({**table.parameters, name: new}, interpolation)
        return found[:, [2, 0]]

    start = table.parameters[name]
    return numerical_slope(at, start if label is None else start[label])


def test_gradients_of_the_steady_state_of_saturable_elimination() -> None:
    values = {"Vm": 20.0, "Km": 2.0, "V": 20.0}
    study = bn.read_nonmem(frame([dose(3, 90, steady=1, every=8), observe(3), observe(11)]))
    parameters = {name: pt.scalar(name) for name in values}
    solutions = {
        method: bn.solve(saturable_system(), study, parameters, method=method, **TOLERANCES)
        for method in METHODS
    }
    cotangents = np.array([weighed(k) for k in range(2)])
    found = gradients(
        solutions,
        parameters,
        {name: np.array(value) for name, value in values.items()},
        "central",
        cotangents,
    )

    def at(name: str, value: float) -> Array:
        p = SimpleNamespace(**{**values, name: value})
        least = least_amount_at_steady_state(p, 90, 8)
        return np.array([[(least + 90) / p.V, least + 90], [least / p.V, least]])

    for name, value in values.items():
        slope = numerical_slope(functools.partial(at, name), value)
        for method in METHODS:
            check(float(found[method][name]), functools.partial(np.asarray, slope), cotangents)
