"""First gradient of a model that this machine has never seen, and the same in a second process.

The solver itself is compiled by then, as is whatever PyTensor operations these models have in
common with others. Imports are not counted; building the model is.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.cold_start import PROBLEMS

ROUNDS = 3
NEW, AGAIN = 3.0, 1.5
"""Most seconds: for a new model, and for one that another process has compiled."""


def run(problem: str, token: float) -> dict[str, float]:
    root = str(Path(__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "benchmarks.cold_start", problem, repr(token)],
        cwd=root, env=os.environ | {"PYTHONPATH": root},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return dict(json.loads(done.stdout))


def token() -> float:
    """A factor close to one that was not there before."""
    return 1.0 + 1e-3 * random.SystemRandom().random()


@pytest.mark.parametrize("problem", list(PROBLEMS))
def test_first_gradient(problem: str, benchmark: Any, capsys: pytest.CaptureFixture[str]) -> None:
    run(problem, token())  # where it is the first on this machine, the solver is compiled here
    new: list[dict[str, float]] = []
    again: list[dict[str, float]] = []

    def first_and_second() -> None:
        factor = token()
        new.append(run(problem, factor))
        again.append(run(problem, factor))

    benchmark.pedantic(first_and_second, rounds=ROUNDS, iterations=1)
    with capsys.disabled():
        print()
        for name, runs in (("new model", new), ("second process", again)):
            medians = {key: statistics.median(r.get(key, 0.0) for r in runs) for key in new[0]}
            benchmark.extra_info[name] = medians
            print(f"{problem}, {name}:", {key: round(value, 2) for key, value in medians.items()})
    assert statistics.median(r["seconds"] for r in new) <= NEW
    assert statistics.median(r["seconds"] for r in again) <= AGAIN
