"""How often a verdict says that a network helps: where it does not, and where it does.

With BNODE_EVIDENCE, the name of a folder, each answer is kept there as it comes, and a run that was
cut off goes on; remove the folder when the code has changed.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import bnode_nlme as bn
from tests.discovery.small_models import hybrid, linear, measured, refits

# Chains are short; where those of a refit disagree, verdict calls the subject doubtful.
pytestmark = pytest.mark.filterwarnings("ignore::bnode_nlme.inference.ConvergenceWarning")

SUBJECTS = 12
_NULL, _SATURABLE = 100, 25
_REFIT: dict[str, Any] = {
    "tune": 400, "draws": 300, "chains": 2, "compiled_anew": False,
}  # fmt: skip
"""As the fits themselves are sampled."""


def answers(sets: range, *, saturable: bool, subjects: int = SUBJECTS) -> Counter[str]:
    """Of verdicts on data sets of linear elimination, or of Vmax 2 and Km 3 after 10 a litre."""
    kept = _Kept(f"verdict-{'saturable' if saturable else 'linear'}-{subjects}")
    models = [refits(system, subjects) for system in (linear, hybrid)]
    for seed in sets:
        if seed in kept.answers:
            continue
        values = measured(seed, saturable=saturable, subjects=subjects)
        fits = [model.fit(values, seed) for model in models]
        kept.add(seed, bn.verdict(*fits, refit_options=_REFIT).answer)
    return Counter(kept.answers[seed] for seed in sets)


class _Kept:
    """Answers by seed, in a file where a folder is named for it."""

    def __init__(self, name: str) -> None:
        folder = os.environ.get("BNODE_EVIDENCE")
        self.path = None if folder is None else Path(folder) / f"{name}.jsonl"
        self.answers: dict[int, str] = {}
        if self.path is not None and self.path.exists():
            lines = self.path.read_text().splitlines()
            self.answers = {int(seed): answer for seed, answer in map(json.loads, lines)}

    def add(self, seed: int, answer: str) -> None:
        self.answers[seed] = answer
        if self.path is not None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a") as file:
                file.write(json.dumps([seed, answer]) + "\n")


@pytest.mark.slow
def test_false_helps_where_the_mechanism_is_true(record_property):
    given = answers(range(_NULL), saturable=False)
    record_property("answers", dict(given))
    assert given["helps"] <= 0.05 * _NULL


@pytest.mark.slow
def test_power_where_elimination_saturates(record_property):
    given = answers(range(1000, 1000 + _SATURABLE), saturable=True)
    record_property("answers", dict(given))
    assert given["helps"] >= 0.8 * _SATURABLE
