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
        ({"prior": "horseshoe"}, "prior= wants one of 'normal'; found 'horseshoe'"),
        ({"scale": 0.0}, "scale= wants a positive number; found 0.0"),
        ({"scale": (1.0, 2.0)}, "scale= wants a positive number"),
        ({"network": 8}, "network= wants an MLP; found 8"),
    ],
)
def test_faulty_arguments(given, message):
    with pytest.raises(ValueError, match=message):
        model_of(**given)
