"""How many solves ended how: counted by every thread and process that works on one model."""

from __future__ import annotations

import atexit
import contextlib
import os
import tempfile
import threading
import uuid
from pathlib import Path
from typing import Any, Literal

import numpy as np

from bnode_nlme.engine.status import SolveStatus

# Compiled code holds the bare address of the counts, and may outlive every `SolveCounter`: what
# is mapped once stays mapped as long as the process.
_MAPPED: dict[str, np.memmap[Any, Any]] = {}
_LOCK = threading.Lock()


def _remove(path: str, owner: int) -> None:
    # A forked child inherits the clean-up, but the file is its parent's.
    if os.getpid() == owner:
        with contextlib.suppress(OSError):
            Path(path).unlink()


def _mapped(path: str) -> np.memmap[Any, Any]:
    with _LOCK:
        if path not in _MAPPED:
            mode: Literal["r+", "w+"] = "r+" if Path(path).exists() else "w+"
            _MAPPED[path] = np.memmap(path, dtype=np.int64, mode=mode, shape=(len(SolveStatus),))
            if mode == "w+":
                atexit.register(_remove, path, os.getpid())
        return _MAPPED[path]


class SolveCounter:
    """Counts of solve outcomes in a small shared file.

    Samplers run chains in threads (nutpie) or processes (PyMC), forked or spawned; a file mapped
    into memory by each of them is the one place that all can add to, without locks. Pickling
    carries the file's name. Where the file no longer exists, counting starts anew. The process
    that made the file removes it when it ends.
    """

    def __init__(self, path: str | None = None) -> None:
        self.path = path or str(
            Path(tempfile.gettempdir()) / f"bnode_nlme-counts-{uuid.uuid4().hex}"
        )
        self._counts = _mapped(self.path)

    @property
    def address(self) -> int:
        """Address of the counts in this process, one 64-bit integer for each status."""
        return int(self._counts.ctypes.data)

    def read(self) -> dict[SolveStatus, int]:
        """The counts so far."""
        return {status: int(self._counts[status]) for status in SolveStatus}

    def reset(self) -> None:
        """Set all counts to zero."""
        self._counts[:] = 0

    def __reduce__(self) -> tuple[type[SolveCounter], tuple[str]]:
        return SolveCounter, (self.path,)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SolveCounter) and other.path == self.path

    def __hash__(self) -> int:
        return hash(self.path)

    def __repr__(self) -> str:
        return f"SolveCounter({sum(self.read().values())} solves)"
