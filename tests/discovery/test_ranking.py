"""Candidates in order, and what may be said of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from scipy.optimize import minimize

from bnode_nlme.discovery.candidate import Candidate, Constant
from bnode_nlme.discovery.claims import claims_text
from bnode_nlme.discovery.forms import Form
from bnode_nlme.discovery.paired_difference import paired_difference
from bnode_nlme.discovery.ranking import ranked, stacking_weights


def candidate(
    name: str,
    kind: str,
    values,
    constants: int = 0,
    *,
    doubtful=(),
    above=0.5,
    approximate=False,
    **given,
) -> Candidate:
    values = np.asarray(values, dtype=float)
    marked = np.isin(np.arange(values.size), doubtful)
    return Candidate(
        name,
        kind,  # type: ignore[arg-type]
        Form(name, " + ".join(f"c{place}*x" for place in range(constants)) or "x")
        if kind == "form"
        else None,
        {f"c{place}": Constant(2.0, 1.8, 2.2) for place in range(constants)},
        complexity=13,
        left_out=xr.Dataset(
            {
                "elpd": ("subject", values),
                "doubtful": ("subject", marked),
                "fitted": ("subject", values + above),
                "approximate": approximate,
            }
        ),
        **given,
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


def test_of_two_with_as_many_constants_the_one_of_fewer_operations_is_first() -> None:
    """Neither is refuted: chance alone says which of them foretells better by little."""
    base = np.random.default_rng(2).normal(-5.0, 1.0, 20)
    found = ranked(
        [
            replace(candidate("saturating exponential", "form", base + 0.1, 2), complexity=8),
            replace(candidate("Michaelis-Menten", "form", base, 2), complexity=4),
        ]
    )
    assert [own.name for own in found] == ["Michaelis-Menten", "saturating exponential"]
    assert not any(own.refuted for own in found)


def test_the_rule_is_that_of_verdict_at_eight_subjects() -> None:
    rng = np.random.default_rng(2)
    base = rng.normal(-5.0, 1.0, 8)
    spread = rng.standard_normal(8)
    spread = (spread - spread.mean()) / spread.std(ddof=1)
    # 7 behind with a standard error of 4: less than two of them, more than t(7, 0.9) = 1.41.
    behind = base - 7.0 / 8.0 + 4.0 / np.sqrt(8.0) * spread
    network, form = ranked([candidate("network", "network", base), candidate("f", "form", behind)])
    assert form.behind == pytest.approx(-7.0)
    assert form.behind_se == pytest.approx(4.0)
    assert form.refuted
    assert paired_difference(base, behind).outcome == "better"
    assert not network.refuted


def test_a_refutation_that_hangs_on_doubtful_subjects_is_told() -> None:
    base = np.full(8, -5.0)
    behind = base - np.array([20.0, 18.0, 22.0, 0.1, 0.0, 0.1, 0.0, 0.1])
    for doubtful in ((), (0, 1, 2), (0, 1, 2, 3, 4, 5)):
        network = candidate("network", "network", base)
        form = candidate("linear", "form", behind, doubtful=doubtful, above=30.0)
        found = ranked([network, form])
        assert [own.refuted for own in found] == [False, not doubtful]
        assert found[1].hangs_on_doubtful is bool(doubtful)
        assert not found[1].is_kept
        text = claims_text("elimination", found, 8)
        told = "so that nothing is claimed of them: linear." in text
        assert told is bool(doubtful)
        assert ("Linear is refuted" in text) is not bool(doubtful)
        assert ("not among them" in text) is not bool(doubtful)


def test_a_refutation_that_holds_with_the_most_a_doubtful_subject_can_have_hangs_on_nothing() -> (
    None
):
    base = np.full(8, -5.0)
    behind = base - np.array([20.0, 18.0, 22.0, 0.1, 0.0, 0.1, 0.0, 0.1])
    network = candidate("network", "network", base)
    form = candidate("linear", "form", behind, doubtful=(0, 1, 2), above=2.0)
    refuted = ranked([network, form])[1]
    assert refuted.refuted
    assert not refuted.hangs_on_doubtful
    # The control: doubtful subjects of the best have no such bound.
    network = candidate("network", "network", base, doubtful=(0, 1, 2))
    assert ranked([network, candidate("linear", "form", behind)])[1].hangs_on_doubtful


def test_of_chains_that_disagree_nothing_is_claimed_either_way() -> None:
    rng = np.random.default_rng(2)
    base = rng.normal(-5.0, 1.0, 20)
    noise = 0.1 * rng.standard_normal((2, 20))
    found = ranked(
        [
            candidate("network", "network", base),
            candidate("worse", "form", base - 2.0 + noise[0], 1, unsettled="chains disagree"),
            candidate("better", "form", base + 2.0 + noise[1], 1, unsettled="chains disagree"),
        ]
    )
    assert [own.name for own in found] == ["network", "better", "worse"]
    assert not any(own.refuted for own in found)
    assert [round(own.difference, -1) for own in found] == [0.0, 40.0, -40.0]
    text = claims_text("elimination", found, 20)
    for name in ("worse", "better"):
        assert f"Nothing is claimed of {name}: chains disagree." in text
        assert f"{name.capitalize()} with" not in text
    assert "is refuted" not in text
    assert [np.isnan(own.weight) for own in found] == [False, True, True]


def test_of_a_network_whose_chains_disagree_nothing_is_said_to_be_indistinguishable() -> None:
    rng = np.random.default_rng(2)
    base = rng.normal(-5.0, 1.0, 20)
    forms = [candidate("near", "form", base + 0.1 * rng.standard_normal(20), 1)]
    for unsettled in ("", "chains disagree on the function"):
        network = candidate("network", "network", base, unsettled=unsettled)
        found = ranked([network, *forms])
        text = claims_text("elimination", found, 20)
        assert ("is indistinguishable" in text) is (not unsettled)
        told = "against the network, whose draws are unsettled, nothing is claimed" in text
        assert told is bool(unsettled)
        assert found[0].name == "near"


def test_what_was_not_compared_is_not_refuted() -> None:
    base = np.full(10, -5.0) + 0.01 * np.arange(10)
    wrong = candidate("linear", "form", base - 3.0 + 0.1 * np.cos(np.arange(10)), 1)
    network = candidate("network", "network", base)
    unknown = Candidate("power", "form", Form("power", "a*x**b"))
    some = claims_text("elimination", ranked([network, wrong, unknown]), 10)
    assert "Every form that could be judged is refuted. Not judged, so not refuted: power." in some
    assert "not among them" not in some
    every = claims_text("elimination", ranked([network, wrong]), 10)
    assert "the mechanism behind 'elimination' is not among them" in every
    nothing = candidate("linear", "form", np.append(base[1:], np.nan), 1)
    found = ranked([network, nothing])
    assert np.isnan(found[1].difference)
    assert "No candidate form could be judged" in claims_text("elimination", found, 10)


def test_indistinguishable_only_where_the_data_say_so() -> None:
    rng = np.random.default_rng(2)
    base = rng.normal(-5.0, 1.0, 20)
    wave = np.cos(np.arange(20))
    near = candidate("near", "form", base + 0.1 * wave, 1)
    vague = candidate("vague", "form", base - 0.3 + 3.0 * wave, 2, approximate=True, dropped=("f",))
    lines = claims_text(
        "elimination", ranked([candidate("network", "network", base), near, vague]), 20
    ).splitlines()
    assert "is indistinguishable from the network" in next(x for x in lines if x.startswith("Near"))
    of_vague = next(x for x in lines if x.startswith("Vague with"))
    assert "and the network are not distinguished by these data" in of_vague
    assert any(x.startswith("Draws are of an approximation") and "vague" in x for x in lines)
    assert "Vague has no f: only the arguments of 'elimination' used it." in lines


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
