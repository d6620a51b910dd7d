"""A slow, plain simulator of NONMEM-style tables: row by row, with a list of future events.

It reads a pandas table itself and shares nothing with the package. Between two events the states
are integrated by SciPy's DOP853 (Hairer, Norsett and Wanner 1993, section II.5); a steady state is
found by giving the dose over and over. What a record means follows section 4 of the design.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

type Array = NDArray[np.float64]
type Expression = Callable[[Any, Any], float]

_RTOL, _ATOL = 1e-11, 1e-13


@dataclass(frozen=True)
class Dosing:
    """Lag, bioavailability, duration and rate of doses into a state: functions of p and c."""

    lag: Expression = lambda p, c: 0.0
    bioavailability: Expression = lambda p, c: 1.0
    duration: Expression = lambda p, c: math.nan
    rate: Expression = lambda p, c: math.nan


@dataclass(frozen=True)
class Model:
    """Right-hand side (t, y, p, c), initial states (p, c) and outputs (t, y, p, c) in NumPy."""

    states: tuple[str, ...]
    derivative: Callable[[float, Array, Any, Any], Any]
    initial: Callable[[Any, Any], Array]
    dosing: Mapping[str, Dosing]
    outputs: Mapping[str, Callable[[float, Array, Any, Any], float]]


@dataclass(frozen=True)
class Pending:
    """A dose to come; `rate` 0 is a bolus."""

    time: float
    into: int
    amount: float
    rate: float


@dataclass(frozen=True)
class Running:
    """An infusion under way."""

    stop: float
    into: int
    rate: float


@dataclass(frozen=True)
class Row:
    """A record with the parameters and covariates as they are at its time."""

    time: float
    cells: Mapping[str, Any]
    p: SimpleNamespace
    c: SimpleNamespace


type Inside = Callable[[float], tuple[Any, Any]]


@dataclass
class Subject:
    """One subject's states while the rows are read."""

    model: Model
    now: float
    y: Array
    cycles: int
    running: list[Running] = field(default_factory=list)
    pending: list[Pending] = field(default_factory=list)

    def begin(self, row: Row) -> None:
        self.y = np.array(self.model.initial(row.p, row.c), dtype=np.float64)
        self.running, self.pending = [], []

    def flow(self, stop: float, inside: Inside) -> None:
        """Integrate to `stop`, cut where an infusion ends."""
        while self.now < stop:
            upto = min([stop, *(each.stop for each in self.running if each.stop > self.now)])
            rates = np.zeros(len(self.y))
            for each in self.running:
                if each.stop > self.now:
                    rates[each.into] += each.rate

            def slope(t: float, y: Array, rates: Array = rates) -> Array:
                return np.array(self.model.derivative(t, y, *inside(t))) + rates

            self.y = solve_ivp(
                slope, (self.now, upto), self.y, method="DOP853", rtol=_RTOL, atol=_ATOL
            ).y[:, -1]
            self.now = upto
            self.running = [each for each in self.running if each.stop > upto]

    def give(self, dose: Pending) -> None:
        if dose.rate > 0.0:
            stop = dose.time + dose.amount / dose.rate
            self.running.append(Running(stop, dose.into, dose.rate))
        else:
            self.y[dose.into] += dose.amount

    def advance(self, stop: float, inside: Inside) -> None:
        """To `stop`, giving every implied dose due on the way, those due at `stop` included."""
        while due := sorted((d for d in self.pending if d.time <= stop), key=lambda d: d.time):
            self.flow(due[0].time, inside)
            self.pending.remove(due[0])
            self.give(due[0])
        self.flow(stop, inside)

    def act(self, row: Row) -> None:
        """What the record itself does, at its time."""
        evid = int(row.cells["EVID"])
        if evid in (3, 4):
            self.begin(row)
        if evid in (1, 4):
            self._dose(row)

    def _dose(self, row: Row) -> None:
        cells = row.cells
        into = int(cells["CMT"]) - 1
        dosing = self.model.dosing.get(self.model.states[into], Dosing())
        lag = dosing.lag(row.p, row.c)
        rate = float(cells["RATE"])
        every = float(cells["II"])
        if cells["SS"] and float(cells["AMT"]) == 0.0:
            self._constant(row, into, rate)
            return
        amount = float(cells["AMT"]) * dosing.bioavailability(row.p, row.c)
        if rate == -1:
            rate = dosing.rate(row.p, row.c)
        elif rate == -2:
            rate = amount / dosing.duration(row.p, row.c)
        first = Pending(row.time + lag, into, amount, rate)
        if cells["SS"]:
            self._steady_state(row, first, lag, every)
        if lag > 0.0:
            self.pending.append(first)
        else:
            self.give(first)
        for k in range(1, int(cells["ADDL"]) + 1):
            self.pending.append(Pending(first.time + k * every, into, amount, rate))

    def _steady_state(self, row: Row, first: Pending, lag: float, every: float) -> None:
        """The dose arrives at TIME + lag - k II for every k >= 1, as far back as it matters."""
        phase = lag - math.floor(lag / every) * every
        begin = row.time - every
        duration = first.amount / first.rate if first.rate > 0.0 else 0.0
        settled = math.ceil(duration / every) + 2
        # Every cycle runs over [TIME - II, TIME]; what still runs at its end is moved back by II.
        virtual = Subject(self.model, begin, np.zeros(len(self.y)), self.cycles)
        for cycle in range(self.cycles):
            before = virtual.y.copy()
            virtual.now = begin
            virtual.running = [Running(r.stop - every, r.into, r.rate) for r in virtual.running]
            virtual.pending = [Pending(begin + phase, first.into, first.amount, first.rate)]
            virtual.advance(begin + phase, lambda t: (row.p, row.c))
            virtual.flow(row.time, lambda t: (row.p, row.c))
            change = np.abs(virtual.y - before).max()
            if cycle > settled and change <= 1e-13 * np.abs(virtual.y).max():
                break
        else:
            raise RuntimeError(f"no steady state after {self.cycles} cycles")
        self._reach(row, virtual.y)
        self.running += virtual.running
        k = 1
        while row.time + lag - k * every >= row.time:
            late = row.time + lag - k * every
            self.pending.append(Pending(late, first.into, first.amount, first.rate))
            k += 1

    def _constant(self, row: Row, into: int, rate: float) -> None:
        virtual = Subject(self.model, row.time, np.zeros(len(self.y)), self.cycles)
        for _ in range(self.cycles):
            before = virtual.y.copy()
            virtual.now = row.time
            virtual.running = [Running(row.time + 20.0, into, rate)]
            virtual.flow(row.time + 20.0, lambda t: (row.p, row.c))
            if np.abs(virtual.y - before).max() <= 1e-13 * np.abs(virtual.y).max():
                break
        else:
            raise RuntimeError(f"no steady state after {self.cycles} stretches of time")
        self._reach(row, virtual.y)

    def _reach(self, row: Row, steady: Array) -> None:
        if int(row.cells["SS"]) == 1:
            # Nothing is left of what was given before.
            self.y, self.running, self.pending = np.zeros(len(steady)), [], []
        self.y = self.y + steady


def _between(last: Row, row: Row, interpolation: str) -> Inside:
    """Parameters and covariates between two rows."""
    if interpolation == "locf":
        return lambda t: (last.p, last.c)
    if interpolation == "nocb":
        return lambda t: (row.p, row.c)

    def linear(t: float) -> tuple[Any, Any]:
        share = (t - last.time) / (row.time - last.time)
        c = {k: v + share * (vars(row.c)[k] - v) for k, v in vars(last.c).items()}
        return last.p, SimpleNamespace(**c)

    return linear


def _rows(
    table: pd.DataFrame, parameters: Mapping[str, Any], covariates: Sequence[str]
) -> list[Row]:
    rows = []
    for cells in table.to_dict("records"):
        p = {
            name: float(value[cells["OCC"]] if isinstance(value, Mapping) else value)
            for name, value in parameters.items()
        }
        c = {name: float(cells[name]) for name in covariates}
        named = {str(key): value for key, value in cells.items()}
        rows.append(Row(float(cells["TIME"]), named, SimpleNamespace(**p), SimpleNamespace(**c)))
    return rows


def simulate_subject(
    model: Model,
    table: pd.DataFrame,
    parameters: Mapping[str, Any],
    covariates: Sequence[str] = (),
    interpolation: str = "locf",
    cycles: int = 5000,
) -> pd.DataFrame:
    """States and outputs at the rows with EVID 0 or 2 of one subject's table.

    The table has the columns TIME EVID AMT RATE ADDL II SS CMT, the covariates without blanks, and
    OCC where a parameter is given as a dict by occasion. A steady state that is not reached after
    `cycles` doses raises RuntimeError.
    """
    rows = _rows(table, parameters, covariates)
    subject = Subject(model, rows[0].time, np.empty(0), cycles)
    subject.begin(rows[0])
    seen = []
    for last, row in zip([rows[0], *rows], rows, strict=False):
        subject.advance(row.time, _between(last, row, interpolation))
        if int(row.cells["EVID"]) in (0, 2):
            values = dict(zip(model.states, subject.y.tolist(), strict=True))
            for name, output in model.outputs.items():
                values[name] = float(output(row.time, subject.y, row.p, row.c))
            seen.append(values)
        subject.act(row)
    return pd.DataFrame(seen)


def simulate_table(
    model: Model,
    table: pd.DataFrame,
    parameters: Mapping[Any, Mapping[str, Any]],
    covariates: Sequence[str] = (),
    interpolation: str = "locf",
) -> pd.DataFrame:
    """Each subject of a table in turn; parameters by ID."""
    found = [
        simulate_subject(model, rows, parameters[label], covariates, interpolation)
        for label, rows in table.groupby("ID", sort=False)
    ]
    return pd.concat(found, ignore_index=True)
