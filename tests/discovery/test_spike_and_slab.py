"""The sampler's probabilities are those of a plain enumeration of all models."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy import stats
from scipy.linalg import block_diag
from scipy.special import betaln, logsumexp

from bnode_nlme.discovery import EffectLikelihood
from bnode_nlme.discovery.covariate_shapes import Shape
from bnode_nlme.discovery.inclusion_design import Design
from bnode_nlme.discovery.spike_and_slab import _Chain, sample_inclusions
from bnode_nlme.discovery.term_gains import scan_terms

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
        parts = []
        for slab in SLABS:
            fixed = POPULATION * (1.0 + slab**2 * z[:, inside] @ z[:, inside].T)
            # One decomposition serves every variance of the rest on the grid.
            values, vectors = np.linalg.eigh(fixed + np.diag(error**2))
            spread = values + grid[:, None]
            turned = (vectors.T @ y) ** 2
            parts.append(prior - 0.5 * (np.log(spread) + turned / spread).sum(axis=1))
        evidence[place] = betaln(1.0 + inside.size, beta + 3 - inside.size) + logsumexp(parts)
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
        likelihood, design, np.corrcoef(x.T), relevant=1.0, draws=6000, tune=200, chains=1, seed=3
    )
    found = drawn.inclusion.mean(axis=(0, 1))
    assert wanted.min() > 0.05
    assert wanted.max() < 0.95
    np.testing.assert_allclose(found, wanted, atol=0.01)
    # States themselves agree, and so does what they have in common.
    np.testing.assert_allclose((drawn.states > 0).mean(axis=(0, 1)), wanted, atol=0.02)
    both = ((drawn.states[..., 0] > 0) | (drawn.states[..., 1] > 0)).mean()
    np.testing.assert_allclose(both, either, atol=0.02)


def _two_effects(subjects, covariates, rng, strength):
    """Effects of correlation 0.95 known with small errors; X0 moves the first one alone."""
    x = rng.normal(size=(subjects, covariates))
    rest = rng.multivariate_normal(
        [0, 0], 0.04 * np.array([[1.0, 0.95], [0.95, 1.0]]), size=subjects
    )
    eta = rest + strength * np.column_stack([x[:, 0], np.zeros(subjects)])
    return x, eta, np.broadcast_to(1e4 * np.array([[1.0, 0.3], [0.3, 2.0]]), (subjects, 2, 2))


def _likelihood(eta, precision):
    k = eta.shape[1]
    return EffectLikelihood(
        np.arange(len(eta)),
        tuple("CV"[:k]),
        precision,
        np.einsum("sij,sj->si", precision, eta),
        np.atleast_2d(np.cov(eta.T)),
    )


def _straight(x, effects):
    shapes = [(Shape("linear", x[:, j]),) for j in range(x.shape[1])]
    return Design(shapes, effects, np.ones((effects, x.shape[1]), dtype=bool))


def test_evidence_of_two_correlated_effects_is_that_of_one_normal_distribution():
    x, eta, precision = _two_effects(12, 2, np.random.default_rng(6), 0.1)
    likelihood = _likelihood(eta, precision)
    chain = _Chain(likelihood, _straight(x, 2), np.eye(2), 1.0, np.random.default_rng(1))
    chain.unexplained = np.array([[0.05, 0.03], [0.03, 0.04]])
    chain._condition()
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    sds = np.sqrt(np.diag(likelihood.population))
    error = block_diag(*np.linalg.inv(precision))
    rest = np.kron(np.eye(12), chain.unexplained)
    level = np.kron(np.ones((12, 12)), np.diag(sds**2))

    def dense(model):
        covariance = error + rest + level
        for effect, covariate in model:
            column = np.zeros((12, 2))
            column[:, effect] = z[:, covariate] * chain.slab * sds[effect]
            covariance = covariance + np.outer(column.ravel(), column.ravel())
        return stats.multivariate_normal.logpdf(eta.ravel(), np.zeros(24), covariance)

    def own(model):
        chain.states[:] = [(term.effect, term.covariate) in model for term in chain.terms]
        return chain._evidence()

    models = [[], [(0, 0)], [(1, 0)], [(0, 0), (1, 1)], [(0, 0), (0, 1), (1, 0), (1, 1)]]
    wanted = np.array([dense(model) for model in models])
    found = np.array([own(model) for model in models])
    np.testing.assert_allclose(found - found[0], wanted - wanted[0], atol=1e-8)
    # A scan's probability is that of the odds between a term in and out, each evidence by itself.
    chain.states[:] = [(term.effect, term.covariate) == (0, 0) for term in chain.terms]
    chain.share[:] = 0.3
    last = chain.terms.index(next(t for t in chain.terms if (t.effect, t.covariate) == (1, 1)))
    inside = scan_terms(
        chain.gram, chain.pull, chain.design.constants, chain.columns, chain.sizes, chain.n_shapes,
        np.full(4, np.log(0.3 / 0.7)), chain.states, np.array([last]), np.array([2.0]),
    )  # fmt: skip
    odds = 0.3 / 0.7 * np.exp(dense([(0, 0), (1, 1)]) - dense([(0, 0)]))
    assert inside[last] == pytest.approx(odds / (1.0 + odds), rel=1e-8)


def _exact_states(chain):
    """Probability of every set of terms, all but the states given."""
    sets = list(product([0, 1], repeat=len(chain.terms)))
    share = chain.share[chain.of_effect]
    log = np.empty(len(sets))
    for place, states in enumerate(sets):
        chain.states[:] = states
        inside = np.array(states, dtype=bool)
        log[place] = chain._evidence() + np.log(np.where(inside, share, 1.0 - share)).sum()
    return np.array(sets), np.exp(log - logsumexp(log))


def test_exchanges_leave_the_posterior_as_it_is():
    rng = np.random.default_rng(21)
    common = rng.normal(size=40)
    x = common[:, None] + np.array([0.3, 0.45, 0.6, 0.8]) * rng.normal(size=(40, 4))
    eta = 0.25 * (x[:, :1] + x[:, 3:]) / 2.0 + 0.3 * rng.normal(size=(40, 1))
    likelihood = _likelihood(eta, np.broadcast_to(50.0, (40, 1, 1)))
    chain = _Chain(likelihood, _straight(x, 1), np.asarray(np.corrcoef(x.T)), 2.0, rng)
    chain.share[:] = 0.5
    chain._condition()
    sets, wanted = _exact_states(chain)
    inside = sets.sum(axis=1)
    assert wanted[inside == 2].sum() > 0.2, "control: several are in, so that their order matters"
    count = 40_000
    reached = np.zeros(len(sets))
    for start in rng.choice(len(sets), size=count, p=wanted):
        chain.states[:] = sets[start]
        chain._exchanges()
        reached[chain.states @ np.array([8, 4, 2, 1])] += 1
    known = wanted * count > 5.0
    statistic = ((reached - wanted * count) ** 2 / (wanted * count))[known].sum()
    assert stats.chi2.sf(statistic, known.sum() - 1) > 1e-3


def test_a_correlated_effect_sharpens_what_the_other_says():
    # By itself CL hardly tells of its covariate; beside V, which varies with it, it does.
    x, eta, precision = _two_effects(150, 4, np.random.default_rng(6), 0.04)

    def inside(effects):
        likelihood = _likelihood(eta[:, effects], precision[:, effects][:, :, effects])
        drawn = sample_inclusions(
            likelihood, _straight(x, len(effects)), np.eye(4),
            relevant=1.0, draws=300, tune=100, chains=1, seed=1,
        )  # fmt: skip
        return (drawn.states > 0).reshape(-1, len(effects), 4)

    together, alone = inside([0, 1]), inside([0])
    assert together[:, :, 0].any(axis=1).mean() > 0.98
    assert together[:, 0, 0].mean() > alone[:, 0, 0].mean() + 0.1
    assert together[:, :, 1:].mean(axis=0).max() < 0.3
