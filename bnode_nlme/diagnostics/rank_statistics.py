"""Ranks of true values among posterior draws, and whether they are uniform."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from scipy import stats
from scipy.special import bdtr

_REPLICATE = "replicate"


def ranks_of(truth: ArrayLike, draws: ArrayLike, *, seed: int = 0) -> NDArray[np.int64]:
    """Number of posterior draws below the value that the data were simulated with.

    Parameters
    ----------
    truth : array_like (...)
        True values.
    draws : array_like (L, ...)
        Draws of the posterior, thinned until nearly independent: correlated draws make the ranks
        of a right posterior look too wide (Talts 2018).
    seed
        Of the order of ties.

    Returns
    -------
    ndarray (...)
        From 0 to L.

    Raises
    ------
    ValueError
        When shapes disagree or a value is NaN.

    References
    ----------
    Talts, Betancourt, Simpson, Vehtari, Gelman 2018, arXiv:1804.06788.
    """
    true, drawn = np.asarray(truth, dtype=float), np.asarray(draws, dtype=float)
    if drawn.shape[1:] != true.shape or drawn.ndim == 0:
        raise ValueError(
            f"Wanted draws of shape (L, *{true.shape}), one for each true value; found "
            f"{drawn.shape}."
        )
    if np.isnan(true).any() or np.isnan(drawn).any():
        raise ValueError("A rank among values that are NaN has no meaning; leave them out.")
    below, equal = (drawn < true).sum(axis=0), (drawn == true).sum(axis=0)
    return below + np.random.default_rng(seed).integers(equal + 1)


def rank_uniformity(
    ranks: ArrayLike,
    largest: int,
    *,
    names: list[str] | None = None,
    mass: float = 0.95,
    points: int = 100,
    simulations: int = 10_000,
    seed: int = 0,
) -> xr.Dataset:
    """Test that ranks are uniform, for each of several quantities.

    Parameters
    ----------
    ranks : array_like (R,) or (R, P)
        Ranks of P quantities in R replicates.
    largest : int
        L, the number of posterior draws in each replicate: ranks lie between 0 and L.
    names
        Of the quantities.
    mass
        Probability with which a uniform sample's distribution function stays within the envelope
        everywhere.
    points
        At most how many points the function is looked at.
    simulations
        How many uniform samples the p-values of "ecdf" and "ks" and the envelope come from.
    seed
        Of these samples.

    Returns
    -------
    xarray.Dataset
        `p_value` over `quantity` and `test`: "ecdf" (largest pointwise binomial surprise of the
        distribution function, Säilynoja 2022), "chi_squared" (groups of neighbouring ranks with at
        least five expected), "ks" (Kolmogorov and Smirnov's, with the null distribution of whole
        ranks). `adjusted`: over `test`, the smallest p-value times the number of quantities, at
        most 1. `ecdf` over `quantity` and `fraction`; `uniform`, `lower`, `upper` over `fraction`:
        its expectation and envelope. `histogram` over `quantity` and `cell`; `expected` over cell.

    Raises
    ------
    ValueError
        When there are no ranks, they are not whole, or lie outside 0 to L.

    Notes
    -----
    Ranks are whole numbers and the tests treat them so: at a fraction z = (k + 1)/(L + 1) the
    number of ranks up to k is binomial with probability z exactly. p-values from simulations count
    the sample itself, (1 + b)/(1 + B), so they are never 0.

    References
    ----------
    Säilynoja, Bürkner, Vehtari, Stat Comput 2022;32:32, doi:10.1007/s11222-022-10090-6.
    """
    given = np.asarray(ranks)
    table = given[:, None] if given.ndim == 1 else given
    if table.ndim != 2 or not table.size:
        raise ValueError(
            f"Wanted ranks of shape (replicates,) or (replicates, quantities); found {given.shape}."
        )
    if (table != np.round(table)).any() or table.min() < 0 or table.max() > largest:
        raise ValueError(
            f"Wanted whole ranks between 0 and {largest}, the number of draws; found values "
            f"between {table.min()} and {table.max()}. `ranks_of` gives them."
        )
    table = table.astype(np.int64)
    replicates, quantities = table.shape
    cuts = np.unique(np.linspace(0, largest, min(points, largest + 1) + 1).round().astype(int))
    cuts = cuts[cuts < largest]
    fraction = (cuts + 1) / (largest + 1)
    cells = int(np.clip(replicates // 5, 2, min(20, largest + 1)))
    cell_edges = np.linspace(0, largest + 1, cells + 1).round().astype(int)
    expected = replicates * np.diff(cell_edges) / (largest + 1)
    # The chance of a surprise depends on a count alone, so it is worked out once for each.
    counts = np.arange(replicates + 1)
    low = bdtr(counts[None, :], replicates, fraction[:, None])
    high = 1.0 - np.concatenate([np.zeros((cuts.size, 1)), low[:, :-1]], axis=1)
    surprise = 2.0 * np.minimum(low, high)

    reached = np.array([(table <= cut).sum(axis=0) for cut in cuts]).reshape(cuts.size, quantities)
    everywhere = _distribution(table, largest)
    chance = np.random.default_rng(seed).multinomial(
        replicates, np.full(largest + 1, 1.0 / (largest + 1)), size=simulations
    )
    chance = np.cumsum(chance, axis=1).T
    null_surprise = _least(surprise, chance[cuts])
    level = np.quantile(null_surprise, 1.0 - mass)
    histogram = np.array(
        [np.histogram(column, bins=cell_edges - 0.5)[0] for column in table.T]
    ).reshape(quantities, cells)
    p_value = np.stack(
        [
            _share(null_surprise[:, None] <= _least(surprise, reached)),
            stats.chisquare(histogram, expected, axis=1).pvalue,
            _share(_distance(chance)[:, None] >= _distance(everywhere) - 1e-12),
        ],
        axis=1,
    )
    return xr.Dataset(
        {
            "p_value": (("quantity", "test"), p_value),
            "adjusted": ("test", np.minimum(1.0, quantities * p_value.min(axis=0))),
            "ecdf": (("quantity", "fraction"), reached.T / replicates),
            "lower": ("fraction", stats.binom.ppf(level / 2, replicates, fraction) / replicates),
            "upper": (
                "fraction",
                stats.binom.isf(level / 2, replicates, fraction) / replicates,
            ),
            "histogram": (("quantity", "cell"), histogram),
            "expected": ("cell", expected),
            "cell_left": ("cell", cell_edges[:-1]),
            "cell_right": ("cell", cell_edges[1:] - 1),
        },
        coords={
            "quantity": [f"{index}" for index in range(quantities)] if names is None else names,
            "test": ["ecdf", "chi_squared", "ks"],
            "fraction": fraction,
        },
        attrs={"replicates": replicates, "largest": largest, "mass": mass},
    )


def _distribution(table: NDArray[np.int64], largest: int) -> NDArray[np.int64]:
    """Number of ranks up to each, (L + 1, P)."""
    counts = [np.bincount(column, minlength=largest + 1) for column in table.T]
    return np.cumsum(counts, axis=1).T


def _least(surprise: NDArray[np.float64], reached: NDArray[np.int64]) -> NDArray[np.float64]:
    """Smallest surprise along each function, from the table by point and count."""
    return np.take_along_axis(surprise, reached, axis=1).min(axis=0)


def _distance(reached: NDArray[np.int64]) -> NDArray[np.float64]:
    """Largest distance of distribution functions (L + 1, ...) from the uniform one."""
    expected = np.arange(1, len(reached) + 1) / len(reached)
    return np.abs(reached / reached[-1] - expected[:, None]).max(axis=0)


def _share(as_extreme: NDArray[np.bool_]) -> NDArray[np.float64]:
    return np.asarray((1.0 + as_extreme.sum(axis=0)) / (1.0 + len(as_extreme)), dtype=float)
