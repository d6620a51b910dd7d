"""The model as a function of a vector."""

from __future__ import annotations

import numpy as np
import pymc as pm
import pytest

from bnode_nlme.inference.flat_model import flat_model


def model_of_two() -> pm.Model:
    with pm.Model(coords={"k": ["a", "b", "c"]}) as model:
        a = pm.Normal("a", dims="k")
        s = pm.HalfNormal("s", 2.0)
        pm.Deterministic("total", s * a.sum())
        pm.Normal("y", a, s, observed=np.array([0.1, 0.5, -2.0]))
    return model


def test_gradient_is_that_of_the_value() -> None:
    flat = flat_model(model_of_two())
    x = np.array([0.3, -0.2, 1.0, 0.4])
    for function in (
        flat.logp_and_gradient,
        flat.natural_logp_and_gradient,
        lambda v: flat.logp_without(["a"], v),
    ):
        _, gradient = function(x)
        h = 1e-6
        numeric = [(function(x + h * e)[0] - function(x - h * e)[0]) / (2.0 * h) for e in np.eye(4)]
        np.testing.assert_allclose(gradient, numeric, rtol=1e-6, atol=1e-7)


def test_value_is_the_models_and_the_jacobian_is_the_difference() -> None:
    model = model_of_two()
    flat = flat_model(model)
    x = np.array([0.3, -0.2, 1.0, 0.4])
    expected = model.compile_logp()(flat.point(x))
    np.testing.assert_allclose(flat.logp_and_gradient(x)[0], expected, rtol=1e-12)
    np.testing.assert_allclose(
        flat.logp_and_gradient(x)[0] - flat.natural_logp_and_gradient(x)[0], 0.4, rtol=1e-10
    )


def test_draws_are_expanded_to_variables_and_deterministics() -> None:
    flat = flat_model(model_of_two())
    draws = np.random.default_rng(0).normal(size=(2, 5, 4))
    values = flat.expand(draws)
    assert set(values) == {"a", "s", "total"}
    np.testing.assert_allclose(values["a"], draws[..., :3])
    np.testing.assert_allclose(values["s"], np.exp(draws[..., 3]))
    np.testing.assert_allclose(values["total"], values["s"] * values["a"].sum(axis=-1))
    assert flat.labels == ("a[0]", "a[1]", "a[2]", "s")


def test_discrete_variables_are_refused() -> None:
    with pm.Model() as model:
        pm.Poisson("n", 3.0)
    with pytest.raises(ValueError, match="'n' of this model are discrete"):
        flat_model(model)
