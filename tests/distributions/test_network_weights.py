from __future__ import annotations

import numpy as np
import pymc as pm
import pytest
import scipy.stats

import bnode_nlme as bn

NETWORK = bn.MLP("net", inputs=3, hidden=(6, 2), activation="tanh")
DRAWS = 3000


def model_of(network=NETWORK, **options):
    with pm.Model() as model:
        bn.NetworkWeights("net", network, **options)
    return model


def test_scale_of_each_weight_shrinks_with_its_layers_fan_in():
    model = model_of(scale=2.0)
    w, scale = pm.draw([model["net"], model["net_scale"]], DRAWS, random_seed=5)
    assert w.shape == (DRAWS, NETWORK.size)
    assert scale.shape == (DRAWS, 3)
    assert scipy.stats.kstest(scale.ravel(), scipy.stats.halfnorm(scale=2.0).cdf).pvalue > 0.01
    standardised = np.empty_like(w)
    for index, (fan_in, (W, b)) in enumerate(zip((3, 6, 2), NETWORK.unpack(w), strict=True)):
        s = scale[:, index]
        part = NETWORK.layers[index]
        standardised[:, part.weight] = W.reshape(DRAWS, -1) / s[:, None] * np.sqrt(fan_in)
        standardised[:, part.bias] = b / s[:, None]
    np.testing.assert_allclose(standardised.std(axis=0), 1.0, rtol=0.06)
    assert scipy.stats.kstest(standardised.ravel(), "norm").pvalue > 0.01
    np.testing.assert_allclose(np.corrcoef(standardised.T), np.eye(NETWORK.size), atol=0.08)


def test_variance_of_a_layers_output_does_not_depend_on_its_width():
    sds = []
    for width in (2, 32):
        network = bn.MLP("net", inputs=1, hidden=(width,))
        model = pm.do(model_of(network), {"net_scale": np.ones(2)})
        draws = pm.draw(model["net"], DRAWS, random_seed=6)
        sds.append(network.evaluate(draws, np.array([[0.7]])).std())
    np.testing.assert_allclose(sds[0], sds[1], rtol=0.06)


def test_labels_and_dims():
    model = model_of(bn.MLP("net", inputs=2, hidden=(2,)))
    assert model.coords["net_weight"] == (
        "W0[0,0]",
        "W0[0,1]",
        "W0[1,0]",
        "W0[1,1]",
        "b0[0]",
        "b0[1]",
        "W1[0,0]",
        "W1[0,1]",
        "b1[0]",
    )
    assert model.named_vars_to_dims["net"] == ("net_weight",)
    assert model.named_vars_to_dims["net_z"] == ("net_weight",)
    assert model.named_vars_to_dims["net_scale"] == ("net_layer",)
    assert [v.name for v in model.free_RVs] == ["net_scale", "net_z"]


def test_labels_name_the_weights_that_they_stand_on():
    network = bn.MLP("net", inputs=2, hidden=(3,))
    labels = model_of(network).coords["net_weight"]
    for index, (W, b) in enumerate(network.unpack(np.arange(network.size))):
        for (i, j), position in np.ndenumerate(W):
            assert labels[int(position)] == f"W{index}[{i},{j}]"
        for i, position in enumerate(b):
            assert labels[int(position)] == f"b{index}[{i}]"


def standardised(prior):
    """Weights over their layers' scales, and biases too, at draws of a prior."""
    model = model_of(prior=prior)
    w, scale = pm.draw([model["net"], model["net_scale"]], DRAWS, random_seed=11)
    weights, biases = [], []
    for index, (fan_in, (W, b)) in enumerate(zip((3, 6, 2), NETWORK.unpack(w), strict=True)):
        s = scale[:, index, None]
        weights.append(W.reshape(DRAWS, -1) / s * np.sqrt(fan_in))
        biases.append(b / s)
    return np.concatenate(weights, axis=1), np.concatenate(biases, axis=1)


def test_laplace_weights_have_laplace_quantiles_and_normal_biases():
    weights, biases = standardised("laplace")
    exact = scipy.stats.laplace(scale=np.sqrt(0.5))
    assert scipy.stats.kstest(weights.ravel(), exact.cdf).pvalue > 0.01
    assert scipy.stats.kstest(weights.ravel(), "norm").pvalue < 1e-6, "control: not normal"
    assert scipy.stats.kstest(biases.ravel(), "norm").pvalue > 0.01
    np.testing.assert_allclose(weights.std(), 1.0, rtol=0.03)


def test_horseshoe_weights_have_the_quantiles_of_its_definition():
    weights, biases = standardised("horseshoe")
    rng = np.random.default_rng(12)
    local, tau = np.tan(0.5 * np.pi * rng.random((2, 400_000)))  # half-Cauchy by its quantiles
    exact = rng.standard_normal(400_000) / np.sqrt(1.0 + 1.0 / (local * tau) ** 2)
    # Weights of a layer share its tau: one weight of each layer at a time is an independent draw.
    for column in (0, 20, 31):
        assert scipy.stats.ks_2samp(weights[:, column], exact).pvalue > 0.001
    assert scipy.stats.kstest(biases.ravel(), "norm").pvalue > 0.01
    # Most are near 0 and some as large as the normal prior has them.
    assert (
        np.mean(np.abs(weights) < 0.1)
        > 0.2
        > np.mean(np.abs(scipy.stats.norm.rvs(size=10_000, random_state=1)) < 0.1)
    )
    assert np.quantile(np.abs(weights), 0.99) > 1.9


@pytest.mark.slow
@pytest.mark.parametrize("prior", ["laplace", "horseshoe"])
def test_a_shrinking_prior_can_be_fitted(prior):
    """A straight line through one unit of a linear network: its slope is found, other weights shrink."""
    network = bn.MLP("net", inputs=3, hidden=(), activation="tanh")
    rng = np.random.default_rng(13)
    x = rng.normal(size=(60, 3))
    y = 1.5 * x[:, 0] + 0.1 * rng.normal(size=60)
    with pm.Model() as model:
        w = bn.NetworkWeights("net", network, prior=prior)
        pm.Normal("y", (w[:3] * x).sum(axis=1) + w[3], 0.1, observed=y)
        found = pm.sample(
            60, tune=100, chains=1, random_seed=1, progressbar=False, nuts={"max_treedepth": 6},
            compute_convergence_checks=False,
        )  # fmt: skip
    assert model.named_vars_to_dims["net_local"] == ("net_shrunk",)
    mean = found.posterior["net"].mean(("chain", "draw")).to_numpy()
    np.testing.assert_allclose(mean, [1.5, 0.0, 0.0, 0.0], atol=0.06)


def permuted(w, flip):
    """The same function: hidden units in another order, one of them with its sign turned."""
    (W0, b0), (W1, b1), (W2, b2) = NETWORK.unpack(w)
    order, sign = np.array([4, 0, 5, 1, 3, 2]), np.where(np.arange(6) == 2, flip, 1.0)
    W0, b0, W1 = (W0 * sign[:, None])[order], (b0 * sign)[order], (W1 * sign)[:, order]
    return np.concatenate([part.ravel() for part in (W0, b0, W1, b1, W2, b2)])


def test_weights_are_not_identified_but_the_function_is():
    model = model_of()
    w = pm.draw(model["net"], random_seed=8)
    other = permuted(w, flip=-1.0)
    assert np.abs(w - other).max() > 0.1
    grid = np.random.default_rng(1).normal(size=(20, 3))
    np.testing.assert_allclose(NETWORK.evaluate(w, grid), NETWORK.evaluate(other, grid), rtol=1e-12)
    # The prior does not tell them apart either.
    logp = model.compile_logp(vars=[model["net_z"]])
    scales = {"net_scale_log__": np.log(np.ones(3))}
    shrinkage = np.ones(NETWORK.size)
    for layer in NETWORK.layers:
        shrinkage[layer.weight] = 1 / np.sqrt(layer.fan_in)
    np.testing.assert_allclose(
        logp(scales | {"net_z": w / shrinkage}), logp(scales | {"net_z": other / shrinkage})
    )


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"prior": "flat"}, "prior= wants one of 'normal', 'laplace', 'horseshoe'; found 'flat'"),
        (
            {"prior": "laplace", "pinned": [[0.0, 0.0, 0.0]]},
            "pinned= wants prior='normal', .*; found 'laplace'",
        ),
        (
            {"prior": "horseshoe", "contrast": ([[1.0, 0.0, 0.0]], [[0.0, 0.0, 0.0]])},
            "contrast= wants prior='normal', .*; found 'horseshoe'",
        ),
        ({"scale": 0.0}, "scale= wants a positive number; found 0.0"),
        ({"scale": (1.0, 2.0)}, "scale= wants a positive number"),
        ({"network": 8}, "network= wants an MLP; found 8"),
    ],
)
def test_faulty_arguments(given, message):
    with pytest.raises(ValueError, match=message):
        model_of(**given)
