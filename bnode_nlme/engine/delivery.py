"""How doses arrive: the entries of one subject while its records are read in order."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bnode_nlme.engine.actions import Action, is_due
from bnode_nlme.engine.compilation import compiled
from bnode_nlme.engine.pending import put, take

Array = NDArray[Any]

# Columns of a plan's doses: integers and doubles.
STATE, ADDITIONAL, STEADY, STEADY_ROW = range(4)
TIME, AMOUNT, RATE, INTERVAL = range(4)
# What is noted of each dose that arrives: its dose, how it arrived, the entries at which it began
# and ended (-1 where it did not), the last entry of which it is part, and its flow.
DOSE_OF, MANNER, BEGIN, END, LAST = range(5)
BOLUS, INFUSION, RUNNING = range(3)

MODELLED_RATE, MODELLED_DURATION = -1.0, -2.0
"""RATE of infusions whose rate or duration the system gives."""

ENTRIES, GIVEN, WAITING, PLANNED = range(4)  # what a book counts

_ADD, _SET_RATE = int(Action.ADD), int(Action.SET_RATE)
_RESET, _CLEAR = int(Action.RESET), int(Action.CLEAR)
_END_OF_INFUSION = -1


class Doses(NamedTuple):
    """The doses of a plan: what the table says, and the values that the system gives."""

    whole: Array
    real: Array
    lag: Array
    bioavailability: Array
    modelled: Array


class Book(NamedTuple):
    """What is written down of one subject after the other.

    Attributes
    ----------
    marks : ndarray (E, 3), int64
        Action, target and origin of each entry.
    values : ndarray (E, 2)
        Time and amount of each entry.
    given : ndarray (G, 5), int64
        Every dose that arrived.
    flow : ndarray (G,)
        Rate of those that are infusions.
    dues : ndarray (H,)
        Heap of what is still to come: when,
    items : ndarray (H, 3), int64
        and in which order it was planned, the dose, and which of those that it stands for; for the
        end of an infusion -1 and its place in `given`.
    flows : ndarray (states, 3)
        Sum of the infusions into each state, in two parts so that nothing is lost to rounding, and
        how many they are.
    latest : ndarray (states,), int64
        The last entry that set the rate of a state.
    counts : ndarray (4,), int64
        How many entries there are, doses that arrived, entries of the heap, and planned so far.
    """

    marks: Array
    values: Array
    given: Array
    flow: Array
    dues: Array
    items: Array
    flows: Array
    latest: Array
    counts: Array


@compiled
def new_book(states: int, entries: int) -> Book:
    """An empty book with room for so many entries."""
    return Book(
        np.empty((entries, 3), np.int64),
        np.empty((entries, 2)),
        np.empty((entries, 5), np.int64),
        np.empty(entries),
        np.empty(entries),
        np.empty((entries, 3), np.int64),
        np.zeros((states, 3)),
        np.zeros(states, np.int64),
        np.zeros(4, np.int64),
    )


@compiled
def enter(book: Book, action: int, target: int, origin: int, time: float, amount: float) -> None:
    """Append an entry."""
    place = book.counts[ENTRIES]
    book.marks[place, 0], book.marks[place, 1], book.marks[place, 2] = action, target, origin
    book.values[place, 0], book.values[place, 1] = time, amount
    book.counts[ENTRIES] = place + 1


@compiled
def _note(book: Book, dose: int, manner: int, flow: float) -> int:
    """Note that a dose arrives with the next entry; its place."""
    place = book.counts[GIVEN]
    book.given[place, DOSE_OF], book.given[place, MANNER] = dose, manner
    book.given[place, BEGIN], book.given[place, END] = book.counts[ENTRIES], -1
    book.given[place, LAST] = -1
    book.flow[place] = flow
    book.counts[GIVEN] = place + 1
    return place


@compiled
def _plan(book: Book, due: float, dose: int, number: int) -> None:
    size = book.counts[WAITING]
    book.counts[PLANNED] += 1
    book.dues[size] = due
    book.items[size, 0], book.items[size, 1] = book.counts[PLANNED], dose
    book.items[size, 2] = number
    put(book.dues, book.items, size)
    book.counts[WAITING] = size + 1


@compiled
def duration_of(amount: float, rate: float, modelled: float) -> float:
    """How long an infusion lasts; 0 for a bolus."""
    if rate == MODELLED_DURATION:
        return modelled
    if rate == MODELLED_RATE:
        return amount / modelled
    return amount / rate if rate > 0.0 else 0.0


@compiled
def doses_under_way(lag: float, interval: float) -> int:
    """How many virtual earlier doses of a steady state arrive at its record or after it.

    A lag longer than the interval delays them as it delays the record's own dose. Those before them
    have arrived before the record.
    """
    return int(np.floor(lag / interval * (1.0 + 1e-12)))


@compiled
def _arriving(doses: Doses, dose: int) -> tuple[float, float]:
    """Amount that arrives of a dose, and over how long."""
    amount = doses.bioavailability[dose] * doses.real[dose, AMOUNT]
    return amount, duration_of(amount, doses.real[dose, RATE], doses.modelled[dose])


@compiled
def _change_rate(book: Book, state: int, flow: float, begins: bool) -> float:
    """Begin or end an infusion; the sum of those that run, exactly zero once all have ended."""
    flows = book.flows[state]
    flows[2] += 1.0 if begins else -1.0
    if flows[2] == 0.0:
        flows[0] = flows[1] = 0.0
    else:
        before, change = flows[0], flow if begins else -flow
        flows[0] = before + change
        part = flows[0] - before
        flows[1] += (before - (flows[0] - part)) + (change - part)
    return flows[0] + flows[1]


@compiled
def _begin(
    book: Book, doses: Doses, dose: int, manner: int, now: float, flow: float, end: float
) -> None:
    """Let an infusion run from now on."""
    state = doses.whole[dose, STATE]
    place = _note(book, dose, manner, flow)
    book.latest[state] = book.counts[ENTRIES]
    enter(book, _SET_RATE, state, -1, now, _change_rate(book, state, flow, True))
    _plan(book, end, _END_OF_INFUSION, place)


@compiled
def _end(book: Book, doses: Doses, place: int, now: float) -> None:
    """End an infusion."""
    state = doses.whole[book.given[place, DOSE_OF], STATE]
    book.given[place, END], book.given[place, LAST] = book.counts[ENTRIES], book.latest[state]
    book.latest[state] = book.counts[ENTRIES]
    enter(book, _SET_RATE, state, -1, now, _change_rate(book, state, book.flow[place], False))


@compiled
def _give(book: Book, doses: Doses, dose: int, number: int, now: float) -> None:
    """Let a dose arrive, and plan the next of those that it stands for."""
    amount, duration = _arriving(doses, dose)
    end = now + duration
    # An infusion that ends as it begins has no stretch in which its rate could act.
    if is_due(end, now):
        _note(book, dose, BOLUS, 0.0)
        enter(book, _ADD, doses.whole[dose, STATE], -1, now, amount)
    else:
        # The end is rounded to a double: the rate follows, so that the amount is the dose.
        _begin(book, doses, dose, INFUSION, now, amount / (end - now), end)
    if 0 <= number < doses.whole[dose, ADDITIONAL]:
        # Counted from the first dose: adding the interval again and again adds its rounding too.
        due = doses.real[dose, TIME] + (number + 1) * doses.real[dose, INTERVAL]
        _plan(book, due + doses.lag[dose], dose, number + 1)


@compiled
def advance(book: Book, doses: Doses, time: float) -> None:
    """Let everything that is due at or before a time act."""
    while book.counts[WAITING] > 0 and is_due(book.dues[0], time):
        take(book.dues, book.items, book.counts[WAITING])
        book.counts[WAITING] -= 1
        taken = book.counts[WAITING]
        dose, number = book.items[taken, 1], book.items[taken, 2]
        now = min(book.dues[taken], time)
        if dose == _END_OF_INFUSION:
            _end(book, doses, number, now)
        else:
            _give(book, doses, dose, number, now)


@compiled
def cancel(book: Book, doses: Doses) -> None:
    """Forget infusions and doses that were still to come."""
    for waiting in range(book.counts[WAITING]):
        if book.items[waiting, 1] == _END_OF_INFUSION:
            place = book.items[waiting, 2]
            state = doses.whole[book.given[place, DOSE_OF], STATE]
            book.given[place, LAST] = book.latest[state]
    book.counts[WAITING] = 0
    book.flows[:] = 0.0


@compiled
def _become_steady(book: Book, doses: Doses, dose: int, steady: Array, first_origin: int) -> None:
    """Put a subject into a dose's steady state, just before the dose itself arrives.

    With SS 1 nothing is left of what was given before. Infusions of virtual earlier doses run on,
    and those that the lag has delayed until now are still to come.
    """
    time, lag = doses.real[dose, TIME], doses.lag[dose]
    row, interval = doses.whole[dose, STEADY_ROW], doses.real[dose, INTERVAL]
    if doses.whole[dose, STEADY] == 1:
        cancel(book, doses)
        enter(book, _CLEAR, 0, -1, time, 0.0)
    for state in range(steady.shape[1]):
        origin = first_origin + row * steady.shape[1] + state
        enter(book, _ADD, state, origin, time, steady[row, state])
    if interval == 0.0:
        return  # a constant infusion, of which nothing is left
    amount, duration = _arriving(doses, dose)
    late = doses_under_way(lag, interval)
    before = late + 1
    while duration > 0.0 and not is_due(time - before * interval + lag + duration, time):
        end = time - before * interval + lag + duration
        _begin(book, doses, dose, RUNNING, time, amount / duration, end)
        before += 1
    for earlier in range(late, 0, -1):
        # Numbered below those that the record's own dose repeats.
        _plan(book, max(time, time - earlier * interval + lag), dose, -earlier)


@compiled
def take_dose(book: Book, doses: Doses, dose: int, steady: Array, first_origin: int) -> None:
    """Act on a dose's record."""
    time = doses.real[dose, TIME]
    if doses.whole[dose, STEADY] != 0:
        _become_steady(book, doses, dose, steady, first_origin)
    if doses.whole[dose, STEADY] == 0 or doses.real[dose, AMOUNT] != 0.0:
        _plan(book, time + doses.lag[dose], dose, 0)
        advance(book, doses, time)


@compiled
def room_for(doses: Doses, dose: int, states: int, end: float) -> int:
    """Entries that a dose's record leads to before the end of its subject, at most."""
    lag, interval = doses.lag[dose], doses.real[dose, INTERVAL]
    _, duration = _arriving(doses, dose)
    count = 1.0
    if doses.whole[dose, ADDITIONAL] > 0 and interval > 0.0:
        due = (end - doses.real[dose, TIME] - lag) / interval
        count += min(float(doses.whole[dose, ADDITIONAL]), max(0.0, due) + 2.0)
    if doses.whole[dose, STEADY] != 0:
        count += 1 + states
        if interval > 0.0:
            count += (lag + duration) / interval + 2.0
    return 2 * int(count) + 2
