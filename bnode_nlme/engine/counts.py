"""How many solves ended how: counted by every thread and process that works on one model."""

from __future__ import annotations

import os
import tempfile
import uuid
import weakref
from pathlib import Path

import numpy as np

from bnode_nlme.engine.status import SolveStatus


def _remove(path: str, owner: int) -> None:
    # A forked child inherits the finalizer, but the file is its parent's.
    if os.getpid() == owner:
        Path(path).unlink(missing_ok=True)


class SolveCounter:
    """Counts of solve outcomes in a small shared file.

    Samplers run chains in threads (nutpie) or processes (PyMC), forked or spawned; a file mapped
    into memory by each of them is the one place that all can add to, without locks. Pickling
    carries the file's name. Where the file no longer exists, counting starts anew.
    """

    def __init__(self, path: str | None = None) -> None:
        self.path = path or str(
            Path(tempfile.gettempdir()) / f"bnode_nlme-counts-{uuid.uuid4().hex}"
        )
        mode = "r+" if Path(self.path).exists() else "w+"
        self._counts = np.memmap(self.path, dtype=np.int64, mode=mode, shape=(len(SolveStatus),))
        if mode == "w+":
            weakref.finalize(self, _remove, self.path, os.getpid())

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
