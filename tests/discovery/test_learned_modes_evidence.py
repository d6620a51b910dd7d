"""Short runs of Pathfinder find functions that are really different."""

from __future__ import annotations

import numpy as np
import pytest

import bnode_nlme as bn

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def compile_in_python() -> None:
    """Not here: thousands of gradients want compiled code."""


def test_pathfinder_finds_the_two_functions_of_an_ambiguous_study() -> None:
    """x falls from 5 under f(x)² alone: f and -f explain the data equally, and are real modes."""
    network = bn.MLP("f", inputs=1, hidden=(2,), scale=3.0)
    system = bn.System(
        states=("x",),
        parameters=("x0",),
        networks=(network,),
        rhs=lambda t, y, p, nn, c: {"x": -(nn.f(y.x) ** 2)},
        initial={"x": lambda p, c: p.x0},
    )
    nlme = bn.NLME(
        system,
        {"x0": bn.Individual(bn.LogNormal(5.0, 0.05), effect=False)},
        error={"x": bn.Additive(0.05)},
        solver={"rtol": 1e-5, "atol": 1e-6},
    )
    times = np.array([0.0, 0.5, 1.0, 1.5, 2.0, 3.0])
    design = bn.Study.from_regimen({1: None, 2: None}, times=times)
    rng = np.random.default_rng(6)
    truth = np.tile(5.0 - 1.0 * times, 2)  # f = 1 or f = -1
    study = design.with_values(truth + 0.05 * rng.standard_normal(truth.size))
    fit = bn.fit(nlme, study, method="map", progress=False)
    found = bn.learned_modes(fit, runs=8, inputs=np.linspace(2.2, 4.8, 9), seed=1)
    middle = found.data["value"].sel(quantile=0.5).mean("point").to_numpy()
    print(found)  # noqa: T201  what is said of modes
    signs = np.sign(middle)
    assert found.differ
    assert {-1.0, 1.0} <= set(signs.tolist())
    for mode in range(1, found.n_modes + 1):
        own = signs[found.data["mode_of"].to_numpy() == mode]
        assert np.unique(own).size == 1, "no mode mixes f and -f"
    of_mode = [signs[found.data["mode_of"].to_numpy() == m + 1][0] for m in range(found.n_modes)]
    positive = np.array(of_mode) > 0
    # Equal by symmetry of prior and likelihood, or said not to be known.
    weight = found.data["weight"].to_numpy()
    assert np.isnan(weight).all() or 0.15 < weight[positive].sum() < 0.85
