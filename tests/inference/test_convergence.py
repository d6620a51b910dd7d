"""NUTS says by itself where its draws are not to be relied upon: once, with numbers and cures."""

from __future__ import annotations

import json
import re
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import bnode_nlme as bn
from bnode_nlme.inference import ConvergenceWarning, Fit, fit
from bnode_nlme.inference.convergence import FUNCTIONS, convergence, warn_of_convergence
from bnode_nlme.inference.function_agreement import function_agreement
from bnode_nlme.inference.parameter_summary import population_variables
from tests.diagnostics.test_function_convergence_of_fit import learned_fit
from tests.inference.linear_mixed import linear_mixed

CHAINS, DRAWS = 4, 1000


def made_tree(**changes: Any) -> xr.DataTree:
    """A run whose draws are independent, less what is changed."""
    rng = np.random.default_rng(7)
    posterior: dict[str, Any] = {
        "CL_pop": (("chain", "draw"), rng.normal(size=(CHAINS, DRAWS))),
        "omega": (("chain", "draw", "effect"), rng.normal(size=(CHAINS, DRAWS, 2))),
        # Effects of subjects and weights are not judged, however far their chains are apart.
        "eta": (
            ("chain", "draw", "subject"),
            rng.normal(size=(CHAINS, DRAWS, 3)) + 9.0 * np.arange(CHAINS)[:, None, None],
        ),
        "net": (
            ("chain", "draw", "net_weight"),
            rng.normal(size=(CHAINS, DRAWS, 5)) + 9.0 * np.arange(CHAINS)[:, None, None],
        ),
    }
    statistics: dict[str, Any] = {
        name: (("chain", "draw"), np.zeros((CHAINS, DRAWS), dtype=bool))
        for name in ("diverging", "reached_max_treedepth")
    }
    for name, values in changes.items():
        own = posterior if name in posterior else statistics
        if name in own:
            own[name] = (own[name][0], values)
    coords = {"effect": ["CL", "V"]}
    tree = xr.DataTree.from_dict(
        {"posterior": xr.Dataset(posterior, coords), "sample_stats": xr.Dataset(statistics)}
    )
    tree.attrs = {"method": "nuts", "target_accept": 0.9, "max_treedepth": 10, "seconds": 1.0}
    if FUNCTIONS in changes:
        tree.attrs[FUNCTIONS] = json.dumps(changes[FUNCTIONS])
    return tree


def told(tree: xr.DataTree) -> str:
    with pytest.warns(ConvergenceWarning, match="not to be relied upon yet") as caught:
        warn_of_convergence(tree)
    (one,) = caught
    text = str(one.message)
    # The printed fit says the same.
    printed = repr(Fit(tree))
    for line in text.splitlines()[1:]:
        assert line.removeprefix("  - ") in printed
    return text


def some(count: int) -> np.ndarray:
    marks = np.zeros(CHAINS * DRAWS, dtype=bool)
    marks[:count] = True
    return marks.reshape(CHAINS, DRAWS)


def test_a_correlation_counts_once_in_the_order_of_declaration() -> None:
    tree = made_tree()
    slow = np.repeat(np.random.default_rng(2).uniform(-0.5, 0.5, (CHAINS, 10)), DRAWS // 10, axis=1)
    matrix = np.broadcast_to(np.eye(2), (CHAINS, DRAWS, 2, 2)).copy()
    matrix[..., 0, 1] = matrix[..., 1, 0] = slow
    dims = ("chain", "draw", "effect", "effect_bis")
    tree["posterior"] = xr.DataTree(
        tree["posterior"]
        .to_dataset()
        .assign_coords(effect_bis=["CL", "V"])
        .assign(corr=(dims, matrix))
    )
    assert told(tree).count("corr[") == 2  # once for its R-hat, once for its ESS
    assert "corr[V, CL]" not in told(tree)


def test_a_good_run_says_nothing() -> None:
    good = {"r_hat": 1.001, "ess_bulk": 3000.0, "ess_tail": 2500.0, "points": 50.0}
    tree = made_tree(**{FUNCTIONS: {"net": good}})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_convergence(tree)
    printed = repr(Fit(tree))
    assert "0 divergences" in printed
    assert "NOTE" not in printed
    assert "at 50 points where the data are: largest R-hat 1.001, smallest ESS 2500" in printed
    assert "net[" not in printed
    assert population_variables(tree["posterior"].to_dataset()) == ["CL_pop", "omega"]


def test_a_chain_apart_is_named_with_its_r_hat() -> None:
    draws = np.random.default_rng(1).normal(size=(CHAINS, DRAWS, 2))
    draws[3, :, 1] += 2.0
    tree = made_tree(omega=draws)
    text = told(tree)
    found = re.search(r"R-hat above 1\.01 of omega\[V\] \((1\.\d+)\)\. Run them longer", text)
    assert found is not None
    assert float(found[1]) == pytest.approx(
        convergence(tree).table.loc["omega[V]", "r_hat"], abs=1e-3
    )
    assert "CL_pop" not in text
    assert f"largest R-hat {found[1]} (omega[V])" in repr(Fit(tree))


def test_too_few_independent_draws_ask_for_as_many_more() -> None:
    rng = np.random.default_rng(2)
    draws = np.empty((CHAINS, DRAWS))
    draws[:, 0] = rng.normal(size=CHAINS)
    for step in range(1, DRAWS):  # autocorrelation 0.9: an ESS of about 4000 / 19
        draws[:, step] = 0.9 * draws[:, step - 1] + np.sqrt(1 - 0.9**2) * rng.normal(size=CHAINS)
    text = told(made_tree(CL_pop=draws))
    found = re.search(
        r"ESS below 400 \(100 a chain\) of CL_pop \((\d+)\)\. Write draws=(\d+)", text
    )
    assert found is not None
    assert 100 < int(found[1]) < 330
    assert int(found[2]) == pytest.approx(1.2 * 1000 * 400 / int(found[1]), abs=110)


def test_divergences_and_deep_trees_are_counted() -> None:
    text = told(made_tree(diverging=some(12), reached_max_treedepth=some(400)))
    assert "12 divergences (0.3 % of the draws)" in text
    assert "target_accept=0.99" in text
    assert "400 trees at max_treedepth=10 (10 % of the draws)" in text
    assert "max_treedepth=12" in text
    finer = made_tree(diverging=some(1))
    finer.attrs["target_accept"] = 0.99
    assert "target_accept=0.999" in told(finer)


def test_the_function_is_judged_and_not_its_weights() -> None:
    bad = {"r_hat": 1.35, "ess_bulk": 9.0, "ess_tail": 40.0, "points": 50.0}
    text = told(made_tree(**{FUNCTIONS: {"net": bad}}))
    assert "R-hat above 1.01 of function net (1.350)" in text
    assert "bn.plot_function_convergence(fit)" in text
    assert "of function net (9)" in text


def test_one_chain_has_nothing_to_be_compared_with() -> None:
    tree = made_tree()
    alone = xr.DataTree.from_dict(
        {name: tree[name].to_dataset().isel(chain=[0]) for name in tree.children}
    )
    alone.attrs = tree.attrs
    assert "there is one chain" in told(alone)
    short = xr.DataTree.from_dict(
        {name: tree[name].to_dataset().isel(draw=slice(3)) for name in tree.children}
    )
    short.attrs = tree.attrs
    assert "3 draws of a chain are too few to judge them by" in told(short)


@pytest.mark.parametrize("shift", [0.0, 1.0])
def test_fit_judges_functions_as_function_convergence_does(shift: float) -> None:
    learned = learned_fit(shift)
    assert learned.study is not None
    found = function_agreement(learned.nlme, learned.study, learned.posterior)
    for name in ("elimination", "both"):
        table = bn.function_convergence(learned, name)
        assert found[name]["r_hat"] == pytest.approx(float(table["r_hat"].max()))
        assert found[name]["ess_bulk"] == pytest.approx(float(table["ess_bulk"].min()))
        assert found[name]["ess_tail"] == pytest.approx(float(table["ess_tail"].min()))
        assert (found[name]["r_hat"] > 1.2) == (shift > 0.0)


def test_a_run_that_is_too_short_warns_once() -> None:
    with pytest.warns(ConvergenceWarning, match="ESS below 200") as caught:
        found = fit(
            linear_mixed(), method="nuts", chains=2, draws=60, tune=100, seed=3, progress=False
        )
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert isinstance(convergence(found.data).table, pd.DataFrame)
