"""Solving a study at thousands of draws."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnode_nlme.dynamics.system import System
from bnode_nlme.engine.options import SolverOptions
from bnode_nlme.engine.plan import dosed_states
from bnode_nlme.engine.population import ForwardResult
from bnode_nlme.engine.simulate import solutions
from bnode_nlme.results.repeated_study import repeated_study
from bnode_nlme.study.study import Study

_RECORDS = 30_000
"""Records of one call, about: enough to fill the lanes, few enough to lay out at once."""

Simulator = Callable[
    [Mapping[str, Any], Mapping[str, Any] | None], tuple[Sequence[str], ForwardResult]
]


@dataclass(frozen=True, eq=False)
class DrawSolutions:
    """Solutions at N draws.

    Attributes
    ----------
    values : mapping of str to ndarray (N, O)
        Outputs and states, those that were asked for; NaN where a subject's solve failed.
    status : ndarray (N, S), int64
        A `SolveStatus` for each subject.
    """

    values: Mapping[str, NDArray[np.float64]]
    status: NDArray[np.int64]


class DrawSolver:
    """Solves one study at any number of draws, laid out once.

    Draws and subjects are flattened: each draw is one more copy of all subjects in one large
    population. Where the system has networks, whose weights all subjects of a solve share, each
    distinct vector of weights is a population of its own.

    Parameters
    ----------
    system, study
        What is solved, on which records.
    options : mapping
        Options of the solve; see `SolverOptions`.

    Raises
    ------
    TableError
        When doses of the study do not fit the system.
    """

    def __init__(self, system: System, study: Study, options: Mapping[str, Any]) -> None:
        # Here, because the copies have row numbers and IDs that nobody knows.
        dosed_states(system, study)
        self.system, self.study = system, study
        self._options = SolverOptions(**options)
        self._simulators: dict[int, Simulator] = {}
        self._most = max(1, _RECORDS // max(1, len(study.records)))

    def __call__(
        self,
        parameters: Mapping[str, NDArray[np.float64]],
        weights: Mapping[str, NDArray[np.float64]],
        names: Sequence[str],
    ) -> DrawSolutions:
        """Solve.

        Parameters
        ----------
        parameters : mapping of str to ndarray (N, S) or (N, K)
            Over subjects, or over occasions.
        weights : mapping of str to ndarray (N, size)
            Of each network.
        names
            Outputs and states to return.
        """
        (count,) = {len(values) for values in parameters.values()}
        solutions = DrawSolutions(
            {name: np.empty((count, self.study.n_observations)) for name in names},
            np.empty((count, self.study.n_subjects), dtype=np.int64),
        )
        for rows, of_rows in self._populations(weights, count):
            for begin in range(0, len(rows), self._most):
                some = rows[begin : begin + self._most]
                self._solve(parameters, of_rows, some, solutions)
        return solutions

    def _populations(
        self, weights: Mapping[str, NDArray[np.float64]], count: int
    ) -> list[tuple[NDArray[np.intp], dict[str, NDArray[np.float64]]]]:
        """Draws that share their weights, with these."""
        if not weights:
            return [(np.arange(count), {})]
        joined = np.concatenate(list(weights.values()), axis=1)
        _, first, group = np.unique(joined, axis=0, return_index=True, return_inverse=True)
        return [
            (np.flatnonzero(group == number), {name: w[one] for name, w in weights.items()})
            for number, one in enumerate(first)
        ]

    def _solve(
        self,
        parameters: Mapping[str, NDArray[np.float64]],
        weights: Mapping[str, NDArray[np.float64]],
        rows: NDArray[np.intp],
        into: DrawSolutions,
    ) -> None:
        # Few numbers of copies, so that few layouts are made; what is too many repeats the last.
        copies = min(self._most, 1 << (len(rows) - 1).bit_length())
        padded = np.concatenate([rows, np.full(copies - len(rows), rows[-1])])
        readouts, solved = self._simulator(copies)(
            {name: values[padded].ravel() for name, values in parameters.items()}, weights
        )
        for name, values in into.values.items():
            column = solved.predictions[:, readouts.index(name)]
            values[rows] = column.reshape(copies, -1)[: len(rows)]
        into.status[rows] = solved.status.reshape(copies, -1)[: len(rows)]

    def _simulator(self, copies: int) -> Simulator:
        if copies not in self._simulators:
            study = repeated_study(self.study, copies)
            self._simulators[copies] = solutions(self.system, study, self._options)
        return self._simulators[copies]
