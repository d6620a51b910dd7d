"""What an entry of a schedule does, and when two times are one."""

from __future__ import annotations

from enum import IntEnum

from bnode_nlme.engine.compilation import compiled


class Action(IntEnum):
    """What a schedule's entry does to the state.

    Compartments are the system's states; the states after them are varying inputs (see `varying`),
    which only `ADD` and `SET_RATE` change.
    """

    OBSERVE = 0  # report the readouts in row `target`
    ADD = 1  # add `amount` to state `target`
    SET_RATE = 2  # from here on `amount` per time flows into state `target`
    RESET = 3  # every compartment to its initial value, all infusions off
    CLEAR = 4  # every compartment to zero, all infusions off
    FAIL = 5  # a subject's first entry: its solve fails, with the status `target`


@compiled
def is_zero_length(start: float, stop: float) -> bool:
    """Whether two times are too close for a solver to step between them."""
    # CVODES refuses less than two rounding units on either side (cvHin in cvodes.c), and divides by
    # squares of steps, so that those from zero must not be too small either.
    return abs(stop - start) <= 1e-15 * max(abs(start), abs(stop)) + 1e-100


@compiled
def is_due(due: float, time: float) -> bool:
    """Whether what is due at one time acts before a record at another."""
    # Written in decimals, 3 doses 0.1 apart and a record at 0.3 coincide; in binary they do not.
    # The absolute part is what the forward solve takes for no time at all.
    return due <= time + 1e-12 * max(abs(due), abs(time)) + 1e-100
