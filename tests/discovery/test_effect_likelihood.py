"""A subject's posterior divided by the population is its likelihood."""

from __future__ import annotations

import numpy as np
import pytest

from bnode_nlme.discovery import effect_likelihood

POPULATION = np.array([[0.09, 0.03], [0.03, 0.04]])


def _draws(precision, shift, count, rng):
    inverse = np.linalg.inv(precision + np.linalg.inv(POPULATION))
    mean = np.einsum("sij,sj->si", inverse, shift)
    root = np.linalg.cholesky(inverse)
    return mean + np.einsum("sij,dsj->dsi", root, rng.normal(size=(count, *shift.shape)))


def test_known_likelihoods_are_found_again():
    rng = np.random.default_rng(2)
    root = rng.normal(size=(6, 2, 2)) * 8.0
    precision = root @ np.swapaxes(root, 1, 2)
    value = rng.normal(size=(6, 2)) * 0.3
    shift = np.einsum("sij,sj->si", precision, value)
    draws = _draws(precision, shift, 200_000, rng)
    found = effect_likelihood(draws, POPULATION, np.arange(6), ("CL", "V"))
    # Errors of the covariance of 200 000 draws are relative to the posterior's precision.
    scale = np.abs(precision).max(axis=(1, 2)) + np.linalg.inv(POPULATION).max()
    assert np.all(np.abs(found.precision - precision).max(axis=(1, 2)) < 0.02 * scale)
    assert np.all(np.abs(found.shift - shift).max(axis=1) < 0.02 * scale)
    expected = 1.0 - np.diagonal(
        np.linalg.inv(precision + np.linalg.inv(POPULATION)), axis1=1, axis2=2
    ) / np.diag(POPULATION)
    np.testing.assert_allclose(found.information, expected, atol=0.02)


def test_a_direction_of_which_nothing_is_known_has_no_precision():
    rng = np.random.default_rng(3)
    along = np.array([1.0, 2.0]) / np.sqrt(5.0)
    precision = np.broadcast_to(400.0 * np.outer(along, along), (3, 2, 2))
    shift = precision[0] @ np.array([0.1, -0.2]) * np.ones((3, 1))
    found = effect_likelihood(
        _draws(precision, shift, 50_000, rng), POPULATION, np.arange(3), ("CL", "V")
    )
    across = np.array([2.0, -1.0]) / np.sqrt(5.0)
    assert np.all(np.linalg.eigvalsh(found.precision) > -1e-9)
    assert np.all(np.einsum("i,sij,j->s", across, found.precision, across) < 4.0)
    np.testing.assert_allclose(
        np.einsum("i,sij,j->s", along, found.precision, along), 400.0, rtol=0.05
    )


def test_a_posterior_that_is_the_population_tells_nothing():
    rng = np.random.default_rng(4)
    draws = rng.multivariate_normal(np.zeros(2), POPULATION, size=(20_000, 5))
    found = effect_likelihood(draws, POPULATION, np.arange(5), ("CL", "V"))
    assert np.all(found.information < 0.05)


def test_a_mode_has_no_uncertainty():
    with pytest.raises(ValueError, match="wants 100 draws or more; found 1"):
        effect_likelihood(np.zeros((1, 4, 2)), POPULATION, np.arange(4), ("CL", "V"))
