"""Any table, through the package and through the event simulator."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor.tensor as pt
import pytest
from hypothesis import HealthCheck, given, settings
from numpy.typing import NDArray
from pytensor.compile.maker import function
from pytensor.gradient import grad

import bnode_nlme as bn
from tests.records.event_simulator import simulate_table
from tests.records.random_structure import COVARIATES, RANDOM_MODEL, STATES, random_system
from tests.records.random_tables import BY_OCCASION, RandomTable, random_tables

# The everyday examples are always the same ones; the slow test draws new ones.
EVERY_DAY = settings(
    max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
THOROUGH = settings(EVERY_DAY, max_examples=500, derandomize=False, database=None)


def arguments(table: RandomTable) -> tuple[Any, dict[str, NDArray[np.float64]]]:
    """The study and the parameters, over its subjects or occasions."""
    interpolation: Any = table.interpolation
    study = bn.read_nonmem(table.frame, covariates=COVARIATES, interpolation=interpolation)
    values = {
        name: by_occasion(study, table, name)
        if table.occasions and name in BY_OCCASION
        else [table.parameters[int(subject)][name] for subject in study.subjects]
        for name in table.parameters[1]
    }
    return study, {name: np.array(value) for name, value in values.items()}


def compare(table: RandomTable, methods: tuple[Any, ...]) -> None:
    names = (*STATES, "cp")
    simulated = simulate_table(
        RANDOM_MODEL, table.frame, table.parameters, COVARIATES, table.interpolation
    )
    wanted = simulated[list(names)].to_numpy()
    study, values = arguments(table)
    for method in methods:
        solved = bn.simulate(random_system(), study, values, method=method, rtol=1e-10, atol=1e-12)
        assert solved["message"].to_numpy().tolist() == ["solved"] * study.n_subjects
        found = np.column_stack([solved[name].to_numpy() for name in names])
        # Amounts of some tens are given.
        assert (np.abs(found - wanted) <= 1e-6 * np.abs(wanted) + 1e-8).all(), (
            method,
            table.frame.to_string(),
            table.parameters,
            found,
            wanted,
        )


def compare_gradients(table: RandomTable, methods: tuple[Any, ...]) -> None:
    """Slopes along each parameter, all its entries at once and with signs of their own.

    The differences are the package's, whose values the simulator confirms.
    """
    study, values = arguments(table)
    inputs = {name: pt.vector(name, shape=value.shape) for name, value in values.items()}
    rows = 1.0 + np.arange(study.n_observations) % 3
    for method in methods:
        solution = bn.solve(random_system(), study, inputs, method=method, rtol=1e-11, atol=1e-13)
        terms = solution.outputs["cp"] * rows
        slopes: Any = grad(terms.sum(), list(inputs.values()), disconnected_inputs="ignore")
        evaluate = function(list(inputs.values()), [terms, *slopes], mode="FAST_COMPILE")
        base, *found = evaluate(*values.values())
        for name, slope in zip(values, found, strict=True):
            direction = values[name] * (-1.0) ** np.arange(len(values[name]))
            at = {
                x: evaluate(*({**values, name: values[name] + x * direction}).values())[0]
                for x in (-2e-3, -1e-3, 1e-3, 2e-3)
            }
            wanted = (8 * (at[1e-3] - at[-1e-3]) - at[2e-3] + at[-2e-3]) / 12e-3
            # Where an infusion ends at the very time of a record slopes differ from side to side:
            # any between them is one. Elsewhere both sides agree to 1e-6.
            right = (4 * at[1e-3] - 3 * base - at[2e-3]) / 2e-3
            left = (3 * base - 4 * at[-1e-3] + at[-2e-3]) / 2e-3
            # Values know 1e-11 of themselves, hence these differences 1e-8 of the values.
            floor = 1e-5 * 1e-2 * np.abs(wanted).sum() + 3e-8 * np.abs(base).sum()
            floor += np.abs(right - left).sum()
            assert abs(slope @ direction - wanted.sum()) <= 1e-5 * abs(wanted.sum()) + floor, (
                method,
                name,
                slope @ direction,
                wanted.sum(),
                table.frame.to_string(),
                table.parameters,
            )


def by_occasion(study: Any, table: RandomTable, name: str) -> list[float]:
    return [
        table.parameters[int(study.subjects[subject])][name][int(label)]
        for subject, label in zip(study.occasions.subject, study.occasions.label, strict=True)
    ]


@EVERY_DAY
@given(random_tables())
def test_any_table(table: RandomTable) -> None:
    compare(table, ("tsit5", "bdf"))


@settings(EVERY_DAY, max_examples=12)
@given(random_tables(smooth=True))
def test_gradients_of_any_table(table: RandomTable) -> None:
    compare_gradients(table, ("tsit5", "bdf"))


@pytest.mark.slow
@settings(THOROUGH, max_examples=200)
@given(random_tables(smooth=True))
def test_gradients_of_many_tables(table: RandomTable) -> None:
    compare_gradients(table, ("tsit5", "bdf", "adams", "auto"))


@pytest.mark.slow
@THOROUGH
@given(random_tables())
def test_many_tables(table: RandomTable) -> None:
    compare(table, ("tsit5", "bdf", "adams", "auto"))
