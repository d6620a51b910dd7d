"""A sampling run on disk: draws as they come, so that a run that was killed can go on."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

RUN = "bnode_nlme_run"
_CHAINS, _START, _DIGITS = "chains", "start", 9


@dataclass(frozen=True, eq=False)
class ChainDraws:
    """Draws of one chain after warm-up.

    Attributes
    ----------
    positions : ndarray (draws, size)
    statistics : mapping of str to ndarray (draws,)
    """

    positions: NDArray[np.float64]
    statistics: Mapping[str, NDArray[Any]]

    def __len__(self) -> int:
        return len(self.positions)

    def part(self, begin: int, end: int | None = None) -> ChainDraws:
        """Take a stretch of the draws."""
        return ChainDraws(
            self.positions[begin:end],
            {name: values[begin:end] for name, values in self.statistics.items()},
        )


def joined(parts: list[ChainDraws]) -> ChainDraws:
    """Put stretches of a chain one after the other."""
    return ChainDraws(
        np.concatenate([part.positions for part in parts]),
        {
            name: np.concatenate([part.statistics[name] for part in parts])
            for name in parts[0].statistics
        },
    )


@dataclass(frozen=True, eq=False)
class RunFolder:
    """A zarr group: what was asked for, where chains started, and the draws of each chain.

    Draws stand in parts, a group each, that is written under a hidden name and then renamed: a part
    is there whole or not at all, whenever the process is killed.

    Attributes
    ----------
    path : Path
    """

    path: Path

    @classmethod
    def create(
        cls, path: Path, settings: Mapping[str, Any], starts: NDArray[np.float64]
    ) -> RunFolder:
        """Begin a run.

        Raises
        ------
        FileExistsError
            When there is something at `path`.
        """
        if path.exists():
            raise FileExistsError(
                f"There is something at {path} already. To go on with that run, write "
                "fit(..., path=..., resume=True); for a new run, give another path or remove it."
            )
        hidden = path.with_name(f".{path.name}.new")
        shutil.rmtree(hidden, ignore_errors=True)
        root = zarr.open_group(hidden, mode="w")
        root.create_array(_START, data=np.asarray(starts))
        root.create_group(_CHAINS)
        root.attrs[RUN] = dict(settings)
        hidden.rename(path)
        return cls(path)

    @classmethod
    def is_unfinished(cls, path: Path) -> bool:
        """Whether a run was begun at `path` and is not finished."""
        if not (path / "zarr.json").exists():
            return False
        return RUN in zarr.open_group(path, mode="r").attrs

    @property
    def settings(self) -> dict[str, Any]:
        """What was asked for when the run began."""
        found: Any = self._root.attrs[RUN]
        return dict(found)

    @property
    def starts(self) -> NDArray[np.float64]:
        """Starting values, (chains, size)."""
        return _array(self._root, _START)

    @property
    def _root(self) -> zarr.Group:
        return zarr.open_group(self.path, mode="r")

    def append(
        self, chain: int, draws: ChainDraws, *, first: int, segment: int, discarded: int
    ) -> None:
        """Keep further draws of a chain.

        Parameters
        ----------
        chain
            Its number.
        draws
            The new ones.
        first
            How many draws the chain had before these.
        segment
            How often the chain was taken up again before these draws.
        discarded
            Draws of the warm-up, or new adaptation, before the segment's first draw.
        """
        folder = self.path / _CHAINS / str(chain)
        if not folder.exists():
            zarr.open_group(folder, mode="w")
        name = f"{first:0{_DIGITS}d}"
        hidden = folder / f".{name}"
        shutil.rmtree(hidden, ignore_errors=True)
        group = zarr.open_group(hidden, mode="w")
        group.create_array("positions", data=draws.positions)
        columns = [np.asarray(values, dtype=np.float64) for values in draws.statistics.values()]
        group.create_array("statistics", data=np.stack(columns, axis=1))
        group.attrs.update(
            {
                "segment": segment,
                "discarded": discarded,
                "columns": {n: np.asarray(v).dtype.str for n, v in draws.statistics.items()},
            }
        )
        hidden.rename(folder / name)

    def read(self, chain: int) -> tuple[ChainDraws | None, list[dict[str, int]]]:
        """Read what is kept of a chain.

        Returns
        -------
        ChainDraws or None
            None where nothing is kept.
        list of dict
            For each segment, its number, first draw, draws, and draws discarded before it.

        Raises
        ------
        OSError
            When a part is missing between others.
        """
        folder = self.path / _CHAINS / str(chain)
        names = sorted(p.name for p in folder.glob("[0-9]*")) if folder.exists() else []
        parts: list[ChainDraws] = []
        segments: list[dict[str, int]] = []
        count = 0
        for name in names:
            if int(name) != count:
                raise OSError(
                    f"The run at {self.path} lacks draws {count} to {int(name)} of chain {chain}: "
                    "a part of it was removed. Begin the run anew."
                )
            group = zarr.open_group(folder / name, mode="r")
            attributes: Any = group.attrs
            positions, statistics = (_array(group, label) for label in ("positions", "statistics"))
            part = ChainDraws(
                positions,
                {
                    label: statistics[:, place].astype(kind)
                    for place, (label, kind) in enumerate(attributes["columns"].items())
                },
            )
            if not segments or segments[-1]["segment"] != attributes["segment"]:
                segments.append(
                    {
                        "segment": int(attributes["segment"]),
                        "first": count,
                        "draws": 0,
                        "discarded": int(attributes["discarded"]),
                    }
                )
            segments[-1]["draws"] += len(part)
            parts.append(part)
            count += len(part)
        return (joined(parts) if parts else None), segments

    def place_for_finished(self) -> Path:
        """Where to write a finished fit beside the run, for `replace_by`.

        One that is there was left by a process that was killed before it had replaced the run; the
        run has all its draws, so that the fit can be written again.
        """
        place = self.path.with_name(f".{self.path.stem}.finished{self.path.suffix}")
        if place.exists():
            shutil.rmtree(place)
        return place

    def replace_by(self, finished: Path) -> None:
        """Put a finished fit, written beside the run, in its place."""
        old = self.path.with_name(f".{self.path.name}.draws")
        os.rename(self.path, old)  # noqa: PTH104  Path.rename is the same, this reads as a pair
        os.rename(finished, self.path)  # noqa: PTH104
        shutil.rmtree(old)


def recover(path: Path) -> None:
    """Undo a replacement that was cut short between its two renames."""
    old = path.with_name(f".{path.name}.draws")
    if old.exists() and not path.exists():
        old.rename(path)
    elif old.exists():
        shutil.rmtree(old)


def _array(group: zarr.Group, name: str) -> NDArray[np.float64]:
    array: Any = group[name]
    return np.asarray(array[:], dtype=np.float64)
