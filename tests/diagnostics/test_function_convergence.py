"""Convergence is judged on the function, with a control that must fail."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from bnode_nlme.diagnostics import function_convergence
from bnode_nlme.dynamics import MLP


def _values(shift: float) -> xr.DataArray:
    draws = np.random.default_rng(3).normal(size=(2, 500, 4))
    draws[1] += shift
    return xr.DataArray(draws, dims=("chain", "draw", "x"), coords={"x": [0.0, 1.0, 2.0, 3.0]})


def test_chains_that_agree_pass() -> None:
    result = function_convergence(_values(0.0))
    assert result.sizes == {"x": 4}
    assert float(result.r_hat.max()) < 1.02
    assert float(result.ess_bulk.min()) > 600
    assert float(result.ess_tail.min()) > 500


def test_chains_that_learned_different_functions_fail() -> None:
    assert float(function_convergence(_values(2.0)).r_hat.min()) > 1.2


def test_chains_that_differ_in_hidden_units_alone_pass() -> None:
    network = MLP("f", inputs=1, hidden=(3,))
    weights = np.random.default_rng(4).normal(1.0, 0.3, size=(2, 400, network.size))
    # The second chain's network: the same function with its hidden units in another order.
    order = [2, 0, 1]
    for part in (slice(0, 3), slice(3, 6), slice(6, 9)):
        weights[1][:, part] = weights[0][:, part][:, order]
    weights[1][:, 9] = weights[0][:, 9]
    shuffled = np.random.default_rng(5).permutation(400)
    values = network.evaluate(weights, np.linspace(-1, 1, 5)[:, None])
    values[1] = values[1][shuffled]
    result = function_convergence(xr.DataArray(values, dims=("chain", "draw", "x")))
    assert float(result.r_hat.max()) < 1.02


def test_missing_dimensions_are_named() -> None:
    with pytest.raises(ValueError, match="over chain, draw and a grid; found the dimensions 'x'"):
        function_convergence(xr.DataArray(np.zeros(3), dims="x"))
