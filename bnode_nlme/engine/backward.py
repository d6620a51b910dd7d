"""The adjoint of a population's solve: group by group, unit by unit, from the tape."""

from __future__ import annotations

import numpy as np
from numba import carray, types

from bnode_nlme.engine import slots as at
from bnode_nlme.engine.compilation import callback, compiled
from bnode_nlme.engine.forward import close_thread, open_thread, solve_group, workspace_length
from bnode_nlme.engine.memory import (
    add_atomically,
    call_entry,
    pointer_to_doubles,
    pointer_to_integers,
)
from bnode_nlme.engine.schedule import Action
from bnode_nlme.engine.status import SolveStatus
from bnode_nlme.engine.tape import FULL, LEAN, TRAILER, open_last_unit
from bnode_nlme.engine.threads import run
from bnode_nlme.engine.units import CVODES_UNIT, FULL_LANES_UNIT
from bnode_nlme.engine.workspace import LANES

_OBSERVE, _SUCCESS = int(Action.OBSERVE), int(SolveStatus.SUCCESS)


@compiled
def _has_cotangents(
    subject: int,
    offsets: np.ndarray,
    actions: np.ndarray,
    targets: np.ndarray,
    cotangents: np.ndarray,
) -> bool:
    for record in range(offsets[subject], offsets[subject + 1]):
        if actions[record] == _OBSERVE:
            for value in cotangents[targets[record]]:
                if value != 0.0:
                    return True
    return False


@compiled
def _lose(
    subject: int,
    offsets: np.ndarray,
    to_parameters: np.ndarray,
    to_times: np.ndarray,
    to_amounts: np.ndarray,
) -> None:
    """Tell that a subject has no gradient."""
    first, last = offsets[subject], offsets[subject + 1]
    to_parameters[subject, :] = np.nan
    to_times[first:last] = np.nan
    to_amounts[first:last] = np.nan


@callback(types.void(types.int64))
def backward_thread(call: int) -> None:
    """Work on groups until none is left."""
    block, workspace = np.empty(at.SIZE, np.int64), np.empty(workspace_length(call))
    open_thread(call, block, workspace)
    subjects, records, solved = block[at.N_SUBJECTS], block[at.N_RECORDS], block[at.N_SOLVED]
    offsets = carray(pointer_to_integers(block[at.OFFSETS]), (subjects + 1,))
    actions = carray(pointer_to_integers(block[at.ACTIONS]), (records,))
    targets = carray(pointer_to_integers(block[at.TARGETS]), (records,))
    order = carray(pointer_to_integers(block[at.ORDER]), (solved,))
    status = carray(pointer_to_integers(block[at.STATUS]), (subjects,))
    steps = carray(pointer_to_integers(block[at.STEPS]), (subjects,))
    cotangents = carray(pointer_to_doubles(block[at.COTANGENTS]), (records, block[at.N_READOUTS]))
    groups = (solved + LANES - 1) // LANES
    origins = carray(pointer_to_integers(block[at.ORIGINS]), (groups, 2))
    n_parameters, n_weights = block[at.N_PARAMETERS], block[at.N_WEIGHTS]
    to_parameters = carray(
        pointer_to_doubles(block[at.PARAMETER_COTANGENTS]), (subjects, n_parameters)
    )
    to_weights = carray(pointer_to_doubles(block[at.WEIGHT_COTANGENTS]), (groups, n_weights))
    to_times = carray(pointer_to_doubles(block[at.TIME_COTANGENTS]), (records,))
    to_amounts = carray(pointer_to_doubles(block[at.AMOUNT_COTANGENTS]), (records,))
    members = np.zeros(LANES, np.int64)
    outcome, taken, engines = (
        np.zeros(LANES, np.int64),
        np.zeros(LANES, np.int64),
        np.zeros(LANES, np.int64),
    )
    # Where a group is solved again, its readouts are known already.
    block[at.GROUP_ROOM], block[at.PREDICTIONS] = 0, 0
    kind = block[at.KEEP_TAPE]
    while True:
        group = add_atomically(block[at.NEXT_GROUP], 0, 1)
        if group >= groups:
            break
        block[at.GROUP_WEIGHTS] = to_weights[group].ctypes.data
        lost = False
        for place in range(group * LANES, min((group + 1) * LANES, solved)):
            subject = order[place]
            if status[subject] != _SUCCESS and _has_cotangents(
                subject, offsets, actions, targets, cotangents
            ):
                _lose(subject, offsets, to_parameters, to_times, to_amounts)
                lost = True
        if origins[group, 0] >= 0:
            tape, end = block[at.SHARED_TAPE] + 8 * origins[group, 0], origins[group, 1]
        else:
            block[at.KEEP_TAPE] = kind
            size = solve_group(block, group, outcome, taken, engines)
            tape, end = block[at.TAPE], block[at.TAPE_LENGTH]
            for place in range(size):
                subject = order[group * LANES + place]
                if outcome[place] != _SUCCESS and status[subject] == _SUCCESS:
                    # Memory ran out: the subject is not on the tape, and has no gradient.
                    to_parameters[subject, :] = np.nan
                    lost = True
        while end > 0:
            engine = open_last_unit(block, tape, end, members)
            end -= TRAILER + block[at.UNIT_LENGTH]
            wanted = False
            for member in range(block[at.N_MEMBERS]):
                wanted = wanted or _has_cotangents(
                    members[member], offsets, actions, targets, cotangents
                )
            if not wanted:
                continue
            if engine != CVODES_UNIT:
                block[at.KEEP_TAPE] = FULL if engine == FULL_LANES_UNIT else LEAN
                call_entry(block[at.LANES_BACKWARD], block.ctypes.data)
            else:
                call_entry(block[at.CVODES_BACKWARD], block.ctypes.data)
            for member in range(block[at.N_MEMBERS]):
                steps[members[member]] = block[at.TAKEN]
                if block[at.OUTCOME] != _SUCCESS:
                    _lose(members[member], offsets, to_parameters, to_times, to_amounts)
                    lost = True
                    if block[at.COUNTS] != 0:
                        add_atomically(block[at.COUNTS], block[at.OUTCOME], 1)
        if lost:
            to_weights[group, :] = np.nan
    close_thread(block)
    # A use after the last call keeps the memory alive: compiled code only sees its address.
    workspace[:1] = 0.0


@callback(types.void(types.int64))
def backward_entry(call: int) -> None:
    """Gradient of each subject asked for; inputs and outputs are named in `slots`.

    Writes the cotangents of parameters (subjects, parameters), and of times and amounts (records,),
    and adds to those of weights (groups, weights), all of which the caller fills with zeros; they
    become NaN where the forward or the adjoint solve of a subject failed. Writes steps (subjects,).
    """
    block = carray(pointer_to_integers(call), (at.SIZE,))
    run(block[at.BACKWARD_THREAD], call)
