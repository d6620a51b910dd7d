"""One compartment with absorption, covariates and occasions: for the simulator and the package."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, Literal

import numpy as np
import pandas as pd

import bnode_nlme as bn
from tests.records.closed_forms import BEGINNING, Array, Bolus, Epoch, Input, Periodic, superposed
from tests.records.event_simulator import Dosing, Model
from tests.records.rows import Row, frame, looks
from tests.records.structures import STRUCTURES
from tests.records.varying_forms import Path, varying_form

type Interpolation = Literal["locf", "nocb", "linear"]

STATES = ("depot", "central")
COVARIATES = ("WT", "FED")
INTERPOLATIONS: tuple[Interpolation, ...] = ("locf", "nocb", "linear")
VALUES = {"ka": 1.1, "CL": 3.0, "V": 20.0, "base": 0.0, "tlag": 0.0, "F": 1.0, "D2": 2.0}


def _rhs(y: Any, p: Any, c: Any) -> tuple[Any, Any]:
    return -p.ka * y.depot, p.ka * y.depot - p.CL / p.V * c.WT / 70 * y.central


def _lag(p: Any, c: Any) -> Any:
    return p.tlag * c.WT / 70


def _bioavailability(p: Any, c: Any) -> Any:
    return p.F * (1 - 0.3 * c.FED)


def _duration(p: Any, c: Any) -> Any:
    return p.D2 * c.WT / 70


PLAIN = Model(
    states=STATES,
    derivative=lambda t, y, p, c: _rhs(SimpleNamespace(depot=y[0], central=y[1]), p, c),
    initial=lambda p, c: np.array([0.0, p.base * c.WT]),
    dosing={
        "depot": Dosing(lag=_lag, bioavailability=_bioavailability),
        "central": Dosing(duration=_duration),
    },
    outputs={
        "cp": lambda t, y, p, c: y[1] / p.V,
        "per_weight": lambda t, y, p, c: y[1] / c.WT,
    },
)


@functools.cache
def varying_system() -> Any:
    return bn.System(
        states=STATES,
        parameters=tuple(VALUES),
        covariates=COVARIATES,
        rhs=lambda t, y, p, nn, c: dict(zip(STATES, _rhs(y, p, c), strict=True)),
        initial={"central": lambda p, c: p.base * c.WT},
        outputs={
            "cp": lambda t, y, p, nn, c: y.central / p.V,
            "per_weight": lambda t, y, p, nn, c: y.central / c.WT,
        },
        dosing={
            "depot": bn.Dosing(lag=_lag, bioavailability=_bioavailability),
            "central": bn.Dosing(duration=_duration),
        },
    )


@dataclass(frozen=True)
class VaryingTable:
    """Rows that name WT, FED and OCC, and what flows in for parameters (dicts by occasion)."""

    name: str
    rows: Sequence[Row]
    given: Any
    values: Mapping[str, Any] = field(default_factory=dict)
    # A straight line cannot jump: "linear" wants one value at one time.
    interpolations: tuple[Interpolation, ...] = INTERPOLATIONS

    @property
    def parameters(self) -> dict[str, Any]:
        return {**VALUES, **self.values}

    @property
    def occasions(self) -> bool:
        return any(isinstance(value, Mapping) for value in self.values.values())

    def frame(self, subject: int = 1) -> pd.DataFrame:
        """The table, with a column OCC only where a parameter differs between occasions."""
        table = frame(self.rows, subject)
        return table if self.occasions else table.drop(columns="OCC")

    def predicted(self, parameters: Mapping[str, Any], interpolation: str) -> Array:
        """Depot, central, cp and per_weight, shape (rows seen, 4)."""
        p = SimpleNamespace(**parameters)

        def at(row: Row, value: Any) -> float:
            return float(value[row["OCC"]] if isinstance(value, Mapping) else value)

        path = Path(
            [row["TIME"] for row in self.rows],
            [at(row, p.CL) / p.V / 70 for row in self.rows],
            [row["WT"] for row in self.rows],
            interpolation,
        )
        given = list(self.given(p))
        epochs = given if isinstance(given[0], Epoch) else [Epoch(BEGINNING, given)]
        amounts = varying_form(p, path, epochs, looks(self.rows))
        weights = np.array([row["WT"] for row in self.rows if row["EVID"] in (0, 2)])
        return np.column_stack([amounts, amounts[:, 1] / p.V, amounts[:, 1] / weights])


def steadily(p: Any, CL: float, given: Periodic, time: float) -> list[Input]:
    """The state that `given` has led to at `time`, where elimination has always been CL / V."""
    always = SimpleNamespace(ka=p.ka, CL=CL, V=p.V)
    state = superposed(STRUCTURES["one_oral"].compartments, always, [given], [time])[0]
    return [Bolus(time, amount, into) for into, amount in enumerate(state)]
