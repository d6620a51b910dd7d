"""The discrete adjoint of what `lanes_forward` computed, from its tape.

The derivative is that of the numbers themselves, step sizes held fixed: through the continuous
extension at observations, the steps, the jumps at events, and the lengths of the intervals between
events, which carry the derivatives with respect to times. It is exact but for rounding, so that a
sampler conserves energy at loose tolerances too.

An interval on the tape is its steps, then one record: the state at its end, the infusions in it,
when it starts and how long it is in each lane; the first of the schedule's entries that acted at
its start, the first observation within it and the first entry after it; and the number of steps.
"""

from __future__ import annotations

import numpy as np
from numba import carray, types

from bnode_nlme.engine import slots as at
from bnode_nlme.engine.compilation import callback, compiled
from bnode_nlme.engine.evaluation import evaluate
from bnode_nlme.engine.lane_calls import (
    add_to_row,
    call_backward_step,
    call_observe,
    call_slope,
    dense_slope,
    fill,
    load_subject,
    prepare,
    read_lane,
    write_lane,
)
from bnode_nlme.engine.memory import (
    copy_memory,
    load_double,
    pointer_to_doubles,
    pointer_to_integers,
    store_double,
)
from bnode_nlme.engine.records import clear_state, reset_adjoint, use_subject
from bnode_nlme.engine.schedule import Action
from bnode_nlme.engine.status import SolveStatus
from bnode_nlme.engine.tableau import STAGES
from bnode_nlme.engine.tape import FULL, doubles_of_interval, head_of_step, step_width
from bnode_nlme.engine.workspace import LANES

_OBSERVE, _ADD, _SET_RATE = int(Action.OBSERVE), int(Action.ADD), int(Action.SET_RATE)
_RESET, _CLEAR = int(Action.RESET), int(Action.CLEAR)
_SUCCESS = int(SolveStatus.SUCCESS)


@compiled
def _add_to_lane(
    workspace: int, first: int, lane: int, length: int, factor: float, source: np.ndarray
) -> None:
    for i in range(length):
        place = first + i * LANES + lane
        store_double(workspace, place, load_double(workspace, place) + factor * source[i])


@compiled
def _readout_adjoint(
    block: np.ndarray,
    lane: int,
    subject: int,
    record: int,
    row: int,
    time: float,
    cotangents: np.ndarray,
    answer: np.ndarray,
    wanted: np.ndarray,
) -> bool:
    """Pull an observation's cotangents back: `answer` begins with those of its time and its state.

    Those of parameters and weights go to the workspace. Returns whether there were any, and notes it
    for the lane.
    """
    seed = cotangents[row]
    active = False
    for value in seed:
        active = active or value != 0.0
    if active:
        wanted[lane] = True
        use_subject(block, subject)
        seen = block[at.SEEN] + 8 * block[at.N_STATES] * record
        evaluate(
            block.ctypes.data, at.READOUT_ADJOINT, time, seen, seed.ctypes.data, answer.ctypes.data
        )
        states, parameters = block[at.N_STATES], block[at.N_PARAMETERS]
        workspace = block[at.WORKSPACE]
        length = parameters + block[at.READOUT_WEIGHTS]
        _add_to_lane(
            workspace, block[at.W_PARAMETER_GRADIENT], lane, length, 1.0, answer[1 + states :]
        )
    return active


@compiled
def _fraction(block: np.ndarray, lane: int, stop: int, dense: int, times: np.ndarray) -> float:
    """Where in a lane's interval its last observation left stands; before it where there is none."""
    if stop == dense:
        return -1.0
    start = load_double(block[at.WORKSPACE], block[at.W_START] + lane)
    length = load_double(block[at.WORKSPACE], block[at.W_LENGTH] + lane)
    return (times[stop - 1] - start) / length


@compiled
def _observe_adjoint(
    block: np.ndarray,
    lane: int,
    record: int,
    fraction: float,
    u: float,
    h: float,
    answer: np.ndarray,
    row: np.ndarray,
) -> None:
    """Pull an observation within a step back to it, and note what `_move_in_time` needs."""
    workspace, states = block[at.WORKSPACE], block[at.N_STATES]
    scale = h * load_double(workspace, block[at.W_LENGTH] + lane)
    function, state = block[at.OBSERVE_LANE_ADJOINT], answer.ctypes.data + 8
    call_observe(function, workspace, state, lane, u, scale)
    row[0], row[1], row[2], row[3] = lane, record, fraction, u
    row[4:] = answer[: 1 + states]


@compiled
def _move_in_time(block: np.ndarray, within: np.ndarray, found: int) -> None:
    """Cotangents of the times at which a step was observed, once its slopes are known again."""
    workspace, states = block[at.WORKSPACE], block[at.N_STATES]
    for row in within[:found]:
        lane, record, fraction, u = int(row[0]), int(row[1]), row[2], row[3]
        along = 0.0
        for stage in range(STAGES):
            first = block[at.W_SLOPES] + stage * states * LANES + lane
            weight = dense_slope(stage, u)
            for i in range(states):
                along += weight * load_double(workspace, first + i * LANES) * row[5 + i]
        to_time = block[at.TIME_COTANGENTS] + 8 * record
        store_double(to_time, 0, load_double(to_time, 0) + row[4] + along)
        add_to_row(workspace, block[at.W_START_GRADIENT], lane, -along)
        add_to_row(workspace, block[at.W_LENGTH_GRADIENT], lane, -fraction * along)


@compiled
def _move_interval(block: np.ndarray, lane: int, began: int, ended: int) -> None:
    """Cotangents of the times at which a lane's interval began and ended."""
    workspace, to_times = block[at.WORKSPACE], block[at.TIME_COTANGENTS]
    length = load_double(workspace, block[at.W_LENGTH] + lane)
    to_start = load_double(workspace, block[at.W_START_GRADIENT] + lane)
    to_length = load_double(workspace, block[at.W_LENGTH_GRADIENT] + lane)
    to_length += load_double(workspace, block[at.W_SLOPE_GRADIENT] + lane) / length
    change = load_double(to_times, began) + to_start - to_length
    store_double(to_times, began, change)
    store_double(to_times, ended, load_double(to_times, ended) + to_length)


@compiled
def _part_moment(
    block: np.ndarray,
    lane: int,
    subject: int,
    first: int,
    record: int,
    actions: np.ndarray,
    targets: np.ndarray,
    times: np.ndarray,
    amounts: np.ndarray,
    rates: int,
) -> None:
    """Part the cotangent of a moment between a record and the one before it.

    Putting a record off lets what comes before it last longer, and what comes after it less long:
    it gains the adjoint times the slope before it, and loses that after it. `rates` are those
    before the first record of the moment, 0 where there were none.
    """
    workspace, states = block[at.WORKSPACE], block[at.N_STATES]
    slope, flow = np.empty(states), np.zeros(states)
    if rates != 0:
        read_lane(rates, 0, lane, states, flow.ctypes.data)
    for place in range(first, record):
        if actions[place] == _SET_RATE:
            flow[targets[place]] = amounts[place]
        elif actions[place] in (_RESET, _CLEAR):
            flow[: block[at.N_COMPARTMENTS]] = 0.0
    use_subject(block, subject)
    seen = block[at.SEEN] + 8 * states * record
    evaluate(block.ctypes.data, at.DERIVATIVE, times[record], seen, 0, slope.ctypes.data)
    along = 0.0
    for i in range(states):
        adjoint = load_double(workspace, block[at.W_ADJOINT] + i * LANES + lane)
        along += adjoint * (slope[i] + flow[i])
    to_time = block[at.TIME_COTANGENTS] + 8 * record
    store_double(to_time, 0, load_double(to_time, 0) + along)
    store_double(to_time, -1, load_double(to_time, -1) - along)


@compiled
def _undo_records(
    block: np.ndarray,
    lane: int,
    subject: int,
    first: int,
    last: int,
    actions: np.ndarray,
    targets: np.ndarray,
    times: np.ndarray,
    amounts: np.ndarray,
    cotangents: np.ndarray,
    answer: np.ndarray,
    wanted: np.ndarray,
    rates: int,
) -> None:
    """Pull back what a subject's records did to its lane at one moment."""
    workspace, states = block[at.WORKSPACE], block[at.N_STATES]
    for record in range(last - 1, first - 1, -1):
        action, target = actions[record], targets[record]
        if action == _OBSERVE:
            active = _readout_adjoint(
                block, lane, subject, record, target, times[record], cotangents, answer, wanted
            )
            if active:
                _add_to_lane(workspace, block[at.W_ADJOINT], lane, states, 1.0, answer[1:])
                to_time = block[at.TIME_COTANGENTS] + 8 * record
                store_double(to_time, 0, load_double(to_time, 0) + answer[0])
        elif action == _ADD:
            place = block[at.W_ADJOINT] + target * LANES + lane
            store_double(block[at.AMOUNT_COTANGENTS], record, load_double(workspace, place))
        elif action == _SET_RATE:
            place = block[at.W_RATE_GRADIENT] + target * LANES + lane
            store_double(block[at.AMOUNT_COTANGENTS], record, load_double(workspace, place))
            store_double(workspace, place, 0.0)
        else:
            adjoint = np.empty(states)
            read_lane(workspace, block[at.W_ADJOINT], lane, states, adjoint.ctypes.data)
            if action == _RESET:
                seen = block[at.SEEN] + 8 * states * record
                reset_adjoint(
                    block, subject, times[record], seen, adjoint.ctypes.data, answer.ctypes.data
                )
                length = block[at.N_PARAMETERS]
                _add_to_lane(workspace, block[at.W_PARAMETER_GRADIENT], lane, length, 1.0, answer)
            else:
                clear_state(block, adjoint.ctypes.data)
            for i in range(block[at.N_COMPARTMENTS]):
                store_double(workspace, block[at.W_RATE_GRADIENT] + i * LANES + lane, 0.0)
            write_lane(workspace, block[at.W_ADJOINT], lane, states, adjoint.ctypes.data)
        if block[at.MOVING] != 0 and record > first:
            _part_moment(
                block, lane, subject, first, record, actions, targets, times, amounts, rates
            )


@compiled
def _initial_adjoint(
    block: np.ndarray, lane: int, subject: int, time: float, answer: np.ndarray
) -> None:
    """Pull the adjoint in a lane back through the initial state."""
    workspace, states = block[at.WORKSPACE], block[at.N_STATES]
    seed = np.empty(states)
    read_lane(workspace, block[at.W_ADJOINT], lane, states, seed.ctypes.data)
    use_subject(block, subject)
    evaluate(block.ctypes.data, at.INITIAL_ADJOINT, time, 0, seed.ctypes.data, answer.ctypes.data)
    length = block[at.N_PARAMETERS]
    _add_to_lane(workspace, block[at.W_PARAMETER_GRADIENT], lane, length, 1.0, answer)


@compiled
def _solve(block: np.ndarray, wanted: np.ndarray) -> int:
    """Walk a unit's tape backwards; leaves gradients in the workspace. How many steps it took.

    Notes which lanes have cotangents at all.
    """
    records, subjects = block[at.N_RECORDS], block[at.N_SUBJECTS]
    offsets = carray(pointer_to_integers(block[at.OFFSETS]), (subjects + 1,))
    actions = carray(pointer_to_integers(block[at.ACTIONS]), (records,))
    targets = carray(pointer_to_integers(block[at.TARGETS]), (records,))
    times = carray(pointer_to_doubles(block[at.TIMES]), (records,))
    amounts = carray(pointer_to_doubles(block[at.AMOUNTS]), (records,))
    cotangents = carray(pointer_to_doubles(block[at.COTANGENTS]), (records, block[at.N_READOUTS]))
    members = carray(pointer_to_integers(block[at.MEMBERS]), (LANES,))
    count, states = block[at.N_MEMBERS], block[at.N_STATES]
    workspace, weights = block[at.WORKSPACE], block[at.WEIGHTS]
    answer = np.empty(1 + states + block[at.N_PARAMETERS] + block[at.N_WEIGHTS])
    most = 0
    for lane in range(count):
        most += offsets[members[lane] + 1] - offsets[members[lane]]
    within = np.empty((most, 5 + states))
    for first, length in (
        (block[at.W_ADJOINT], states),
        (block[at.W_DIRECT], states),
        (block[at.W_SEEDS], STAGES * states),
        (block[at.W_PASSED], states),
        (block[at.W_PARAMETER_GRADIENT], block[at.N_PARAMETERS]),
        (block[at.W_WEIGHT_GRADIENT], block[at.N_WEIGHTS]),
        (block[at.W_START_GRADIENT], 1),
        (block[at.W_LENGTH_GRADIENT], 1),
        (block[at.W_SLOPE_GRADIENT], 1),
        (block[at.W_RATE_GRADIENT], states),
    ):
        fill(workspace, first, length, 0.0)
    held = np.full(LANES, -1, np.int64)
    taken = 0
    cursor, dense = np.zeros(LANES, np.int64), np.zeros(LANES, np.int64)
    began, fractions = np.zeros(LANES, np.int64), np.zeros(LANES)
    end = block[at.UNIT] + 8 * block[at.UNIT_LENGTH]
    full, moving = block[at.KEEP_TAPE] == FULL, block[at.MOVING] != 0
    width, head = 8 * step_width(block), 8 * head_of_step(block[at.KEEP_TAPE])
    step_function = block[at.BACKWARD_STEP_FULL] if full else block[at.BACKWARD_STEP]
    row = 8 * LANES
    while end > block[at.UNIT]:
        interval = end - 8 * doubles_of_interval(states)
        steps = int(load_double(end, -1))
        spans = interval + 2 * row * states
        active = 0
        for lane in range(LANES):
            began[lane] = int(load_double(spans, 2 * LANES + lane))
            dense[lane] = int(load_double(spans, 3 * LANES + lane))
            cursor[lane] = int(load_double(spans, 4 * LANES + lane))
            if load_double(spans, LANES + lane) > 0.0:
                active = lane
        if steps > 0:
            changed = False
            for lane in range(LANES):
                idle = load_double(spans, LANES + lane) == 0.0
                subject = members[active if idle else lane]
                if held[lane] != subject:
                    load_subject(block, lane, subject)
                    held[lane], changed = subject, True
            if changed:
                prepare(block)
            copy_memory(workspace + 8 * block[at.W_STATES], interval, row * states)
            copy_memory(workspace + 8 * block[at.W_RATES], interval + row * states, row * states)
            copy_memory(workspace + 8 * block[at.W_START], spans, row)
            copy_memory(workspace + 8 * block[at.W_LENGTH], spans + row, row)
            for lane in range(count):
                fractions[lane] = _fraction(block, lane, cursor[lane], dense[lane], times)
            for place in (at.W_START_GRADIENT, at.W_LENGTH_GRADIENT, at.W_SLOPE_GRADIENT):
                fill(workspace, block[place], 1, 0.0)
            call_slope(block[at.FIRST_SLOPE], workspace, weights, 1.0, 0.0)
            for step in range(steps):
                kept = interval - width * (step + 1)
                s, h = load_double(kept, 0), load_double(kept, 1)
                found = 0
                for lane in range(count):
                    # The forward solve reads an observation off the first step that reaches it.
                    while fractions[lane] > s or (s == 0.0 and fractions[lane] >= 0.0):
                        cursor[lane] -= 1
                        record = cursor[lane]
                        if _readout_adjoint(
                            block, lane, members[lane], record, targets[record], times[record],
                            cotangents, answer, wanted,
                        ):  # fmt: skip
                            u = min(max((fractions[lane] - s) / h, 0.0), 1.0)
                            _observe_adjoint(
                                block, lane, record, fractions[lane], u, h, answer, within[found]
                            )
                            found += 1
                        fractions[lane] = _fraction(block, lane, record, dense[lane], times)
                call_backward_step(step_function, workspace, weights, kept + head, s, h)
                if moving:
                    _move_in_time(block, within, found)
            if full:
                # The tape holds what all stages kept but the first of all.
                call_slope(block[at.FIRST_SLOPE], workspace, weights, 0.0, 0.0)
            call_slope(block[at.FIRST_SLOPE_ADJOINT], workspace, weights, 0.0, 0.0)
            for lane in range(count):
                if moving and load_double(spans, LANES + lane) > 0.0:
                    ended = int(load_double(spans, 4 * LANES + lane))
                    _move_interval(block, lane, dense[lane] - 1, ended)
        end = interval - width * steps
        before = 0
        if end > block[at.UNIT]:
            before = end - 8 * doubles_of_interval(states) + row * states
        for lane in range(count):
            _undo_records(
                block, lane, members[lane], began[lane], dense[lane],
                actions, targets, times, amounts, cotangents, answer, wanted, before,
            )  # fmt: skip
        taken += steps
    for lane in range(count):
        first = offsets[members[lane]]
        _initial_adjoint(block, lane, members[lane], times[first], answer)
    return taken


@callback(types.void(types.int64))
def lanes_backward(call: int) -> None:
    """Gradient of one unit's members by their parameters and the weights, from its tape."""
    block = carray(pointer_to_integers(call), (at.SIZE,))
    wanted = np.zeros(LANES, np.bool_)
    block[at.TAKEN] = _solve(block, wanted)
    workspace = block[at.WORKSPACE]
    parameters, weights = block[at.N_PARAMETERS], block[at.N_WEIGHTS]
    members = carray(pointer_to_integers(block[at.MEMBERS]), (LANES,))
    total = block[at.GROUP_WEIGHTS]
    # A lane without cotangents adds nothing, also where its derivatives are infinite.
    for lane in range(block[at.N_MEMBERS]):
        if not wanted[lane]:
            continue
        row = block[at.PARAMETER_COTANGENTS] + 8 * parameters * members[lane]
        read_lane(workspace, block[at.W_PARAMETER_GRADIENT], lane, parameters, row)
    first = block[at.W_WEIGHT_GRADIENT]
    for i in range(weights):
        added = load_double(total, i)
        for lane in range(block[at.N_MEMBERS]):
            if wanted[lane]:
                added += load_double(workspace, first + i * LANES + lane)
        store_double(total, i, added)
    block[at.OUTCOME] = _SUCCESS
