"""Four linear structures, each written three times: closed form, NumPy, and `bn.System`."""

from __future__ import annotations

import functools
from collections import namedtuple
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np

import bnode_nlme as bn
from tests.records.closed_forms import Compartments, fast_and_slow
from tests.records.event_simulator import Dosing, Model

DOSING = {
    "tlag": 0.0, "F": 1.0, "D1": 2.0, "R1": 30.0,
    "tlag2": 0.0, "F2": 1.0, "D2": 3.0, "R2": 20.0,
}  # fmt: skip


@dataclass(frozen=True)
class Structure:
    """States in the order of dosing compartments, kinetic parameters and their values."""

    name: str
    states: tuple[str, ...]
    kinetics: Mapping[str, float]
    compartments: Compartments
    derivative: Callable[[Any, Any], tuple[Any, ...]]

    @property
    def defaults(self) -> dict[str, float]:
        return {**self.kinetics, **DOSING}

    def names(self, dosing: bool) -> tuple[str, ...]:
        """Parameters of the package's system; only the first two states have dosing of their own."""
        first, second = tuple(DOSING)[:4], tuple(DOSING)[4:]
        return (
            *self.kinetics,
            *(first if dosing else ()),
            *(second if dosing and len(self.states) > 1 else ()),
        )

    @property
    def central(self) -> int:
        return self.states.index("central")

    def parameters(self, values: Mapping[str, float]) -> SimpleNamespace:
        return SimpleNamespace(**{**self.defaults, **values})


def _micro(p: Any) -> tuple[Any, Any, Any]:
    return p.CL / p.V, p.Q / p.V, p.Q / p.V2


def _two_matrix(p: Any) -> list[list[Any]]:
    k10, k12, k21 = _micro(p)
    return [[-k10 - k12, k21], [k12, -k21]]


def _two_oral_matrix(p: Any) -> list[list[Any]]:
    k10, k12, k21 = _micro(p)
    return [[-p.ka, 0 * p.ka, 0 * p.ka], [p.ka, -k10 - k12, k21], [0 * p.ka, k12, -k21]]


_ONE = {"CL": 3.0, "V": 20.0}
_TWO = {"CL": 3.0, "V": 12.0, "Q": 4.0, "V2": 15.0}

STRUCTURES = {
    each.name: each
    for each in (
        Structure(
            "one_iv",
            ("central",),
            _ONE,
            Compartments(lambda p: [[-p.CL / p.V]], lambda p: [p.CL / p.V]),
            lambda y, p: (-p.CL / p.V * y.central,),
        ),
        Structure(
            "one_oral",
            ("depot", "central"),
            {"ka": 1.1, **_ONE},
            Compartments(
                lambda p: [[-p.ka, 0 * p.ka], [p.ka, -p.CL / p.V]],
                lambda p: [p.ka, p.CL / p.V],
            ),
            lambda y, p: (-p.ka * y.depot, p.ka * y.depot - p.CL / p.V * y.central),
        ),
        Structure(
            "two_iv",
            ("central", "peripheral"),
            _TWO,
            Compartments(_two_matrix, lambda p: fast_and_slow(*_micro(p))),
            lambda y, p: (
                -(p.CL + p.Q) / p.V * y.central + p.Q / p.V2 * y.peripheral,
                p.Q / p.V * y.central - p.Q / p.V2 * y.peripheral,
            ),
        ),
        Structure(
            "two_oral",
            ("depot", "central", "peripheral"),
            {"ka": 1.1, **_TWO},
            Compartments(_two_oral_matrix, lambda p: [p.ka, *fast_and_slow(*_micro(p))]),
            lambda y, p: (
                -p.ka * y.depot,
                p.ka * y.depot - (p.CL + p.Q) / p.V * y.central + p.Q / p.V2 * y.peripheral,
                p.Q / p.V * y.central - p.Q / p.V2 * y.peripheral,
            ),
        ),
    )
}


@functools.cache
def plain_model(name: str) -> Model:
    """The structure for the event simulator."""
    structure = STRUCTURES[name]
    state = namedtuple("state", structure.states)  # type: ignore[misc]

    def derivative(t: float, y: Any, p: Any, c: Any) -> Any:
        return structure.derivative(state(*y.tolist()), p)

    dosing = (
        Dosing(
            lag=lambda p, c: p.tlag,
            bioavailability=lambda p, c: p.F,
            duration=lambda p, c: p.D1,
            rate=lambda p, c: p.R1,
        ),
        Dosing(
            lag=lambda p, c: p.tlag2,
            bioavailability=lambda p, c: p.F2,
            duration=lambda p, c: p.D2,
            rate=lambda p, c: p.R2,
        ),
    )
    return Model(
        states=structure.states,
        derivative=derivative,
        initial=lambda p, c: np.zeros(len(structure.states)),
        dosing=dict(zip(structure.states, dosing, strict=False)),
        outputs={"cp": lambda t, y, p, c: y[structure.central] / p.V},
    )


@functools.cache
def system(name: str, dosing: bool) -> Any:
    """The structure for the package, with or without lag, F, duration and rate."""
    structure = STRUCTURES[name]
    declared: dict[str, Any] = {}
    if dosing:
        into = [
            bn.Dosing(
                lag=lambda p, c: p.tlag,
                bioavailability=lambda p, c: p.F,
                duration=lambda p, c: p.D1,
                rate=lambda p, c: p.R1,
            ),
            bn.Dosing(
                lag=lambda p, c: p.tlag2,
                bioavailability=lambda p, c: p.F2,
                duration=lambda p, c: p.D2,
                rate=lambda p, c: p.R2,
            ),
        ]
        declared["dosing"] = dict(zip(structure.states, into, strict=False))
    return bn.System(
        states=structure.states,
        parameters=structure.names(dosing),
        rhs=lambda t, y, p, nn, c: dict(
            zip(structure.states, structure.derivative(y, p), strict=True)
        ),
        outputs={"cp": lambda t, y, p, nn, c: y.central / p.V},
        **declared,
    )
