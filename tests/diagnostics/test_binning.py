"""Groups of times."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from bnode_nlme.diagnostics import bin_edges, bin_of, nominal_edges


def _spread(times: np.ndarray, groups: np.ndarray) -> float:
    return float(
        sum(((t := times[groups == g]) - t.mean()) @ (t - t.mean()) for g in np.unique(groups))
    )


@pytest.mark.parametrize("bins", [1, 2, 3, 4])
def test_natural_breaks_are_the_best_of_all(bins: int) -> None:
    times = np.round(np.random.default_rng(bins).gamma(1.0, 8.0, size=14), 0)
    distinct = np.unique(times)
    best = min(
        _spread(times, np.searchsorted(np.array(starts), times, side="right"))
        for starts in itertools.combinations(distinct[1:], bins - 1)
    )
    found = bin_of(times, bin_edges(times, "natural", bins))
    assert np.unique(found).size == bins
    assert np.isclose(_spread(times, found), best)


def test_natural_breaks_of_thousands_of_times_find_the_gaps() -> None:
    rng = np.random.default_rng(0)
    centres = np.array([0.0, 10.0, 30.0, 70.0])
    times = (centres + rng.uniform(-1, 1, size=(800, 4))).ravel()
    np.testing.assert_allclose(bin_edges(times, "natural", 4)[1:-1], [5.0, 20.0, 50.0], atol=0.3)


def test_quantile_bins_are_nearly_equal_and_part_no_equal_times() -> None:
    rng = np.random.default_rng(1)
    times = rng.uniform(0, 24, 400)
    counts = np.bincount(bin_of(times, bin_edges(times, "quantile", 8)))
    assert counts.tolist() == [50] * 8
    tied = np.repeat([0.0, 1.0, 2.0, 3.0, 4.0], [50, 3, 3, 3, 41])
    groups = bin_of(tied, bin_edges(tied, "quantile", 3))
    assert np.unique(groups).size <= 3
    assert all(np.unique(groups[tied == t]).size == 1 for t in np.unique(tied))


def test_nominal_bins_take_measured_times_to_the_nearest() -> None:
    edges = nominal_edges([1.0, 0.0, 4.0])
    np.testing.assert_array_equal(edges, [-np.inf, 0.5, 2.5, np.inf])
    np.testing.assert_array_equal(
        bin_of([-0.1, 0.4, 0.9, 2.4, 2.6, 9.0], edges), [0, 0, 1, 1, 2, 2]
    )


def test_the_choice_by_itself_follows_its_rule() -> None:
    nominal = np.tile([0.0, 1.0, 6.0], 5)
    np.testing.assert_array_equal(bin_edges(nominal), bin_edges(nominal, "nominal"))
    rare = np.append(nominal, 24.0)  # a time measured once is no group
    np.testing.assert_array_equal(bin_edges(rare), bin_edges(rare, "quantile"))
    np.testing.assert_array_equal(bin_edges(nominal, bins=2), bin_edges(nominal, "quantile", 2))
    assert bin_edges(np.random.default_rng(0).uniform(size=1000)).size == 13


def test_one_time_is_one_bin() -> None:
    for binning in ("nominal", "quantile", "natural"):
        edges = bin_edges([2.0, 2.0], binning)
        np.testing.assert_array_equal(edges, [2.0, 2.0])
        np.testing.assert_array_equal(bin_of([2.0, 2.0], edges), [0, 0])


def test_what_is_given_wrongly_is_named() -> None:
    with pytest.raises(ValueError, match="found 2 with 1 not finite"):
        bin_edges([0.0, np.nan])
    with pytest.raises(ValueError, match="Unknown binning 'jenks'; the choices are auto, nominal"):
        bin_edges([0.0], "jenks")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="found bins=3"):
        bin_edges([0.0], "nominal", 3)
    with pytest.raises(ValueError, match="at least one bin; found bins=0"):
        bin_edges([0.0], "natural", 0)
    with pytest.raises(ValueError, match=r"increasing edges; found \[0.0, 2.0, 1.0, 3.0\]"):
        bin_of([0.5], [0.0, 2.0, 1.0, 3.0])
