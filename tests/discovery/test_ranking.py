"""Candidates in order, and what may be said of them."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr
from scipy.optimize import minimize

from bnode_nlme.discovery.candidate import Candidate, Constant
from bnode_nlme.discovery.claims import claims_text
from bnode_nlme.discovery.forms import Form
from bnode_nlme.discovery.ranking import paired, ranked, stacking_weights


def candidate(name: str, kind: str, values, constants: int = 0) -> Candidate:
    values = np.asarray(values, dtype=float)
    elpd = SimpleNamespace(elpd_i=xr.DataArray(values, dims="subject"), elpd=values.sum())
    return Candidate(
        name,
        kind,  # type: ignore[arg-type]
        Form(name, "k*x") if kind == "form" else None,
        {f"c{place}": Constant(2.0, 1.8, 2.2) for place in range(constants)},
        complexity=13,
        elpd=elpd,
    )


def several() -> tuple[Candidate, ...]:
    rng = np.random.default_rng(2)
    base = rng.normal(-5.0, 1.0, 20)
    return ranked(
        [
            candidate("linear", "form", base - 1.5 + 0.1 * rng.standard_normal(20), 1),
            candidate("Hill", "form", base + 0.05 + 0.1 * rng.standard_normal(20), 3),
            candidate("network", "network", base),
            candidate("without the term", "without", base - 9.0),
            Candidate("power", "form", Form("power", "a*x**b"), note="not refitted"),
            candidate("Michaelis-Menten", "form", base + 0.1 * rng.standard_normal(20), 2),
        ]
    )


def test_the_simplest_that_is_not_refuted_is_first() -> None:
    found = several()
    assert [own.name for own in found] == [
        "Michaelis-Menten", "Hill", "network", "linear", "without the term", "power",
    ]  # fmt: skip
    assert [own.refuted for own in found] == [False, False, False, True, True, False]
    network, linear = found[2], found[3]
    assert network.difference == 0.0
    assert linear.difference == pytest.approx(-30.0, abs=2.0)
    assert sum(own.weight for own in found[:-1]) == pytest.approx(1.0)
    assert linear.weight < 1e-3


def test_a_difference_that_is_small_or_uncertain_refutes_nobody() -> None:
    rng = np.random.default_rng(2)
    base = rng.normal(-5.0, 1.0, 20)
    noisy = base - 0.4 + 3.0 * rng.standard_normal(20)
    found = ranked(
        [
            candidate("network", "network", base),
            candidate("a hair behind", "form", base - 0.1, 1),
            candidate("far behind for some", "form", noisy, 2),
        ]
    )
    assert not any(own.refuted for own in found)


def test_differences_are_paired() -> None:
    total, error = paired(np.array([1.0, 5.0, 9.0]), np.array([0.0, 4.0, 9.0]))
    assert total == 2.0
    assert error == pytest.approx(np.sqrt(3.0 * np.var([1.0, 1.0, 0.0], ddof=1)))


def test_stacking_weights_are_the_best_mixture() -> None:
    rng = np.random.default_rng(1)
    pointwise = rng.normal(size=(3, 40))
    weights = stacking_weights(pointwise)

    def loss(free):
        w = np.exp(np.append(free, 0.0))
        return -np.log((w / w.sum()) @ np.exp(pointwise)).sum()

    best = minimize(loss, np.zeros(2), tol=1e-10)
    wanted = np.exp(np.append(best.x, 0.0))
    np.testing.assert_allclose(weights, wanted / wanted.sum(), atol=2e-3)


def test_claims_say_what_holds_and_what_does_not() -> None:
    text = claims_text("elimination", several(), 20)
    first, second, *rest = text.splitlines()
    assert first.startswith(
        "Michaelis-Menten with c0 2 (1.8 to 2.2), c1 2 (1.8 to 2.2) is indistinguishable from the "
        "network (ELPD difference "
    )
    assert second.startswith("Hill with")
    assert any(
        line.startswith("Linear is refuted (ELPD difference from the best −3") for line in rest
    )
    assert any(line.startswith("The model without the term is refuted") for line in rest)
    assert any("do not tell Michaelis-Menten and Hill apart" in line for line in rest)
    nothing = claims_text("elimination", [Candidate("power", "form", Form("power", "a*x"))], 8)
    assert "Nothing may be claimed" in nothing
    assert "power" in nothing
