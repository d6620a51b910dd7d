"""A slow, plain simulator of dosing records with forward sensitivities, by NumPy and SciPy.

It shares nothing with the engine. Right-hand sides are written in NumPy over arrays (.., m): one
column for each input, moved by an imaginary step in that direction, so that the same code gives
the value and, exactly, ``(df/dy) S + df/dp`` (complex step: Squire and Trapp 1998,
doi:10.1137/S003614459631241X). Events are acted on one after the other as section 4 of the design
words them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

from bnode_nlme.study.study import Study

type Array = NDArray[Any]

_STEP = 1e-40


@dataclass(frozen=True)
class Plain:
    """A system in NumPy: y (n, m), p (P, m), w (W, m), c (C,) to (n, m) or (readouts, m)."""

    states: tuple[str, ...]
    derivative: Callable[[float, Array, Array, Array, Array], Array]
    readout: Callable[[float, Array, Array, Array, Array], Array]
    initial: Callable[[Array, Array], Array]


class _Trajectory:
    """One subject's state while its records are read: y (n, m), imaginary parts the slopes."""

    def __init__(self, plain: Plain, p: Array, w: Array, c: Array, **options: Any) -> None:
        inputs = np.concatenate([p, w]).astype(complex)
        columns = inputs[:, None] + 1j * _STEP * np.eye(len(inputs))
        self.p, self.w, self.c = columns[: len(p)], columns[len(p) :], c
        self.plain, self.options = plain, options
        self.infusions: list[tuple[float, int, float]] = []  # end, state, rate
        self.implied: list[tuple[float, int, float, float]] = []  # time, state, amount, rate
        self.begin()

    def begin(self) -> None:
        self.y = np.zeros((len(self.plain.states), self.p.shape[1]), complex)
        self.y += self.plain.initial(self.p, self.c)

    def flow(self, start: float, stop: float) -> None:
        """From `start` to `stop`; the rates are constant between the infusions' ends."""
        while start < stop:
            upto = min([stop, *(end for end, _, _ in self.infusions if start < end < stop)])
            rates = np.zeros((len(self.y), 1))
            for end, state, rate in self.infusions:
                if end > start:
                    rates[state] += rate
            self._smooth(start, upto, rates)
            start = upto

    def _smooth(self, start: float, stop: float, rates: Array) -> None:
        n, m = self.y.shape

        def right_hand_side(t: float, z: Array) -> Array:
            y = np.repeat(z[:n, None], m, axis=1) + 1j * _STEP * z[n:].reshape(n, m)
            f = self.plain.derivative(t, y, self.p, self.w, self.c) + rates
            return np.concatenate([f[:, 0].real, (f.imag / _STEP).ravel()])

        z = np.concatenate([self.y[:, 0].real, (self.y.imag / _STEP).ravel()])
        z = solve_ivp(right_hand_side, (start, stop), z, **self.options).y[:, -1]
        self.y = np.repeat(z[:n, None], m, axis=1) + 1j * _STEP * z[n:].reshape(n, m)

    def give(self, time: float, state: int, amount: float, rate: float) -> None:
        if rate > 0.0:
            self.infusions.append((time + amount / rate, state, rate))
        else:
            self.y[state] += amount

    def take_implied(self, now: float, time: float) -> float:
        """Act on every additional dose due at or before `time`; returns the time reached."""
        while due := sorted(entry for entry in self.implied if entry[0] <= time):
            self.implied.remove(due[0])
            self.flow(now, due[0][0])
            now = due[0][0]
            self.give(*due[0])
        return now


def _place(label: str, names: tuple[str, ...]) -> int:
    if not label:
        return 0
    return names.index(label) if label in names else int(label) - 1


def plain_simulation(
    plain: Plain,
    study: Study,
    parameters: Array,
    weights: Array,
    covariates: Array,
    *,
    method: str = "DOP853",
    rtol: float = 1e-11,
    atol: float = 1e-11,
) -> tuple[Array, Array]:
    """Readouts (rows, R) and their slopes (rows, R, P + W) by the subject's own inputs."""
    records = study.records
    values, slopes = [], []
    for subject in range(study.n_subjects):
        state = _Trajectory(
            plain, parameters[subject], weights, covariates[subject],
            method=method, rtol=rtol, atol=atol,
        )  # fmt: skip
        rows = np.flatnonzero(records.subject == subject)
        now = float(records.time[rows[0]]) if len(rows) else 0.0
        for record in rows:
            time, evid = float(records.time[record]), int(records.evid[record])
            now = state.take_implied(now, time)
            state.flow(now, time)
            now = time
            if evid in (0, 2):
                seen = plain.readout(now, state.y, state.p, state.w, state.c)
                values.append(seen[:, 0].real)
                slopes.append(seen.imag / _STEP)
            if evid in (3, 4):
                state.infusions.clear()
                state.implied.clear()
                state.begin()
            if evid in (1, 4):
                place = _place(str(records.compartment[record]), plain.states)
                amount, rate = float(records.amount[record]), float(records.rate[record])
                state.give(now, place, amount, rate)
                state.implied += [
                    (now + k * float(records.interval[record]), place, amount, rate)
                    for k in range(1, int(records.additional[record]) + 1)
                ]
    return np.array(values), np.array(slopes)


def plain_gradient(slopes: Array, cotangents: Array, study: Study, n_parameters: int) -> Any:
    """Cotangents of parameters (S, P) and of the shared weights (W,)."""
    per_row = np.einsum("rk,rki->ri", cotangents, slopes)
    subject = study.records.subject[study.observations]
    per_subject = np.zeros((study.n_subjects, slopes.shape[2]))
    np.add.at(per_subject, subject, per_row)
    return per_subject[:, :n_parameters], per_subject[:, n_parameters:].sum(axis=0)
