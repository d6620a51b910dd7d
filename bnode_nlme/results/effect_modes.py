"""Where each subject's random effects are most probable, at every draw of the population."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bnode_nlme.results.individual_likelihood import IndividualLikelihood

Array = NDArray[np.float64]

_STARTS, _ITERATIONS = 64, 30
_LENGTHS = np.array([1.0, 0.5, 0.2, 0.05, 0.01])
_ENOUGH = 1e-3
_LONGEST = 10.0
"""Of a step, in standard deviations of the population: beyond, a model may overflow."""
_STEEPEST = 1e13
"""Largest curvature: above it, what the other directions have is lost in rounding."""


@dataclass(frozen=True, eq=False)
class EffectModes:
    """Modes of standardised random effects, and curvatures there.

    Attributes
    ----------
    z : ndarray (D, S, q)
    curvature : ndarray (D, S, q, q)
        Positive definite, with eigenvalues from 1 (the population's) to 1e13.
    """

    z: Array
    curvature: Array


def effect_modes(likelihood: IndividualLikelihood, rng: np.random.Generator) -> EffectModes:
    """Find the modes, by the method of Gauss and Newton, of all subjects and draws together.

    They centre a proposal, whose weights make up for what they lack; so they are only found to
    a thousandth in log-density. The first draw's search starts at the best of many vectors of the
    population, the other draws' searches where the first one's ended.
    """
    n_subjects, size = likelihood.study.n_subjects, likelihood.space.size
    first = np.zeros(1, dtype=np.intp)
    tried = rng.standard_normal((1, _STARTS, n_subjects, size))
    tried[:, 0] = 0.0
    density = _density(likelihood, tried, first)
    best = np.where(np.isfinite(density), density, -np.inf).argmax(axis=1)
    start = np.take_along_axis(tried, best[:, None, :, None], axis=1)[:, 0]
    found = _climbed(likelihood, start, first)
    every = np.arange(likelihood.draws)
    return _climbed(likelihood, np.repeat(found.z, len(every), axis=0), every)


def _climbed(
    likelihood: IndividualLikelihood, start: Array, draws: NDArray[np.intp]
) -> EffectModes:
    z = start.copy()
    curvature = np.empty((*z.shape, z.shape[-1]))
    going = np.arange(len(draws))
    for _ in range(_ITERATIONS):
        value, gradient, own = likelihood.curvature(z[going], draws[going])
        own = _bounded(own)
        curvature[going] = own
        step = np.linalg.solve(own, gradient[..., None])[..., 0]
        gain = np.sum(step * gradient, axis=-1)
        step[~np.isfinite(value) | ~np.isfinite(gain)] = 0.0
        length = np.linalg.norm(step, axis=-1, keepdims=True)
        step *= _LONGEST / np.maximum(length, _LONGEST)
        tried = z[going][:, None] + _LENGTHS[None, :, None, None] * step[:, None]
        reached = _density(likelihood, tried, draws[going])
        best = reached.argmax(axis=1)
        better = np.take_along_axis(reached, best[:, None], axis=1)[:, 0] > value
        chosen = np.take_along_axis(tried, best[:, None, :, None], axis=1)[:, 0]
        moved = better & (gain > _ENOUGH) & np.isfinite(value)
        z[going] = np.where(moved[..., None], chosen, z[going])
        going = going[moved.any(axis=-1)]
        if not going.size:
            break
    return EffectModes(z, curvature)


def _bounded(curvature: Array) -> Array:
    """Curvatures that can be inverted: the identity plus what is not negative, of bounded size.

    Under a proportional error a prediction near 0 is so steep, in one direction, that rounding
    makes the sum with the identity singular. Of one that is not finite nothing is known but the
    population's part.
    """
    finite = np.isfinite(curvature).all(axis=(-2, -1))
    largest = np.trace(curvature, axis1=-2, axis2=-1)
    steep = finite & (largest > _STEEPEST)
    if finite.all() and not steep.any():
        return curvature
    result = curvature.copy()
    result[~finite] = np.eye(curvature.shape[-1])
    values, vectors = np.linalg.eigh(curvature[steep])
    values = np.clip(values, 1.0, _STEEPEST)
    result[steep] = np.einsum("nij,nj,nkj->nik", vectors, values, vectors)
    return result


def _density(likelihood: IndividualLikelihood, z: Array, draws: NDArray[np.intp]) -> Array:
    return likelihood.log_likelihood(z, draws) - 0.5 * np.sum(z**2, axis=-1)
