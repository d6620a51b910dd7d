"""Which planned study would tell two models apart."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import bnode_nlme as bn
from bnode_nlme.discovery.design_separation import design_separation, divergence
from tests.discovery.small_models import declared, design, hybrid, linear
from tests.results.made_fits import CHAINS, DRAWS, around, made_fit


def test_the_divergence_is_that_of_normal_distributions() -> None:
    rng = np.random.default_rng(1)
    first = rng.normal(size=(40_000, 2)) @ [[1.0, 0.5], [0.0, 1.0]]
    second = 1.0 + 2.0 * rng.normal(size=(40_000, 2))
    covariance = np.array([[1.0, 0.5], [0.5, 1.25]])
    exact = 0.5 * (np.trace(covariance) / 4 + 2.0 / 4 - 2 + np.log(16.0 / 1.0))
    assert divergence(first, second) == pytest.approx(exact, abs=0.02)


def test_equal_models_are_not_told_apart() -> None:
    rng = np.random.default_rng(2)
    found = [
        divergence(rng.normal(size=(400, 5)), rng.normal(size=(400, 5))) for _ in range(200)
    ]  # Without the correction the mean is 0.05.
    assert np.mean(found) < 0.015


@pytest.fixture(scope="module")
def fits() -> tuple[bn.Fit, bn.Fit]:
    """Linear elimination, and elimination that is slower where concentrations are high."""
    rng = np.random.default_rng(3)
    w = np.zeros(hybrid.networks[0].size)
    # exp(-0.8 tanh(cp / 5)): half at 10 mg/L, unchanged at low concentrations.
    w[0], w[4] = 1.0, -0.8
    made = []
    for system in (linear, hybrid):
        values: dict[str, Any] = {
            "ke_pop": ((), around(0.3, 0.02, rng)),
            "omega": (("effect",), around([0.2], 0.05, rng)),
            "cp_sigma": ((), around(0.1, 0.05, rng)),
        }
        if system is hybrid:
            values["elimination"] = (("elimination_weight",), np.ones((CHAINS, DRAWS, 1)) * w)
        made.append(made_fit(declared(system), design(4), values))
    return made[0], made[1]


def planned(dose: float) -> bn.Study:
    return bn.Study.from_regimen(bn.Regimen(dose, "central"), times=[2.0, 6.0, 12.0], n_subjects=3)


def test_the_design_that_shows_the_difference_comes_first(fits: tuple[bn.Fit, bn.Fit]) -> None:
    designs = {"low dose": planned(1.0), "high dose": planned(200.0)}
    found = design_separation(*fits, designs, worthwhile=4.0)
    assert found.index.tolist() == ["high dose", "low dose"]
    assert found["if_network"]["high dose"] > 10 * found["if_network"]["low dose"]
    assert found["subjects"]["high dose"] <= 10 < found["subjects"]["low dose"]


def test_what_is_no_design(fits: tuple[bn.Fit, bn.Fit]) -> None:
    with pytest.raises(ValueError, match="designs= wants planned studies by name"):
        design_separation(*fits, {}, worthwhile=4.0)
    wrong: Any = {"daily": bn.Regimen(1.0)}
    with pytest.raises(TypeError, match=r"design 'daily' wants a bn\.Study"):
        design_separation(*fits, wrong, worthwhile=4.0)
