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
    """Two integers at an address that stays: that of a model's block, and that of its counts."""

    pair: NDArray[np.int64]
    kept: Any
    counts: weakref.ref[Any]


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
    block = solver.template
    with _LOCK:
        places = _PLACES.setdefault(solver.key, [])
        index = _index(places, counter)
        name = f"bnode_nlme_model_{solver.key}_{index}"
        if index == len(places):
            pair = np.array([block.ctypes.data, counter.address])
            kept = (block, solver.tape_hint, solver.integrators)
            places.append(_Place(pair, kept, weakref.ref(counter.counts)))
            llvm.add_symbol(name, pair.ctypes.data)
        elif places[index].counts() is None:
            places[index].pair[1] = counter.address
            places[index].counts = weakref.ref(counter.counts)
    return name


def _index(places: list[_Place], counter: SolveCounter) -> int:
    for index, place in enumerate(places):
        if place.counts() is counter.counts:
            return index
    for index, place in enumerate(places):
        if place.counts() is None:
            return index
    return len(places)
