"""Ranks of calibrated and of biased posteriors."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from bnode_nlme.diagnostics import rank_uniformity, ranks_of

DRAWS = 99


def _ranks(replicates: int, *, bias: float = 0.0, scale: float = 1.0, seed: int = 0) -> np.ndarray:
    """Normal mean with a normal prior: the posterior is known, and can be spoiled."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=replicates)
    measured = truth + 0.5 * rng.normal(size=replicates)
    variance = 1.0 / (1.0 + 4.0)
    draws = (
        4.0 * variance * measured
        + bias
        + scale * variance**0.5 * rng.normal(size=(DRAWS, replicates))
    )
    return ranks_of(truth, draws)


def test_a_right_posterior_passes_and_three_wrong_ones_do_not() -> None:
    right = _ranks(200)
    wrong = [_ranks(200, bias=0.25), _ranks(200, scale=0.6), _ranks(200, scale=1.7)]
    result = rank_uniformity(
        np.column_stack([right, *wrong]), DRAWS, names=["right", "biased", "narrow", "wide"]
    )
    assert (result.p_value.sel(quantity="right") > 0.05).all()
    for name in ("biased", "narrow", "wide"):
        assert float(result.p_value.sel(quantity=name, test="ecdf")) < 1e-3
    assert (result.adjusted < 0.01).all()
    outside = (result.ecdf < result.lower - 1e-12) | (result.ecdf > result.upper + 1e-12)
    found = outside.any("fraction").to_numpy().tolist()
    assert found == [False, True, True, True]


@pytest.mark.parametrize(("replicates", "largest"), [(100, 99), (200, 20), (60, 1000)])
def test_uniform_ranks_are_rejected_as_often_as_the_level_says(
    replicates: int, largest: int
) -> None:
    ranks = np.random.default_rng(1).integers(largest + 1, size=(replicates, 600))
    result = rank_uniformity(ranks, largest, simulations=4000)
    rejected = (result.p_value <= 0.05).mean("quantity")
    assert (rejected >= 0.02).all()
    assert (rejected <= 0.08).all()
    inside = ((result.lower <= result.ecdf) & (result.ecdf <= result.upper)).all("fraction")
    assert 0.92 <= float(inside.mean()) <= 0.98
    # A function leaves the envelope exactly where its p-value is below the level.
    assert float((inside == (result.p_value.sel(test="ecdf") > 0.05)).mean()) > 0.985


def test_p_values_are_those_of_all_possible_samples() -> None:
    # Three ranks of 0 to 3: all 64 samples can be listed.
    samples = list(itertools.product(range(4), repeat=3))

    def surprise(sample: tuple[int, ...]) -> float:
        worst = 1.0
        for cut in range(3):
            reached = sum(rank <= cut for rank in sample)
            chance = stats.binom(3, (cut + 1) / 4)
            worst = min(worst, 2 * chance.cdf(reached), 2 * chance.sf(reached - 1))
        return float(worst)

    def distance(sample: tuple[int, ...]) -> float:
        return max(abs(sum(r <= cut for r in sample) / 3 - (cut + 1) / 4) for cut in range(4))

    for sample in ((0, 0, 0), (0, 1, 3), (2, 2, 3)):
        result = rank_uniformity(np.array(sample), 3, simulations=40_000)
        exact = np.mean([surprise(s) <= surprise(sample) + 1e-12 for s in samples])
        assert np.isclose(float(result.p_value.sel(test="ecdf")[0]), exact, atol=0.01)
        exact = np.mean([distance(s) >= distance(sample) - 1e-12 for s in samples])
        assert np.isclose(float(result.p_value.sel(test="ks")[0]), exact, atol=0.01)


def test_ranks_count_the_draws_below_and_part_ties_at_random() -> None:
    draws = np.array([[0.0, 1.0], [2.0, 1.0], [4.0, 1.0]])
    assert ranks_of([3.0, 0.5], draws).tolist() == [2, 0]
    tied = ranks_of(np.ones(4000), np.ones((3, 4000)))
    assert np.allclose(np.bincount(tied) / 4000, 0.25, atol=0.03)


def test_what_is_given_wrongly_is_named() -> None:
    with pytest.raises(ValueError, match=r"draws of shape \(L, \*\(2,\)\).* found \(2, 3\)"):
        ranks_of(np.zeros(2), np.zeros((2, 3)))
    with pytest.raises(ValueError, match="values that are NaN"):
        ranks_of(np.array([np.nan]), np.zeros((2, 1)))
    with pytest.raises(ValueError, match=r"whole ranks between 0 and 9.* between 0 and 12"):
        rank_uniformity([0, 12], 9)
    with pytest.raises(ValueError, match=r"\(replicates, quantities\); found \(0,\)"):
        rank_uniformity([], 9)
