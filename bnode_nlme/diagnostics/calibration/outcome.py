"""What came of each replicate, in memory and on disk."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Outcome:
    """What came of one replicate.

    Attributes
    ----------
    replicate : int
    seed : int
        Of its parameters, measurements and sampler.
    failure : str
        Why there is no posterior; empty where there is one.
    refused : int
        Draws of the prior before it that could not be solved.
    truth : tuple of float
        True value of each quantity.
    ranks : tuple of int
        Number of draws below it.
    effective : tuple of float
        Effective sample size of each quantity.
    draws : int
        Length of the chain, after warm-up.
    divergences : int
    """

    replicate: int
    seed: int
    failure: str = ""
    refused: int = 0
    truth: tuple[float, ...] = ()
    ranks: tuple[int, ...] = ()
    effective: tuple[float, ...] = ()
    draws: int = 0
    divergences: int = 0


class OutcomeFile:
    """Outcomes as lines of JSON, written as they come; the first line says what was asked for.

    Parameters
    ----------
    path
        The file; begun if it is not there.
    asked
        What the run is: compared with that of an existing file.

    Attributes
    ----------
    outcomes : dict of int to Outcome
        Those that the file held, by replicate.

    Raises
    ------
    ValueError
        When the file is of another run.
    """

    def __init__(self, path: Path, asked: Mapping[str, Any]) -> None:
        self._path = path
        wanted = json.loads(json.dumps(asked))
        self.outcomes: dict[int, Outcome] = {}
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(wanted) + "\n")
            return
        # What follows the last line break was being written when the run was killed.
        whole, _, torn = path.read_text().rpartition("\n")
        first, *lines = whole.split("\n")
        found = json.loads(first) if first else {}
        differing = [
            f"{name}={found.get(name)!r}, now {wanted[name]!r}"
            for name in wanted
            if found.get(name) != wanted[name]
        ]
        if differing:
            raise ValueError(
                f"sbc: the replicates at {path} were begun otherwise: {'; '.join(differing)}. Ask "
                "for the same to go on with them, or give another path."
            )
        if torn:
            path.write_text(whole + "\n")
        for line in lines:
            values: dict[str, Any] = json.loads(line)
            values |= {name: tuple(values[name]) for name in ("truth", "ranks", "effective")}
            outcome = Outcome(**values)
            self.outcomes[outcome.replicate] = outcome

    def add(self, outcome: Outcome) -> None:
        """Write one more."""
        with self._path.open("a") as file:
            file.write(json.dumps(asdict(outcome)) + "\n")
