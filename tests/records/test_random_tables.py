"""Any table, through the package and through the event simulator."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

import bnode_nlme as bn
from tests.records.event_simulator import simulate_table
from tests.records.random_structure import COVARIATES, RANDOM_MODEL, STATES, random_system
from tests.records.random_tables import BY_OCCASION, RandomTable, random_tables

# The everyday examples are always the same ones; the slow test draws new ones.
EVERY_DAY = settings(
    max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
THOROUGH = settings(EVERY_DAY, max_examples=500, derandomize=False, database=None)


def compare(table: RandomTable, methods: tuple[Any, ...]) -> None:
    names = (*STATES, "cp")
    wanted = simulate_table(
        RANDOM_MODEL, table.frame, table.parameters, COVARIATES, table.interpolation
    )
    wanted = wanted[list(names)].to_numpy()
    interpolation: Any = table.interpolation
    study = bn.read_nonmem(table.frame, covariates=COVARIATES, interpolation=interpolation)
    values = {
        name: by_occasion(study, table, name)
        if table.occasions and name in BY_OCCASION
        else [table.parameters[int(subject)][name] for subject in study.subjects]
        for name in table.parameters[1]
    }
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


def by_occasion(study: Any, table: RandomTable, name: str) -> list[float]:
    return [
        table.parameters[int(study.subjects[subject])][name][int(label)]
        for subject, label in zip(study.occasions.subject, study.occasions.label, strict=True)
    ]


@EVERY_DAY
@given(random_tables())
def test_any_table(table: RandomTable) -> None:
    compare(table, ("tsit5", "bdf"))


@pytest.mark.slow
@THOROUGH
@given(random_tables())
def test_many_tables(table: RandomTable) -> None:
    compare(table, ("tsit5", "bdf", "adams", "auto"))
