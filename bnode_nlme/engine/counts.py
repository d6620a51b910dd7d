"""How many solves ended how: counted by every thread and process that works on one model."""

from __future__ import annotations

import atexit
import contextlib
import os
import tempfile
import threading
import uuid
import weakref
from pathlib import Path
from typing import Any, Literal

import numpy as np

from bnode_nlme.engine.status import SolveStatus

_STATUSES = len(SolveStatus)

HANDED_OVER = _STATUSES
"""Place of the number of solves that the lanes handed over to CVODES."""

ACTIVE = _STATUSES + 1
"""Place of the number of solves going on at this moment, in whatever thread or process."""

_PLACES_EACH = _STATUSES + 2
_SLOTS = 512
"""Counters in one file."""

# Compiled code holds the bare address of the counts, and may outlive every `SolveCounter`: what
# is mapped once stays mapped as long as the process, and a slot is given to one counter only.
_MAPPED: dict[str, np.memmap[Any, Any]] = {}
_COUNTS: weakref.WeakValueDictionary[tuple[str, int], np.memmap[Any, Any]] = (
    weakref.WeakValueDictionary()
)
_LOCK = threading.Lock()


def _remove(path: str, owner: int) -> None:
    # A forked child inherits the clean-up, but the file is its parent's.
    if os.getpid() == owner:
        with contextlib.suppress(OSError):
            Path(path).unlink()


def _counts(path: str, slot: int) -> np.memmap[Any, Any]:
    """The counts of a slot: one and the same array for all counters that share it."""
    with _LOCK:
        if path not in _MAPPED:
            mode: Literal["r+", "w+"] = "r+" if Path(path).exists() else "w+"
            _MAPPED[path] = np.memmap(path, dtype=np.int64, mode=mode, shape=(_SLOTS, _PLACES_EACH))
            if mode == "w+":
                atexit.register(_remove, path, os.getpid())
        return _COUNTS.setdefault((path, slot), _MAPPED[path][slot])


class _Places:
    """Hands out places for counts, `_SLOTS` to a file."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._owner, self._path, self._slot = 0, "", 0

    def take(self) -> tuple[str, int]:
        """Name of a file, and a slot in it that no other counter has."""
        with self._lock:
            # A forked child inherits what its parent is about to give away, and begins afresh.
            if self._owner != os.getpid() or self._slot == _SLOTS:
                name = f"bnode_nlme-counts-{uuid.uuid4().hex}"
                self._path = str(Path(tempfile.gettempdir()) / name)
                self._owner, self._slot = os.getpid(), 0
            self._slot += 1
            return self._path, self._slot - 1


_PLACES = _Places()


class SolveCounter:
    """Counts of solve outcomes in a slot of a small shared file.

    Samplers run chains in threads (nutpie) or processes (PyMC), forked or spawned; a file mapped
    into memory by each of them is the one place that all can add to, without locks. All counters
    that a process makes share its file. Pickling carries the file's name and the slot. Where the
    file no longer exists, counting starts anew. The process that made the file removes it when it
    ends.
    """

    def __init__(self, path: str | None = None, slot: int = 0) -> None:
        self.path, self.slot = _PLACES.take() if path is None else (path, slot)
        self.counts = _counts(self.path, self.slot)

    @property
    def address(self) -> int:
        """Address of the counts in this process, one 64-bit integer for each status."""
        return int(self.counts.ctypes.data)

    def read(self) -> dict[SolveStatus, int]:
        """The counts so far."""
        return {status: int(self.counts[status]) for status in SolveStatus}

    def handed_over(self) -> int:
        """How many solves the lanes handed over to CVODES so far."""
        return int(self.counts[HANDED_OVER])

    def reset(self) -> None:
        """Set all counts to zero.

        Also that of the solves going on: a process that was killed in a solve stays counted.
        """
        self.counts[:] = 0

    def __reduce__(self) -> tuple[type[SolveCounter], tuple[str, int]]:
        return SolveCounter, (self.path, self.slot)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SolveCounter) and (other.path, other.slot) == (
            self.path,
            self.slot,
        )

    def __hash__(self) -> int:
        return hash((self.path, self.slot))

    def __repr__(self) -> str:
        return f"SolveCounter({sum(self.read().values())} solves)"
