"""How often a verdict says that a network helps: where it does not, and where it does."""

from __future__ import annotations

from collections import Counter

import pytest

import bnode_nlme as bn
from tests.discovery.small_models import hybrid, linear, measured, refits

SUBJECTS = 12
_NULL, _SATURABLE = 100, 25


def answers(sets: range, *, saturable: bool, subjects: int = SUBJECTS) -> Counter[str]:
    """Of verdicts on data sets of linear elimination, or of Vmax 2 and Km 3 after 10 a litre."""
    models = [refits(system, subjects) for system in (linear, hybrid)]
    given: Counter[str] = Counter()
    for seed in sets:
        values = measured(seed, saturable=saturable, subjects=subjects)
        found = bn.verdict(*(model.fit(values, seed) for model in models), refits=0)
        given[found.answer] += 1
    return given


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
