"""The forward solve of up to eight subjects in lockstep by an explicit Runge-Kutta method.

A lane goes through its subject's records from one event to the next. Each such interval is
integrated over its own fraction ``s`` from 0 to 1, so that lanes with other times step together;
the step size is that which the least accurate lane allows. Observations between events are read off
the continuous extension of the step, and cost none.
"""

from __future__ import annotations

import numpy as np
from numba import carray, types

from bnode_nlme.engine import slots as at
from bnode_nlme.engine.compilation import callback, compiled
from bnode_nlme.engine.evaluation import all_finite, evaluate
from bnode_nlme.engine.lane_calls import (
    call_forward_step,
    call_observe,
    call_on_workspace,
    call_slope,
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
from bnode_nlme.engine.records import clear_state, report, reset_state, use_subject
from bnode_nlme.engine.schedule import Action, is_zero_length
from bnode_nlme.engine.status import SolveStatus
from bnode_nlme.engine.tableau import STAGES
from bnode_nlme.engine.tape import (
    ALIGNED,
    FULL,
    NO_TAPE,
    close_unit,
    doubles_of_interval,
    extend,
    head_of_step,
    step_width,
)
from bnode_nlme.engine.units import FULL_LANES_UNIT, LANES_UNIT
from bnode_nlme.engine.workspace import LANES

_OBSERVE, _ADD, _SET_RATE = int(Action.OBSERVE), int(Action.ADD), int(Action.SET_RATE)
_RESET = int(Action.RESET)
_SUCCESS, _INTERNAL = int(SolveStatus.SUCCESS), int(SolveStatus.INTERNAL)
_MAX_STEPS_REACHED, _NOT_FINITE = int(SolveStatus.MAX_STEPS), int(SolveStatus.NOT_FINITE)
_STEP_TOO_SMALL, _STIFF = int(SolveStatus.STEP_TOO_SMALL), int(SolveStatus.STIFF)
_TOO_ACCURATE = int(SolveStatus.TOO_MUCH_ACCURACY)

# The elementary controller, with little reserve: on transients that die away it takes a quarter
# fewer steps than a proportional-integral one, which lags behind, and is rejected no more often.
_SAFETY, _LEAST, _MOST = 0.95, 0.2, 8.0
# Stiffness is looked for once a group has taken this many steps, and found where most of so many
# steps in a row are as long as stability allows and at this rate so many would be needed in all: a
# solve by CVODES then costs less.
_PATIENCE, _LOOKED_AT, _TOO_MANY = 150, 50, 800
_STABLE = 2.0
_SMALLEST = 1e-13
"""The smallest step, as a fraction of the interval."""
_ROUNDING = 2.0**-50
"""Errors of a step's state that no step size makes smaller, relative to it."""


@compiled
def _apply_records(
    block: np.ndarray,
    lane: int,
    subject: int,
    record: int,
    now: float,
    actions: np.ndarray,
    targets: np.ndarray,
    times: np.ndarray,
    amounts: np.ndarray,
    last: int,
) -> int:
    """Let a subject's records at this moment act on its lane; the first that comes later."""
    workspace, states, seen = block[at.WORKSPACE], block[at.N_STATES], block[at.SEEN]
    first_state, first_rate = block[at.W_STATES], block[at.W_RATES]
    while record < last and is_zero_length(now, times[record]):
        action, target = actions[record], targets[record]
        state = seen + 8 * states * record
        read_lane(workspace, first_state, lane, states, state)
        if action == _OBSERVE:
            use_subject(block, subject)
            report(block, record, target, times[record])
        elif action == _ADD:
            place = first_state + target * LANES + lane
            store_double(workspace, place, load_double(workspace, place) + amounts[record])
        elif action == _SET_RATE:
            store_double(workspace, first_rate + target * LANES + lane, amounts[record])
        else:
            fresh = np.empty(states)
            read_lane(workspace, first_state, lane, states, fresh.ctypes.data)
            if action == _RESET:
                reset_state(block, subject, now, fresh.ctypes.data)
            else:
                clear_state(block, fresh.ctypes.data)
            for i in range(block[at.N_COMPARTMENTS]):
                store_double(workspace, first_rate + i * LANES + lane, 0.0)
            write_lane(workspace, first_state, lane, states, fresh.ctypes.data)
        record += 1
    return record


@compiled
def _upcoming(block: np.ndarray, lane: int, record: int, stop: int, times: np.ndarray) -> float:
    """Where in a lane's interval its next observation stands; beyond it where there is none."""
    if record == stop:
        return 2.0
    start = load_double(block[at.WORKSPACE], block[at.W_START] + lane)
    length = load_double(block[at.WORKSPACE], block[at.W_LENGTH] + lane)
    return (times[record] - start) / length


@compiled
def _report_within(
    block: np.ndarray, lane: int, subject: int, record: int, u: float, h: float, row: int,
    time: float,
) -> None:  # fmt: skip
    """Report a lane's observation at a fraction of the step just made."""
    workspace = block[at.WORKSPACE]
    scale = h * load_double(workspace, block[at.W_LENGTH] + lane)
    state = block[at.SEEN] + 8 * block[at.N_STATES] * record
    call_observe(block[at.OBSERVE_LANE], workspace, state, lane, min(max(u, 0.0), 1.0), scale)
    use_subject(block, subject)
    report(block, record, row, time)


@compiled
def _slope_size(block: np.ndarray, lane: int, reference: np.ndarray) -> tuple[float, float, float]:
    """Sizes of a lane's state, slope, and change of slope since `reference`, in tolerances."""
    workspace, states = block[at.WORKSPACE], block[at.N_STATES]
    address = block.ctypes.data
    rtol, atol = load_double(address, at.RTOL), load_double(address, at.ATOL)
    length = load_double(workspace, block[at.W_LENGTH] + lane)
    a, b, c = 0.0, 0.0, 0.0
    for i in range(states):
        y = load_double(workspace, block[at.W_STATES] + i * LANES + lane)
        f = load_double(workspace, block[at.W_SLOPES] + i * LANES + lane)
        scale = atol + rtol * abs(y)
        a += (y / scale) ** 2
        b += (f * length / scale) ** 2
        c += ((f - reference[i * LANES + lane]) * length / scale) ** 2
    return (a / states) ** 0.5, (b / states) ** 0.5, (c / states) ** 0.5


@compiled
def _first_step(block: np.ndarray, saved: np.ndarray) -> float:
    """A step to begin with (Hairer, Norsett and Wanner 1993, II.4), the smallest of all lanes."""
    workspace, states = block[at.WORKSPACE], block[at.N_STATES]
    y, f = workspace + 8 * block[at.W_STATES], workspace + 8 * block[at.W_SLOPES]
    length = 8 * LANES * states
    first, second = saved[0], saved[1]
    guess = 1.0
    for lane in range(LANES):
        a, b, _ = _slope_size(block, lane, first)
        if b > 1e-5:
            guess = min(guess, 0.01 * a / b if a > 1e-5 else 1e-6)
    copy_memory(first.ctypes.data, f, length)
    copy_memory(second.ctypes.data, y, length)
    for i in range(states * LANES):
        span = load_double(workspace, block[at.W_LENGTH] + i % LANES)
        store_double(y, i, second[i] + guess * span * first[i])
    call_slope(block[at.FIRST_SLOPE], workspace, block[at.WEIGHTS], guess, 0.0)
    step = min(1.0, 100.0 * guess)
    for lane in range(LANES):
        _, b, c = _slope_size(block, lane, first)
        largest = max(b, c / guess)
        if largest > 1e-15:
            step = min(step, (0.01 / largest) ** (1.0 / 5.0))
        elif not largest <= 1e-15:
            step = min(step, guess)  # not a number: the error test will tell
    copy_memory(y, second.ctypes.data, length)
    copy_memory(f, first.ctypes.data, length)
    return step


@compiled
def _longest_step(block: np.ndarray, count: int, members: np.ndarray) -> float:
    """The longest step that the lanes may take, as a fraction of the interval."""
    longest = 1.0
    if block[at.LONGEST_STEPS] != 0:
        for lane in range(count):
            length = load_double(block[at.WORKSPACE], block[at.W_LENGTH] + lane)
            step = load_double(block[at.LONGEST_STEPS], members[lane])
            if step < longest * length:
                longest = step / length
    return longest


@compiled
def _is_at_stability(block: np.ndarray, h: float) -> bool:
    """Whether the step just made is about as long as stability allows, in one of the lanes.

    The last two stages stand at the same time, so that their slopes differ by the Jacobian times
    the difference of their states (Hairer and Wanner 1996, IV.2); the boundary on the negative real
    axis is near 3.5.
    """
    workspace, states = block[at.WORKSPACE], block[at.N_STATES]
    address = block.ctypes.data
    rtol, atol = load_double(address, at.RTOL), load_double(address, at.ATOL)
    last = (STAGES - 1) * states * LANES
    for lane in range(LANES):
        step = h * load_double(workspace, block[at.W_LENGTH] + lane)
        a, b = 0.0, 0.0
        for i in range(states):
            place = last + i * LANES + lane
            end = load_double(workspace, block[at.W_STATES] + place)
            before = load_double(workspace, block[at.W_STATES] + place - states * LANES)
            scale = atol + rtol * abs(end)
            slope = load_double(workspace, block[at.W_SLOPES] + place)
            slope -= load_double(workspace, block[at.W_SLOPES] + place - states * LANES)
            a += (step * slope / scale) ** 2
            b += ((end - before) / scale) ** 2
        if a > _STABLE**2 * b:
            return True
    return False


@compiled
def _keep_step(block: np.ndarray, row: int, s: float, h: float) -> None:
    """Write a step to its row of the tape: where it begins, how long it is, the state there.

    A full tape holds the slopes of its stages but the last too, and already what these kept.
    """
    workspace = block[at.WORKSPACE]
    store_double(row, 0, s)
    store_double(row, 1, h)
    row += 8 * head_of_step(block[at.KEEP_TAPE])
    if block[at.KEEP_TAPE] == FULL:
        call_on_workspace(block[at.KEEP_STEP], workspace, row)
    else:
        states = workspace + 8 * block[at.W_STATES]
        copy_memory(row, states, 8 * LANES * block[at.N_STATES])


@compiled
def _keep_interval(
    block: np.ndarray, began: np.ndarray, dense: np.ndarray, ended: np.ndarray, steps: int
) -> bool:
    """Append an interval to the tape, after its steps; see `lanes_backward`."""
    states, workspace = block[at.N_STATES], block[at.WORKSPACE]
    row = extend(block, doubles_of_interval(states))
    if row == 0:
        return False
    rows = 8 * LANES
    copy_memory(row, workspace + 8 * block[at.W_STATES], rows * states)
    copy_memory(row + rows * states, workspace + 8 * block[at.W_RATES], rows * states)
    row += 2 * rows * states
    copy_memory(row, workspace + 8 * block[at.W_START], rows)
    copy_memory(row + rows, workspace + 8 * block[at.W_LENGTH], rows)
    for lane in range(LANES):
        store_double(row, 2 * LANES + lane, float(began[lane]))
        store_double(row, 3 * LANES + lane, float(dense[lane]))
        store_double(row, 4 * LANES + lane, float(ended[lane]))
    store_double(row, 5 * LANES + ALIGNED - 1, float(steps))
    return True


@compiled
def _solve(block: np.ndarray) -> tuple[int, int]:
    """Take the members of a unit through their records; status and number of steps."""
    records, subjects = block[at.N_RECORDS], block[at.N_SUBJECTS]
    offsets = carray(pointer_to_integers(block[at.OFFSETS]), (subjects + 1,))
    actions = carray(pointer_to_integers(block[at.ACTIONS]), (records,))
    targets = carray(pointer_to_integers(block[at.TARGETS]), (records,))
    times = carray(pointer_to_doubles(block[at.TIMES]), (records,))
    amounts = carray(pointer_to_doubles(block[at.AMOUNTS]), (records,))
    members = carray(pointer_to_integers(block[at.MEMBERS]), (LANES,))
    count, states = block[at.N_MEMBERS], block[at.N_STATES]
    workspace, weights, address = block[at.WORKSPACE], block[at.WEIGHTS], block.ctypes.data
    rtol, atol = load_double(address, at.RTOL), load_double(address, at.ATOL)
    first_state = block[at.W_STATES]
    keep, hand_over = block[at.KEEP_TAPE] != NO_TAPE, block[at.HAND_OVER] != 0
    full, width = block[at.KEEP_TAPE] == FULL, step_width(block)
    kept = workspace + 8 * (block[at.W_KEPT] + LANES * block[at.N_KEPT])
    row = 0
    began, dense = np.zeros(LANES, np.int64), np.zeros(LANES, np.int64)
    stop, cursor = np.zeros(LANES, np.int64), np.zeros(LANES, np.int64)
    now, upcoming = np.zeros(LANES), np.full(LANES, 2.0)
    saved = np.zeros((2, states * LANES))
    fresh = np.empty(states)
    intervals, intervals_done = 1, 0
    for lane in range(LANES):
        subject = members[min(lane, count - 1)]
        load_subject(block, lane, subject)
        use_subject(block, subject)
        first, last = offsets[subject], offsets[subject + 1]
        now[lane] = times[first]
        evaluate(address, at.INITIAL, now[lane], 0, 0, fresh.ctypes.data)
        if not all_finite(fresh.ctypes.data, states):
            return _NOT_FINITE, 0
        write_lane(workspace, first_state, lane, states, fresh.ctypes.data)
        cursor[lane] = first
        events = 1
        for record in range(first, last):
            events += actions[record] != _OBSERVE
        intervals = max(intervals, events)
    fill(workspace, block[at.W_RATES], states, 0.0)
    prepare(block)
    attempts, looked, stiff = 0, 0, 0
    own = True  # whether every lane holds its own subject
    while True:
        active = -1
        for lane in range(LANES):
            length = 0.0
            if lane < count:
                subject = members[lane]
                last = offsets[subject + 1]
                began[lane] = cursor[lane]
                record = _apply_records(
                    block, lane, subject, cursor[lane], now[lane],
                    actions, targets, times, amounts, last,
                )  # fmt: skip
                cursor[lane] = dense[lane] = stop[lane] = record
                if record < last:
                    end = record
                    while end < last - 1 and actions[end] == _OBSERVE:
                        end += 1
                    length = times[end] - now[lane]
                    while stop[lane] < end and times[stop[lane]] < times[end]:
                        stop[lane] += 1
                    active = lane
            store_double(workspace, block[at.W_START] + lane, now[lane])
            store_double(workspace, block[at.W_LENGTH] + lane, length)
        if active < 0:
            break
        for lane in range(LANES):
            if load_double(workspace, block[at.W_LENGTH] + lane) == 0.0:
                # A lane that is done computes what another does, so that it stays harmless.
                _copy_lane(block, active, lane)
                own = False
        if not own:
            prepare(block)
        for lane in range(count):
            upcoming[lane] = _upcoming(block, lane, cursor[lane], stop[lane], times)
        call_slope(block[at.FIRST_SLOPE], workspace, weights, 0.0, 0.0)
        longest = _longest_step(block, count, members)
        if hand_over and longest * _TOO_MANY < 1.0:
            return _STIFF, attempts
        h = min(_first_step(block, saved), longest)
        s, steps, rejected = 0.0, 0, False
        while s < 1.0:
            if attempts >= block[at.MAX_STEPS]:
                return _MAX_STEPS_REACHED, attempts
            if s + 1.01 * h >= 1.0:
                h = 1.0 - s
            attempts += 1
            if keep:
                row = extend(block, width)
                if row == 0:
                    return _INTERNAL, attempts
            if full:
                kept = row + 8 * (head_of_step(FULL) + STAGES * LANES * states)
            square = call_forward_step(
                block[at.FORWARD_STEP], workspace, weights, kept, s, h, rtol, atol
            )
            if not square <= 1.0:
                if h <= _SMALLEST:
                    if not square > 1.0:
                        return _NOT_FINITE, attempts
                    return (_STEP_TOO_SMALL if rtol > _ROUNDING else _TOO_ACCURATE), attempts
                h *= max(_LEAST, _SAFETY * square**-0.1) if square < np.inf else _LEAST
                rejected = True
                if keep:
                    block[at.TAPE_LENGTH] -= width
                continue
            if keep:
                _keep_step(block, row, s, h)
            reached = 1.0 if h == 1.0 - s else s + h
            for lane in range(count):
                while upcoming[lane] <= reached:
                    record, u = cursor[lane], (upcoming[lane] - s) / h
                    _report_within(
                        block, lane, members[lane], record, u, h, targets[record], times[record]
                    )
                    cursor[lane] += 1
                    upcoming[lane] = _upcoming(block, lane, cursor[lane], stop[lane], times)
            if hand_over and attempts > _PATIENCE:
                looked += 1
                stiff += _is_at_stability(block, h)
                if looked == _LOOKED_AT:
                    done = (intervals_done + reached) / intervals
                    if 2 * stiff > looked and attempts > _TOO_MANY * done:
                        return _STIFF, attempts
                    looked, stiff = 0, 0
            call_on_workspace(block[at.ADVANCE_STEP], workspace, 0)
            steps += 1
            s = reached
            factor = _SAFETY * max(square, 1e-20) ** -0.1
            h = min(h * min(1.0 if rejected else _MOST, max(_LEAST, factor)), longest)
            rejected = False
        if keep and not _keep_interval(block, began, dense, cursor, steps):
            return _INTERNAL, attempts
        intervals_done += 1
        for lane in range(count):
            length = load_double(workspace, block[at.W_LENGTH] + lane)
            if length > 0.0:
                end = cursor[lane]
                now[lane] = times[end]
    if keep and not _keep_interval(block, began, dense, cursor, 0):
        return _INTERNAL, attempts
    return _SUCCESS, attempts


@compiled
def _copy_lane(block: np.ndarray, source: int, target: int) -> None:
    """Make a lane compute what another computes, over no time."""
    workspace, states = block[at.WORKSPACE], block[at.N_STATES]
    for first, length in (
        (block[at.W_STATES], states),
        (block[at.W_RATES], states),
        (block[at.W_START], 1),
        (block[at.W_PARAMETERS], block[at.N_PARAMETERS]),
        (block[at.W_COVARIATES], block[at.N_COVARIATES]),
    ):
        for i in range(length):
            place = first + i * LANES
            store_double(workspace, place + target, load_double(workspace, place + source))


@callback(types.void(types.int64))
def lanes_forward(call: int) -> None:
    """Solve one unit's members in lanes; writes their readouts, what they saw, and the tape."""
    block = carray(pointer_to_integers(call), (at.SIZE,))
    block[at.UNIT_FIRST] = block[at.TAPE_LENGTH]
    outcome, taken = _solve(block)
    if outcome == _SUCCESS and block[at.KEEP_TAPE] != NO_TAPE:
        engine = FULL_LANES_UNIT if block[at.KEEP_TAPE] == FULL else LANES_UNIT
        if not close_unit(block, engine):
            outcome = _INTERNAL
    if outcome != _SUCCESS:
        block[at.TAPE_LENGTH] = block[at.UNIT_FIRST]
    block[at.OUTCOME], block[at.TAKEN] = outcome, taken
