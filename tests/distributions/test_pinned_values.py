"""Values of a network that are sampled themselves leave its prior as it is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pymc as pm
import pytest
import scipy.stats

import bnode_nlme as bn

POSITIVE = bn.MLP("net", inputs=1, hidden=(4,), output="positive", scale=5.0)
ANCHORED = bn.MLP("net", inputs=2, hidden=(4, 3), anchor=(0.5, 0.0), scale=2.0)
POINTS: dict[str, Any] = {"net": [0.5, 5.0, 15.0], "anchored": [[1.0, 0.0], [2.0, -1.0]]}
DRAWS = 4000


def drawn(network, pinned, seed=5):
    with pm.Model() as model:
        bn.NetworkWeights("net", network, pinned=pinned)
    names = ["net", "net_scale"] + [f"net_value_{n}" for n in range(len(pinned or ()))]
    return dict(
        zip(names, pm.draw([model[n] for n in names], DRAWS, random_seed=seed), strict=True)
    )


@pytest.mark.parametrize(
    ("network", "points"), [(POSITIVE, POINTS["net"]), (ANCHORED, POINTS["anchored"])]
)
def test_the_networks_values_are_the_variables(network, points):
    sample = drawn(network, points)
    values = network.evaluate(sample["net"], np.reshape(points, (len(points), -1)))
    if network.output == "positive":
        # Rounds large values less than the inverse of softplus does small ones.
        given = np.stack([np.logaddexp(0.0, sample[f"net_value_{n}"]) for n in range(3)], axis=-1)
    else:
        given = np.stack([sample[f"net_value_{n}"] for n in range(2)], axis=-1)
    np.testing.assert_allclose(values, given, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("network", "points"), [(POSITIVE, POINTS["net"]), (ANCHORED, POINTS["anchored"])]
)
def test_the_prior_is_that_without_them(network, points):
    sample, plain = drawn(network, points), drawn(network, None, seed=6)
    for given, wanted in zip(sample["net"].T, plain["net"].T, strict=True):
        assert scipy.stats.ks_2samp(given, wanted).pvalue > 1e-3
    # The weights of the last layer are independent given the scale: not tied to the values.
    last = network.layers[-1]
    standard = sample["net"][:, last.weight] / sample["net_scale"][:, -1:] * np.sqrt(last.fan_in)
    assert scipy.stats.kstest(standard.ravel(), "norm").pvalue > 1e-3
    np.testing.assert_allclose(np.corrcoef(standard.T), np.eye(last.fan_in), atol=0.06)
    # And the function's own prior, at a point that is not pinned.
    at = np.full((1, network.inputs), 1.7)
    given, wanted = (network.evaluate(own["net"], at).ravel() for own in (sample, plain))
    assert scipy.stats.ks_2samp(given, wanted).pvalue > 1e-3


def test_density_and_gradient_are_finite_where_the_model_starts():
    with pm.Model() as model:
        bn.NetworkWeights("net", POSITIVE, pinned=POINTS["net"])
    logp, gradient = model.compile_fn(
        [model.logp(), pm.pytensorf.gradient(model.logp(), model.value_vars)], mode="FAST_COMPILE"
    )(model.initial_point())
    assert np.isfinite(logp)
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize(
    ("network", "pinned", "message"),
    [
        (bn.MLP("net", inputs=1, output="monotone"), [1.0], "found output='monotone' with 1"),
        (bn.MLP("net", inputs=1, outputs=2), [1.0], "found output='linear' with 2"),
        (POSITIVE, [], r"1 to 4 of them; found shape \(0,\)"),
        (POSITIVE, [1.0, 2.0, 3.0, 4.0, 5.0], r"found shape \(5,\)"),
        (ANCHORED, [1.0, 2.0], r"shape \(points, 2\)"),
        (POSITIVE, [np.inf], "finite points"),
    ],
)
def test_faulty_points(network, pinned, message):
    with pytest.raises(ValueError, match=message), pm.Model():
        bn.NetworkWeights("net", network, pinned=pinned)


def test_one_of_contrast_and_values():
    network = bn.MLP("net", inputs=1)
    with pytest.raises(ValueError, match="give one of them"), pm.Model():
        bn.NetworkWeights("net", network, pinned=[1.0], contrast=([2.0], [0.0]))
