"""Progress on the terminal."""

from __future__ import annotations

from types import TracebackType

from rich.progress import (
    BarColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)


class ProgressLines:
    """A line for each chain, path or optimisation; nothing where it is switched off.

    Parameters
    ----------
    shown
        Whether to show anything.
    """

    def __init__(self, shown: bool) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[note]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            disable=not shown,
        )

    def __enter__(self) -> ProgressLines:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def line(self, description: str, total: int | None = None) -> int:
        """Add a line; returns its number."""
        return self._progress.add_task(description, total=total, note="")

    def update(self, line: int, done: int, note: str = "") -> None:
        """Say how far it is."""
        self._progress.update(TaskID(line), completed=done, note=note)
