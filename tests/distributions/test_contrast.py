"""A contrast that is sampled itself leaves the prior of the network as it is."""

from __future__ import annotations

import numpy as np
import pymc as pm
import pytest
import scipy.stats

import bnode_nlme as bn
from bnode_nlme.distributions.contrast import _SMALLEST

NETWORK = bn.MLP("net", inputs=2, hidden=(4, 3), anchor=(0.5, 0.0), scale=2.0)
UPPER, LOWER = [[1.0, 0.0], [2.0, -1.0]], [[-1.0, 0.5], [0.0, 3.0], [-2.0, 1.0]]
DRAWS = 4000


def drawn(network=NETWORK, contrast=(UPPER, LOWER), seed=5):
    with pm.Model() as model:
        bn.NetworkWeights("net", network, contrast=contrast)
    names = ["net", "net_scale"] + (["net_contrast"] if contrast else [])
    return dict(
        zip(names, pm.draw([model[n] for n in names], DRAWS, random_seed=seed), strict=True)
    )


def contrast_of(network, weights, upper, lower):
    means = [network.evaluate(weights, np.array(p)).mean(axis=-1) for p in (upper, lower)]
    return means[0] - means[1]


@pytest.mark.parametrize("network", [NETWORK, bn.MLP("net", inputs=2, hidden=())])
def test_the_networks_contrast_is_the_variable(network):
    sample = drawn(network)
    np.testing.assert_allclose(
        contrast_of(network, sample["net"], UPPER, LOWER),
        sample["net_contrast"],
        rtol=1e-8,
        atol=_SMALLEST,  # where the network is all but flat
    )


def test_one_input_may_be_given_without_its_axis():
    network = bn.MLP("net", inputs=1, hidden=(3,))
    sample = drawn(network, ([1.0, 2.0], [0.0]))
    expected = contrast_of(network, sample["net"], [[1.0], [2.0]], [[0.0]])
    np.testing.assert_allclose(sample["net_contrast"], expected, rtol=1e-6, atol=1e-6)


def test_the_prior_is_that_without_a_contrast():
    sample, plain = drawn(), drawn(contrast=None, seed=6)
    for given, wanted in zip(sample["net"].T, plain["net"].T, strict=True):
        assert scipy.stats.ks_2samp(given, wanted).pvalue > 1e-3
    # The weights of the last layer are independent given the scale: not tied to the contrast.
    last = NETWORK.layers[-1]
    standard = sample["net"][:, last.weight] / sample["net_scale"][:, -1:] * np.sqrt(3)
    assert scipy.stats.kstest(standard.ravel(), "norm").pvalue > 1e-3
    np.testing.assert_allclose(np.corrcoef(standard.T), np.eye(3), atol=0.06)
    # And the function's own prior, at points that are not those of the contrast.
    grid = np.array([[0.0, 0.0], [3.0, -2.0]])
    for given, wanted in zip(
        NETWORK.evaluate(sample["net"], grid).T, NETWORK.evaluate(plain["net"], grid).T, strict=True
    ):
        assert scipy.stats.ks_2samp(given, wanted).pvalue > 1e-3


def test_density_and_gradient_are_finite_where_the_model_starts():
    with pm.Model() as model:
        bn.NetworkWeights("net", NETWORK, contrast=(UPPER, LOWER))
    logp, gradient = model.compile_fn(
        [model.logp(), pm.pytensorf.gradient(model.logp(), model.value_vars)], mode="FAST_COMPILE"
    )(model.initial_point())
    assert np.isfinite(logp)
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize(
    ("network", "contrast", "message"),
    [
        (bn.MLP("net", inputs=2, output="positive"), (UPPER, LOWER), "output='positive' with 1"),
        (bn.MLP("net", inputs=2, outputs=2), (UPPER, LOWER), "output='linear' with 2"),
        (NETWORK, (UPPER,), "wants two arrays"),
        (NETWORK, 3.0, "wants two arrays"),
        (NETWORK, (UPPER, [1.0, 2.0]), r"shape \(points, 2\); found \(2,\)"),
        (NETWORK, (UPPER, np.empty((0, 2))), r"shape \(points, 2\); found \(0, 2\)"),
        (NETWORK, (UPPER, [[np.nan, 2.0]]), "finite points"),
    ],
)
def test_faulty_contrasts(network, contrast, message):
    with pytest.raises(ValueError, match=message), pm.Model():
        bn.NetworkWeights("net", network, contrast=contrast)
