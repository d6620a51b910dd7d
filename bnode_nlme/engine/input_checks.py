"""What compiled code looks at before a solve.

The solvers trust what they are given: a wrong length or index would let them read or write
anywhere. Looking takes less than a microsecond for ten subjects.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnode_nlme.engine import slots as at
from bnode_nlme.engine.compilation import compiled
from bnode_nlme.engine.schedule import Action
from bnode_nlme.engine.status import SolveStatus
from bnode_nlme.engine.workspace import LANES

Array = NDArray[Any]

_OBSERVE, _FAIL = int(Action.OBSERVE), int(Action.FAIL)
_STATUSES = len(SolveStatus)


@compiled
def check_inputs(
    template: Array,
    parameters: Array,
    weights: Array,
    covariates: Array,
    offsets: Array,
    subjects: Array,
) -> None:
    """Refuse parameters, weights, covariates and subjects that do not fit the model."""
    n_subjects = offsets.shape[0] - 1
    if parameters.shape[0] != n_subjects:
        raise ValueError("Parameters of a solve want one row for each subject of the schedule.")
    if parameters.shape[1] != template[at.N_PARAMETERS]:
        raise ValueError("Parameters of a solve want one column for each of the system's.")
    if weights.shape[0] != template[at.N_WEIGHTS]:
        raise ValueError("Weights of a solve want the length of all the system's networks.")
    if covariates.shape[0] != n_subjects or covariates.shape[1] != template[at.N_COVARIATES]:
        raise ValueError("Covariates of a solve want shape (subjects, covariates).")
    asked = np.zeros(n_subjects, np.bool_)
    for subject in subjects:
        if subject < 0 or subject >= n_subjects:
            raise ValueError("Subjects to solve are counted from 0; one is out of range.")
        if asked[subject]:
            raise ValueError("Subjects to solve may each be named once.")
        asked[subject] = True


@compiled
def check_schedule(
    template: Array,
    offsets: Array,
    actions: Array,
    targets: Array,
    times: Array,
    amounts: Array,
    rows: int,
) -> None:
    """Refuse a schedule whose arrays do not fit each other, the rows or the states."""
    records = times.shape[0]
    if not actions.shape[0] == targets.shape[0] == amounts.shape[0] == records:
        raise ValueError("The arrays of a schedule want one length.")
    if offsets[0] != 0 or offsets[-1] != records:
        raise ValueError("Offsets of a schedule want to begin at 0 and end at its length.")
    for subject in range(offsets.shape[0] - 1):
        if offsets[subject] > offsets[subject + 1]:
            raise ValueError("Offsets of a schedule must not decrease.")
    for record in range(records):
        length = template[at.N_STATES]
        if actions[record] == _OBSERVE:
            length = rows
        elif actions[record] == _FAIL:
            length = _STATUSES
        if targets[record] < 0 or targets[record] >= length:
            raise ValueError("A target of a schedule is no row, state or status.")


@compiled
def check_tape(
    template: Array, solved: int, order: Array, seen: Array, tape: Array, origins: Array
) -> None:
    """Refuse what no forward solve of these subjects has left."""
    if order.shape[0] != solved or origins.shape[0] != (solved + LANES - 1) // LANES:
        raise ValueError("The adjoint solve wants what a forward solve of these subjects left.")
    if seen.shape[1] != template[at.N_STATES] or origins.shape[1] != 2:
        raise ValueError("Seen states and origins want one column for each state, and two.")
    for group in range(origins.shape[0]):
        first, length = origins[group, 0], origins[group, 1]
        if first < -1 or length < 0 or (first >= 0 and first + length > tape.shape[0]):
            raise ValueError("Origins point to parts that the tape does not have.")
