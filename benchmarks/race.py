"""Contenders take turns, so that all see the same noise of the machine."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from benchmarks.contenders import Contender, Result

LEAST_TURNS, MOST_TURNS = 5, 60
QUICK, WARM = 0.05, 0.01
"""Who takes less than `QUICK` seconds makes calls for `WARM` seconds before the one that is timed, as a
sampler would: caches and branch predictors then hold its own and not the contender's who had the turn
before."""


@dataclass
class Turns:
    """What one contender's turns took, and what they returned.

    Processor time, of all threads of this process, is what contenders are compared by: all sit on
    one core, and other work on the machine does not count. Wall time is kept beside it.
    """

    subjects: int
    processor: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    result: Result | None = None

    def per_subject(self) -> dict[str, float]:
        """Microseconds per subject."""
        processor, wall = (np.array(t) / self.subjects * 1e6 for t in (self.processor, self.wall))
        return {
            "best": float(processor.min()),
            "median": float(np.median(processor)),
            "wall": float(wall.min()),
        }


def race(contenders: Mapping[str, Contender], seconds: float) -> dict[str, Turns]:
    """At most `MOST_TURNS` turns; who has used up its `seconds` sits out the rest."""
    turns = {name: Turns(contender.subjects) for name, contender in contenders.items()}
    for number in range(MOST_TURNS):
        for name, contender in contenders.items():
            own = turns[name]
            if number < LEAST_TURNS or sum(own.wall) < seconds:
                _take_turn(contender, own)
    return turns


def _take_turn(contender: Contender, own: Turns) -> None:
    if own.wall and min(own.wall) < QUICK:
        begun = time.perf_counter()
        while time.perf_counter() - begun < WARM:
            with contextlib.suppress(Exception):  # the call that is timed tells
                contender.call()
    wall, processor = time.perf_counter(), time.process_time()
    found: Any = None
    try:
        found = contender.call()
    except Exception as error:  # a failure is a result: it is counted and shown
        own.failures.append(f"{type(error).__name__}: {error}")
    taken = time.process_time() - processor, time.perf_counter() - wall
    if found is not None:
        own.processor.append(taken[0])
        own.wall.append(taken[1])
        own.result = contender.result(found)
