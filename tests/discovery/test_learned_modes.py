"""Modes of learned functions: told apart where functions differ, and only there."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pymc as pm
import pytest
import xarray as xr

import bnode_nlme as bn
from bnode_nlme.discovery.modes.learned_modes import function_distance
from bnode_nlme.discovery.modes.network_symmetry import in_one_order, symmetric_copy, symmetries
from bnode_nlme.discovery.modes.pathfinder_runs import PathfinderRuns
from bnode_nlme.inference import Fit
from tests.results.made_fits import made_fit

NET = bn.MLP("f", inputs=1, hidden=(4,), scale=3.0)
GRID = np.linspace(0.0, 6.0, 25)


def learned_nlme(network: bn.MLP = NET) -> bn.NLME:
    system = bn.System(
        states=("x",),
        parameters=("x0",),
        networks=(network,),
        rhs=lambda t, y, p, nn, c: {"x": -nn.f(y.x)},
        initial={"x": lambda p, c: p.x0},
    )
    return bn.NLME(
        system,
        {"x0": bn.Individual(bn.LogNormal(5.0, 0.2), effect=False)},
        error={"x": bn.Additive(0.05)},
        solver={"rtol": 1e-6, "atol": 1e-8},
    )


def fit_of(weights: Any, log_density: Any = None) -> Fit:
    """A fit whose draws of the weights (chain, draw, size) are given."""
    nlme = learned_nlme()
    study = bn.Study.from_regimen({1: None}, times=[0.0, 1.0])
    chains, draws = weights.shape[:2]
    population = {
        "x0_pop": ((), np.full((chains, draws), 5.0)),
        "f": (("f_weight",), weights),
    }
    fit = made_fit(nlme, study, population)
    if log_density is None:
        return fit
    stats = xr.Dataset({"lp": (("chain", "draw"), log_density)})
    tree = fit.data.assign({"sample_stats": xr.DataTree(stats)})
    tree.attrs = dict(fit.data.attrs)
    return Fit(tree, study, nlme, None)


def around(centre: Any, spread: float, draws: int, rng: np.random.Generator) -> Any:
    return centre + spread * rng.standard_normal((draws, centre.size))


@pytest.mark.parametrize(
    ("network", "expected"),
    [
        (NET, 24 * 16),
        (bn.MLP("f", 1, (3, 2)), 6 * 8 * 2 * 4),
        (bn.MLP("f", 1, (4,), activation="softplus"), 24),
        (bn.MLP("f", 1, (4,), output="monotone"), 24),
        (bn.MLP("f", 1, ()), 1),
    ],
)
def test_symmetries_are_counted(network: bn.MLP, expected: int) -> None:
    assert symmetries(network) == expected


@pytest.mark.parametrize("anchor", [None, 1.0])
@pytest.mark.parametrize("layer", [0, 1])
def test_permuted_and_flipped_units_are_the_same_function(layer: int, anchor: Any) -> None:
    rng = np.random.default_rng(0)
    network = bn.MLP("f", 2, (5, 3), outputs=2, anchor=anchor)
    w = rng.normal(size=(7, network.size))
    x = rng.normal(size=(20, 2))
    units = network.hidden[layer]
    order = np.stack([rng.permutation(units) for _ in range(7)])
    signs = rng.choice([-1.0, 1.0], size=(7, units))
    copy = symmetric_copy(network, w, layer, order, signs)
    assert np.all(np.any(copy != w, axis=1)), "control: the weights are different ones"
    np.testing.assert_allclose(network.evaluate(copy, x), network.evaluate(w, x), atol=1e-13)
    ordered = in_one_order(network, w)
    np.testing.assert_allclose(network.evaluate(ordered, x), network.evaluate(w, x), atol=1e-13)
    np.testing.assert_allclose(in_one_order(network, copy), ordered, atol=1e-13)


def test_signs_of_a_monotone_network_do_not_change() -> None:
    network = bn.MLP("f", 1, (3,), output="monotone")
    w = np.random.default_rng(1).normal(size=network.size)
    with pytest.raises(ValueError, match=r"may be permuted and not change their sign"):
        symmetric_copy(network, w, 0, [0, 1, 2], [1, -1, 1])
    x = np.linspace(-2, 2, 9)[:, None]
    np.testing.assert_allclose(
        network.evaluate(in_one_order(network, w), x), network.evaluate(w, x), atol=1e-14
    )


def test_symmetric_copies_are_one_mode() -> None:
    rng = np.random.default_rng(2)
    centre = rng.normal(size=NET.size)
    orders = [[0, 1, 2, 3], [3, 2, 1, 0], [1, 0, 3, 2], [2, 3, 0, 1]]
    signs = [[1, 1, 1, 1], [1, -1, 1, -1], [-1, -1, 1, 1], [-1, 1, -1, 1]]
    chains = [
        symmetric_copy(NET, around(centre, 0.03, 150, rng), 0, order, sign)
        for order, sign in zip(orders, signs, strict=True)
    ]
    found = bn.learned_modes(fit_of(np.stack(chains)), inputs=GRID)
    assert found.n_modes == 1
    assert not found.differ
    attrs = found.data.attrs
    assert attrs["r_hat_function"] < 1.05
    assert attrs["r_hat_weights"] > 2.0, "control: the weights themselves are far apart"
    assert attrs["r_hat_ordered"] < 1.2
    assert "4 chains learned one function" in str(found)
    assert "384 weight vectors have the same function" in str(found)


def test_different_functions_are_told_apart_and_ranked_by_density() -> None:
    rng = np.random.default_rng(3)
    first, second = rng.normal(size=(2, NET.size))
    chains = np.stack([around(c, 0.02, 150, rng) for c in (first, second, first, first)])
    density = np.array([-10.0, -4.0, -10.5, -9.5])[:, None] + rng.normal(size=(4, 150))
    found = bn.learned_modes(fit_of(chains, density), inputs=GRID)
    assert found.data["mode_of"].to_numpy().tolist() == [2, 1, 2, 2]
    np.testing.assert_allclose(found.data["weight"], [0.25, 0.75])
    np.testing.assert_allclose(found.data["mode_log_density"], [-4.0, -9.5], atol=0.4)
    text = str(found)
    assert "4 chains learned 2 different functions" in text
    assert "Weights are shares of chains" in text
    wide = bn.learned_modes(fit_of(chains), inputs=GRID, separation=1e6)
    assert wide.n_modes == 1
    # What is distinct within narrow chains is not so within wide ones.
    blurred = np.stack([around(c, 1.5, 150, rng) for c in (first, second, first, first)])
    assert bn.learned_modes(fit_of(blurred), inputs=GRID).n_modes == 1


def test_one_chain_says_that_it_was_compared_with_nothing() -> None:
    rng = np.random.default_rng(6)
    text = str(bn.learned_modes(fit_of(rng.normal(size=(1, 150, NET.size))), inputs=GRID))
    assert "1 chain learned one function" in text
    assert "nothing to compare it with" in text
    assert "nan" not in text.replace("log density nan", "")


def test_distance_of_normal_functions_is_that_of_their_means() -> None:
    rng = np.random.default_rng(4)
    values = rng.standard_normal((2, 40_000, 6))
    values[1, :, :3] += 3.0
    distance = function_distance(values)
    np.testing.assert_allclose(distance[0, 1], np.sqrt(4.5), rtol=0.02)
    np.testing.assert_array_equal(np.diagonal(distance), 0.0)
    np.testing.assert_allclose(distance, distance.T)


def test_runs_want_a_model() -> None:
    rng = np.random.default_rng(5)
    fit = fit_of(rng.normal(size=(2, 10, NET.size)))
    with pytest.raises(ValueError, match=r"runs= wants 2 or more, of a fit with its model"):
        bn.learned_modes(fit, inputs=GRID, runs=4)
    with pytest.raises(ValueError, match=r"network= wants one of 'f'; found 'g'"):
        bn.learned_modes(fit, "g", inputs=GRID)


def test_runs_weigh_modes_by_their_evidence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of five runs one found none, two a mode with three times the mass of the other's."""
    rng = np.random.default_rng(7)
    first, second = rng.normal(size=(2, NET.size))
    found = PathfinderRuns(
        which=np.array([0, 1, 3, 4]),
        weights=np.stack([around(c, 0.02, 50, rng) for c in (first, second, second, first)]),
        log_density=np.array([-9.0, -8.0, -8.1, -9.2]),
        log_evidence=np.log([1.1, 3.0, 90.0, 0.9]),
        pareto_k=np.array([0.3, 0.5, 0.9, 0.2]),  # the third is not to be trusted
    )
    # The package's attribute of that name is the function.
    module = sys.modules["bnode_nlme.discovery.modes.learned_modes"]
    monkeypatch.setattr(module, "pathfinder_runs", lambda *given: found)
    fit = fit_of(rng.normal(size=(2, 10, NET.size)))
    modes = bn.learned_modes(Fit(fit.data, fit.study, fit.nlme, pm.Model()), inputs=GRID, runs=5)
    assert modes.data["mode_of"].to_numpy().tolist() == [2, 1, 1, 2]
    assert modes.data["member"].to_numpy().tolist() == [1, 2, 4, 5]
    np.testing.assert_allclose(modes.data["weight"], [0.75, 0.25])
    assert "4 runs of Pathfinder learned 2 different functions" in str(modes)
    found.pareto_k[1] = 1.2
    doubtful = bn.learned_modes(Fit(fit.data, fit.study, fit.nlme, pm.Model()), inputs=GRID, runs=5)
    assert doubtful.n_modes == 2
    assert np.isnan(doubtful.data["weight"]).all()
    assert "mode 1: weight not known" in str(doubtful)
    assert "How much each weighs is not known" in str(doubtful)
    bn.plot_learned_modes(doubtful)
