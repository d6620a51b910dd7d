"""How a subject's solution by CVODES depends on the times at which its records act.

Moving an end of a smooth stretch moves the solution along its slope there: by
``adjoint . slope``, just before an event that is put off, and less what the stretch after it then
lacks. An observation that is moved reads further along the slope.
"""

from __future__ import annotations

import numpy as np

from bnode_nlme.engine import slots as at
from bnode_nlme.engine.actions import Action
from bnode_nlme.engine.compilation import compiled
from bnode_nlme.engine.evaluation import evaluate
from bnode_nlme.engine.memory import load_double

_SET_RATE = int(Action.SET_RATE)
_RESET, _CLEAR = int(Action.RESET), int(Action.CLEAR)


@compiled
def rates_before(
    block: np.ndarray,
    actions: np.ndarray,
    targets: np.ndarray,
    amounts: np.ndarray,
    first: int,
    rates: np.ndarray,
) -> None:
    """Fill `rates` (records of the subject, states) with the infusions just before each record."""
    rates[:1] = 0.0
    for i in range(1, rates.shape[0]):
        rates[i] = rates[i - 1]
        action = actions[first + i - 1]
        if action == _SET_RATE:
            rates[i, targets[first + i - 1]] = amounts[first + i - 1]
        elif action in (_RESET, _CLEAR):
            rates[i, : block[at.N_COMPARTMENTS]] = 0.0


@compiled
def along_slope(
    block: np.ndarray, time: float, state: int, rates: np.ndarray, adjoint: int, slope: np.ndarray
) -> float:
    """The adjoint times the slope of the solution at a state; `slope` is room to work in."""
    evaluate(block.ctypes.data, at.DERIVATIVE, time, state, 0, slope.ctypes.data)
    total = 0.0
    for i in range(slope.size):
        total += load_double(adjoint, i) * (slope[i] + rates[i])
    return total


@compiled
def along_first_row(block: np.ndarray, row: int, adjoint: int) -> float:
    """The adjoint times the slope with which a stretch begins, of which the tape has the row."""
    states = block[at.N_STATES]
    slope = block[at.ROWS] + 8 * (row * (1 + 2 * states) + 1 + states)
    total = 0.0
    for i in range(states):
        total += load_double(adjoint, i) * load_double(slope, i)
    return total
