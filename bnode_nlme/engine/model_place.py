"""Names under which compiled code finds the models of this process.

Compiled code that held the address of a model would be good for one process. It holds a name
instead, which says what the model is and which of the models of that kind, counted in this
process: the code of a model is the same in every process, and is found on disk again.
"""

from __future__ import annotations

import threading
import weakref
from dataclasses import dataclass
from typing import Any

import llvmlite.binding as llvm
import numpy as np
from numpy.typing import NDArray

from bnode_nlme.engine.counts import SolveCounter
from bnode_nlme.engine.population import PopulationSolver


@dataclass
class _Place:
    """Two integers at an address that stays: that of a model's block, and that of its counts.

    The solver is held until the place is given to another: its block must not go away.
    """

    pair: NDArray[np.int64]
    solver: PopulationSolver
    counts: weakref.ref[Any]

    def give_to(self, solver: PopulationSolver, counter: SolveCounter) -> None:
        self.pair[:] = solver.template.ctypes.data, counter.address
        self.solver, self.counts = solver, weakref.ref(counter.counts)


# Never removed: compiled code stays as long as the process.
_PLACES: dict[str, list[_Place]] = {}
_LOCK = threading.Lock()


def model_place(solver: PopulationSolver, counter: SolveCounter) -> str:
    """Name of the two integers that `forward_call` and `backward_call` are given.

    A place whose counter is gone is given to the next: who builds one model again and again
    compiles it once. Whatever may still call the compiled code must keep the counter alive.

    Raises
    ------
    SundialsUnavailableError
        Where CVODES is asked for and cannot be reached.
    """
    _ = solver.template  # may be refused, and takes a while
    with _LOCK:
        places = _PLACES.setdefault(solver.key, [])
        index = _index(places, counter)
        name = f"bnode_nlme_model_{solver.key}_{index}"
        if index == len(places):
            pair = np.zeros(2, np.int64)
            places.append(_Place(pair, solver, weakref.ref(counter.counts)))
            places[index].give_to(solver, counter)
            llvm.add_symbol(name, pair.ctypes.data)
        elif places[index].counts() is None:
            places[index].give_to(solver, counter)
    return name


def _index(places: list[_Place], counter: SolveCounter) -> int:
    for index, place in enumerate(places):
        if place.counts() is counter.counts:
            return index
    for index, place in enumerate(places):
        if place.counts() is None:
            return index
    return len(places)
