"""Chains that call the compiled density sample what chains of nutpie's own compilation sample."""

from __future__ import annotations

import numpy as np
import pymc as pm
import pytest

import bnode_nlme as bn
from bnode_nlme.inference.flat_model import flat_model
from bnode_nlme.inference.nutpie_model import nutpie_model, started_at


def normal() -> pm.Model:
    with pm.Model() as model:
        scale = pm.HalfNormal("scale", 1.0)
        pm.Normal("x", [1.0, -2.0], [0.5, 2.0])
        pm.Potential("wider", -0.5 * (scale / 3.0) ** 2)
    return model


def test_chains_side_by_side_take_turns_and_find_the_posterior() -> None:
    fit = bn.fit(
        normal(), draws=1000, tune=300, chains=2, cores=2, seed=3, compiled_anew=False,
        progress=False,
    )  # fmt: skip
    x = fit.posterior["x"].to_numpy()
    assert x.shape == (2, 1000, 2)
    for chain in x:
        np.testing.assert_allclose(chain.mean(axis=0), [1.0, -2.0], atol=0.3)
        np.testing.assert_allclose(chain.std(axis=0), [0.5, 2.0], rtol=0.15)
    # The half-normal prior of scale 1 times one of 3.
    wanted = np.sqrt(2.0 / np.pi / (1.0 + 1.0 / 9.0))
    assert float(fit.posterior["scale"].mean()) == pytest.approx(wanted, abs=0.07)
    assert fit.attrs["sampler"] == "nutpie"


@pytest.mark.parametrize("compiled_anew", [False, True])
def test_a_chain_starts_where_it_is_told(compiled_anew: bool) -> None:
    flat = flat_model(normal())
    model = started_at(nutpie_model(flat, compiled_anew=compiled_anew), np.array([0.1, 2.0, 3.0]))
    initial = getattr(model, "initial_point_func", None) or model._make_initial_points
    np.testing.assert_array_equal(initial(0), [0.1, 2.0, 3.0])
