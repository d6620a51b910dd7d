"""The sampler's probabilities are those of a plain enumeration of all models."""

from __future__ import annotations

from itertools import product

import numpy as np
from scipy import stats
from scipy.special import betaln, logsumexp

from bnode_nlme.discovery import EffectLikelihood
from bnode_nlme.discovery.covariate_shapes import Shape
from bnode_nlme.discovery.spike_and_slab import Design, sample_inclusions

SLABS = (0.25, 0.5, 1.0)
POPULATION = 0.09


def _problem(rng):
    n = 25
    x = rng.normal(size=(n, 3))
    x[:, 1] = 0.9 * x[:, 0] + 0.4 * x[:, 1]
    error = 0.1 * np.exp(0.5 * rng.normal(size=n))
    y = 0.1 * x[:, 0] + 0.25 * rng.normal(size=n) + error * rng.normal(size=n)
    precision = 1.0 / error**2
    precision[:3] = 0.0  # subjects who tell nothing
    return x, y, precision


def _enumerated(x, y, precision, relevant):
    """Inclusion probabilities by a sum over models and slabs and a grid over the variance."""
    kept = precision > 0.0
    y, error = y[kept], 1.0 / np.sqrt(precision[kept])
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    z = z[kept]
    beta = max(3 / relevant - 1.0, 1.0)
    grid = np.geomspace(1e-3, 1.0, 400)
    # Four subjects' worth around half of the population's variance.
    prior = stats.invgamma(3.0, scale=POPULATION).logpdf(grid) + np.log(grid)
    models = list(product([0, 1], repeat=3))
    evidence = np.empty(len(models))
    for place, model in enumerate(models):
        inside = np.flatnonzero(model)
        share = betaln(1.0 + inside.size, beta + 3 - inside.size)
        parts = []
        for slab in SLABS:
            fixed = POPULATION * (1.0 + slab**2 * z[:, inside] @ z[:, inside].T)
            for variance, log_prior in zip(grid, prior, strict=True):
                covariance = fixed + np.diag(error**2 + variance)
                parts.append(
                    log_prior + stats.multivariate_normal.logpdf(y, np.zeros(y.size), covariance)
                )
        evidence[place] = share + logsumexp(parts)
    weights = np.exp(evidence - logsumexp(evidence))
    return weights @ np.array(models), 1.0 - weights[[0, 1]].sum()


def test_inclusion_probabilities():
    x, y, precision = _problem(np.random.default_rng(12))
    wanted, either = _enumerated(x, y, precision, relevant=1.0)
    likelihood = EffectLikelihood(
        np.arange(y.size),
        ("CL",),
        precision[:, None, None],
        (precision * y)[:, None],
        np.array([[POPULATION]]),
    )
    design = Design([(Shape("linear", x[:, j]),) for j in range(3)], 1, np.ones((1, 3), dtype=bool))
    drawn = sample_inclusions(
        likelihood, design, np.corrcoef(x.T), relevant=1.0, draws=4000, tune=200, chains=1, seed=3
    )
    found = drawn.inclusion.mean(axis=(0, 1))
    assert wanted.min() > 0.05
    assert wanted.max() < 0.95
    np.testing.assert_allclose(found, wanted, atol=0.03)
    # States themselves agree, and so does what they have in common.
    np.testing.assert_allclose((drawn.states > 0).mean(axis=(0, 1)), wanted, atol=0.04)
    both = ((drawn.states[..., 0] > 0) | (drawn.states[..., 1] > 0)).mean()
    np.testing.assert_allclose(both, either, atol=0.04)


def test_two_correlated_effects_are_weighed_together():
    # With a known covariance of the rest, what CL says of its covariate sharpens by knowing V.
    rng = np.random.default_rng(5)
    n = 150
    x = rng.normal(size=(n, 4))
    rest = rng.multivariate_normal([0, 0], 0.04 * np.array([[1.0, 0.95], [0.95, 1.0]]), size=n)
    eta = rest + np.column_stack([0.045 * x[:, 0], np.zeros(n)])
    precision = np.broadcast_to(np.eye(2) * 1e4, (n, 2, 2))

    def inclusion(effects):
        likelihood = EffectLikelihood(
            np.arange(n),
            tuple("CV"[: len(effects)]),
            precision[:, : len(effects), : len(effects)],
            1e4 * eta[:, effects],
            np.cov(eta[:, effects].T).reshape(len(effects), len(effects)),
        )
        design = Design(
            [(Shape("linear", x[:, j]),) for j in range(4)],
            len(effects),
            np.ones((len(effects), 4), dtype=bool),
        )
        drawn = sample_inclusions(
            likelihood,
            design,
            np.corrcoef(x.T),
            relevant=1.0,
            draws=300,
            tune=100,
            chains=1,
            seed=1,
        )
        return drawn.inclusion.mean(axis=(0, 1))

    together, alone = inclusion([0, 1]), inclusion([0])
    assert together[0] > 0.95
    assert together[0] > alone[0] + 0.1
    assert together[1:].max() < 0.5
