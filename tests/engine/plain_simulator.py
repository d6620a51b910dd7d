"""A slow, plain simulator of dosing records with forward sensitivities, by SciPy.

It shares nothing with the engine but the declared PyTensor expressions: events are acted on one
after the other as section 4 of the design words them, and the sensitivity equations
``dS/dt = (df/dy) S + df/dp`` are integrated beside the state, with Jacobians that PyTensor makes
and Python evaluates.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt
from numpy.typing import NDArray
from pytensor.compile.mode import Mode
from pytensor.gradient import jacobian
from scipy.integrate import solve_ivp

from bnode_nlme.dynamics.system import System
from bnode_nlme.study.study import Study

Array = NDArray[np.float64]
_PYTHON = Mode(linker="py", optimizer="fast_compile")


class Functions:
    """A system's expressions and their Jacobians as Python functions of (t, y, p, w, c)."""

    def __init__(self, system: System) -> None:
        graph = system.graph
        inputs = [graph.time, graph.state, graph.parameters, graph.weights, graph.covariates]
        names = [name for name in system.states if name not in system.output_names]
        states = [graph.state[system.states.index(name)] for name in names]
        readout = pt.concatenate([graph.outputs, pt.stack(states)]) if states else graph.outputs
        self.names = (*system.output_names, *names)

        def compiled(expression: Any) -> Any:
            wrt = [graph.state, graph.parameters, graph.weights]
            jacobians = jacobian(
                expression, wrt, vectorize=True, disconnected_inputs="ignore"
            )
            return pytensor.function(
                inputs, [expression, *jacobians], mode=_PYTHON, on_unused_input="ignore"
            )

        self.derivative = compiled(graph.derivative)
        self.readout = compiled(readout)
        self.initial = compiled(graph.initial)


@dataclass
class Trajectory:
    """State and its sensitivities (n, P + W) while one subject's records are read."""

    functions: Functions
    system: System
    parameters: Array
    weights: Array
    covariates: Array
    sensitive: bool
    rtol: float
    atol: float
    y: Array = field(init=False)
    S: Array = field(init=False)
    infusions: list[tuple[float, int, float]] = field(default_factory=list)  # end, state, rate
    implied: list[tuple[float, int, float, float]] = field(default_factory=list)

    def begin(self, time: float) -> None:
        y, _, to_p, to_w = self._call(self.functions.initial, time, np.zeros(self.n))
        self.y, self.S = y, np.hstack([to_p, to_w])

    @property
    def n(self) -> int:
        return len(self.system.states)

    def _call(self, function: Any, t: float, y: Array) -> list[Array]:
        return function(t, y, self.parameters, self.weights, self.covariates)

    def flow(self, start: float, stop: float) -> None:
        """From `start` to `stop`, infusions being constant between their ends."""
        while start < stop:
            ends = [end for end, _, _ in self.infusions if start < end < stop]
            upto = min([stop, *ends])
            rates = np.zeros(self.n)
            for end, state, rate in self.infusions:
                if end > start:
                    rates[state] += rate
            self._smooth(start, upto, rates)
            start = upto

    def _smooth(self, start: float, stop: float, rates: Array) -> None:
        n, width = self.n, self.S.shape[1] if self.sensitive else 0

        def right_hand_side(t: float, z: Array) -> Array:
            f, to_y, to_p, to_w = self._call(self.functions.derivative, t, z[:n])
            if not width:
                return f + rates
            S = z[n:].reshape(n, width)
            return np.concatenate([f + rates, (to_y @ S + np.hstack([to_p, to_w])).ravel()])

        z = np.concatenate([self.y, self.S.ravel() if width else []])
        solution = solve_ivp(
            right_hand_side, (start, stop), z, method="LSODA", rtol=self.rtol, atol=self.atol
        )
        if solution.status != 0:
            raise RuntimeError(solution.message)
        self.y = solution.y[:n, -1]
        if width:
            self.S = solution.y[n:, -1].reshape(n, width)

    def give(self, time: float, state: int, amount: float, rate: float) -> None:
        if rate > 0.0:
            self.infusions.append((time + amount / rate, state, rate))
        else:
            self.y = self.y.copy()
            self.y[state] += amount


def _place(label: str, names: tuple[str, ...]) -> int:
    if not label:
        return 0
    return names.index(label) if label in names else int(label) - 1


def plain_simulation(
    system: System,
    study: Study,
    parameters: Array,
    weights: Array,
    covariates: Array,
    *,
    sensitive: bool = False,
    rtol: float = 1e-11,
    atol: float = 1e-12,
) -> tuple[Array, Array]:
    """Readouts (rows, R) and their sensitivities (rows, R, P + W) to the subject's own inputs."""
    functions = Functions(system)
    records = study.records
    rows = list(study.observations)
    values = np.full((len(rows), len(functions.names)), np.nan)
    slopes = np.zeros((*values.shape, len(system.parameters) + system.n_weights))
    for subject in range(study.n_subjects):
        state = Trajectory(
            functions, system, parameters[subject], weights, covariates[subject],
            sensitive, rtol, atol,
        )  # fmt: skip
        now = None
        for record in np.flatnonzero(records.subject == subject):
            time, evid = records.time[record], records.evid[record]
            if now is None:
                now = time
                state.begin(now)
            while True:
                due = [entry for entry in state.implied if entry[0] <= time]
                if not due:
                    break
                entry = min(due, key=lambda entry: entry[0])
                state.implied.remove(entry)
                state.flow(now, entry[0])
                now = entry[0]
                state.give(*entry)
            state.flow(now, time)
            now = time
            if evid in (0, 2):
                row = rows.index(record)
                value, to_y, to_p, to_w = state._call(functions.readout, now, state.y)
                values[row] = value
                slopes[row] = to_y @ state.S + np.hstack([to_p, to_w])
            if evid in (3, 4):
                state.infusions.clear()
                state.implied.clear()
                state.begin(now)
            if evid in (1, 4):
                place = _place(str(records.compartment[record]), system.states)
                amount, rate = float(records.amount[record]), float(records.rate[record])
                state.give(now, place, amount, rate)
                for k in range(1, int(records.additional[record]) + 1):
                    later = now + k * float(records.interval[record])
                    state.implied.append((later, place, amount, rate))
    return values, slopes
