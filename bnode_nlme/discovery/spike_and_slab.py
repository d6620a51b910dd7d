"""Which covariates are in: spike and slab over random effects that are known with error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bnode_nlme.discovery.covariate_shapes import Shape
from bnode_nlme.discovery.effect_likelihood import EffectLikelihood
from bnode_nlme.discovery.term_gains import factor_model, model_evidence, scan_terms

Array = NDArray[np.float64]

_PRIOR_SUBJECTS = 4.0
"""Weight of the prior of the unexplained covariance, in subjects."""
_SLABS = np.array([0.25, 0.5, 1.0])
_CORRELATION_POWER = 4


@dataclass(frozen=True, eq=False)
class Term:
    """One covariate on one effect: in with one of its shapes, or out.

    Attributes
    ----------
    effect, covariate
        Which, counted from 0.
    columns : tuple of ndarray of int
        For each shape, the columns of the design.
    """

    effect: int
    covariate: int
    columns: tuple[NDArray[np.int64], ...]


@dataclass(frozen=True, eq=False)
class Inclusions:
    """Draws of the posterior over covariate models.

    Attributes
    ----------
    states : ndarray (chains, draws, terms)
        0 where the covariate is out, else the number of its shape, counted from 1.
    coefficients : ndarray (chains, draws, columns)
        Of the design's columns in units of the effect; 0 where out.
    inclusion : ndarray (chains, draws, terms)
        Probability of being in, given all else: its mean is the inclusion probability, with less
        noise than that of the states.
    unexplained : ndarray (chains, draws, K, K)
        Covariance of the effects beside the covariates.
    """

    states: NDArray[np.int64]
    coefficients: Array
    inclusion: Array
    unexplained: Array


class Design:
    """The columns of all terms.

    Parameters
    ----------
    shapes : sequence of sequence of Shape
        Of each covariate.
    effects
        Number of effects, K.
    allowed : ndarray of bool (K, covariates)
        Which covariates may enter which effects.

    Attributes
    ----------
    columns : ndarray (S, C)
        A constant, and the functions of all covariates.
    of_covariate : tuple of ndarray of int
        The columns, among those C, of each covariate.
    terms : tuple of Term
    width : int
        K * C: columns are counted effect by effect.
    """

    def __init__(
        self, shapes: Sequence[Sequence[Shape]], effects: int, allowed: NDArray[np.bool_]
    ) -> None:
        self.shapes = tuple(tuple(own) for own in shapes)
        parts: list[Array] = [np.ones((shapes[0][0].reference.size, 1))]
        places: list[list[NDArray[np.int64]]] = []
        own_columns = []
        count = 1
        for covariate, own in enumerate(self.shapes):
            functions = self.functions(covariate, own[0].reference)
            parts.append(functions)
            places.append(_places(own, count))
            own_columns.append(np.arange(count, count + functions.shape[1]))
            count += functions.shape[1]
        self.of_covariate = tuple(own_columns)
        self.columns = np.concatenate(parts, axis=1)
        self.width = effects * count
        self.constants = np.arange(effects) * count
        self.terms = tuple(
            Term(k, j, tuple(at + k * count for at in places[j]))
            for k in range(effects)
            for j in range(len(shapes))
            if allowed[k, j]
        )

    def functions(self, covariate: int, x: Array) -> Array:
        """The columns of one covariate at values of it, (values, columns)."""
        parts = []
        for shape in self.shapes[covariate]:
            basis = shape.basis(x)
            # A curve's first function is the straight line, which is there already.
            parts.append(basis[:, 1:] if shape.name == "curve" else basis)
        return np.concatenate(parts, axis=1)


def _places(shapes: Sequence[Shape], first: int) -> list[NDArray[np.int64]]:
    """The columns of each shape of a covariate whose functions begin at one."""
    result: list[NDArray[np.int64]] = []
    for shape in shapes:
        if shape.name == "curve":
            bends = np.arange(first, first + shape.size - 1)
            result.append(np.concatenate([result[0], bends]))
            first += bends.size
        else:
            result.append(np.arange(first, first + shape.size))
            first += shape.size
    return result


def sample_inclusions(
    likelihood: EffectLikelihood,
    design: Design,
    correlation: Array,
    *,
    relevant: float,
    draws: int,
    tune: int,
    chains: int,
    seed: int,
) -> Inclusions:
    """Draw covariate models from their posterior.

    Parameters
    ----------
    likelihood
        Of the effects.
    design
        The terms.
    correlation : ndarray (covariates, covariates)
        Of the covariates among each other: exchanges are proposed between those that are alike.
    relevant
        How many covariates are expected to matter for each effect.
    draws, tune, chains
        Of the sampler: kept draws and discarded ones of each chain.
    seed

    Returns
    -------
    Inclusions

    Notes
    -----
    The model: effects of a subject are the sum of its terms plus a normal rest whose covariance has
    an inverse Wishart prior around half of the population's, worth four subjects; the measurements
    tell of them through `EffectLikelihood`. A term is out, or in with one of its shapes, each as
    likely a priori; the share of terms that are in has a beta prior with the expected number as its
    mean, which is what corrects for the number of candidates (Scott and Berger 2010,
    doi:10.1214/10-AOS792). Coefficients of standardised columns are normal, with a standard
    deviation of a quarter, a half or one times that of the effect. Gibbs sampling: states with
    coefficients and effects integrated out (George and McCulloch 1997), one term after the other,
    then exchanges of one covariate for another, then all the rest.
    """
    found = [
        _Chain(likelihood, design, correlation, relevant, np.random.default_rng([seed, chain])).run(
            draws, tune
        )
        for chain in range(chains)
    ]
    return Inclusions(*(np.stack(parts) for parts in zip(*found, strict=True)))


class _Chain:
    def __init__(
        self,
        likelihood: EffectLikelihood,
        design: Design,
        correlation: Array,
        relevant: float,
        rng: np.random.Generator,
    ) -> None:
        self.given, self.design, self.rng = likelihood, design, rng
        self.terms = design.terms
        self.n_effects = len(likelihood.effects)
        self.of_effect = np.array([term.effect for term in self.terms])
        counts = np.bincount(self.of_effect, minlength=self.n_effects)
        self.beta = np.maximum(counts / relevant - 1.0, 1.0)
        self.states = np.zeros(len(self.terms), dtype=np.int64)
        self.share = np.full(self.n_effects, min(0.5, relevant / max(1.0, float(counts.max()))))
        self.unexplained = likelihood.population.copy()
        sds = np.sqrt(np.diag(likelihood.population))
        self.unit = np.repeat(sds, design.columns.shape[1])
        self.slab = 0.5
        self.n_shapes = np.array([len(term.columns) for term in self.terms])
        self.columns, self.sizes = _padded(self.terms)
        self.exchange = _exchange(self.terms, correlation)

    def run(self, draws: int, tune: int) -> tuple[Array, Array, Array, Array]:
        kept = []
        for step in range(tune + draws):
            self._condition()
            inclusion = self._scan()
            self._exchanges()
            coefficients = self._rest()
            if step >= tune:
                kept.append((self.states.copy(), coefficients, inclusion, self.unexplained.copy()))
        states, coefficients, inclusions, unexplained = (
            np.array(part) for part in zip(*kept, strict=True)
        )
        return states, coefficients, inclusions, unexplained

    def _condition(self) -> None:
        """Normal equations of every column, given the unexplained covariance and the slab."""
        x, k = self.design.columns, self.n_effects
        shrunk = np.eye(k) + self.given.precision @ self.unexplained
        weight = np.linalg.solve(shrunk, self.given.precision)
        pull = np.linalg.solve(shrunk, self.given.shift[..., None])[..., 0]
        gram = np.empty((k, x.shape[1], k, x.shape[1]))
        for i in range(k):
            for j in range(k):
                gram[i, :, j, :] = x.T @ (weight[:, i, j, None] * x)
        self._raw_gram = gram.reshape(self.design.width, self.design.width)
        self._raw_pull = (x.T @ pull).T.ravel()
        self._scale()

    def _scale(self) -> None:
        """Put every column on the scale on which its coefficient is standard normal."""
        self.units = self.unit * self.slab
        # The level is not shrunk by the slab.
        self.units[self.design.constants] = self.unit[self.design.constants]
        self.gram = self._raw_gram * np.outer(self.units, self.units)
        self.pull = self._raw_pull * self.units

    def _model(self) -> NDArray[np.int64]:
        """The columns of all terms that are in."""
        inside = [self.terms[t].columns[self.states[t] - 1] for t in np.flatnonzero(self.states)]
        return np.concatenate([self.design.constants, *inside])

    def _evidence(self) -> float:
        """Logarithm of the marginal likelihood of the model, up to a constant of all models."""
        return float(model_evidence(self.gram, self.pull, self._model()))

    def _scan(self) -> Array:
        """Every term in turn, in random order, all else given."""
        share = self.share[self.of_effect]
        return np.asarray(
            scan_terms(
                self.gram,
                self.pull,
                self.design.constants,
                self.columns,
                self.sizes,
                self.n_shapes,
                np.log(share / ((1.0 - share) * self.n_shapes)),
                self.states,
                self.rng.permutation(len(self.terms)),
                self.rng.random(len(self.terms)),
            )
        )

    def _exchanges(self) -> None:
        """Offer each covariate that is in to leave for one that resembles it."""
        for term in np.flatnonzero(self.states):
            if not self.exchange[term].any():
                continue
            other = int(self.rng.choice(len(self.terms), p=self.exchange[term]))
            shape = self.states[term]
            if self.states[other] or shape > self.n_shapes[other]:
                continue
            before = self._evidence()
            self.states[term], self.states[other] = 0, shape
            after = self._evidence()
            ratio = (
                after
                - before
                + np.log(self.exchange[other][term] / self.exchange[term][other])
                + np.log(self.n_shapes[term] / self.n_shapes[other])
            )
            if np.log(self.rng.random()) > ratio:
                self.states[term], self.states[other] = shape, 0

    def _rest(self) -> Array:
        """Slab, coefficients, effects, their covariance and the share of terms that are in."""
        columns = self._model()
        evidence = np.empty(_SLABS.size)
        for place, slab in enumerate(_SLABS):
            self.slab = slab
            self._scale()
            evidence[place] = self._evidence()
        weights = np.exp(evidence - evidence.max())
        self.slab = float(self.rng.choice(_SLABS, p=weights / weights.sum()))
        self._scale()
        lower, solved = factor_model(self.gram, self.pull, columns)
        noise = self.rng.standard_normal(columns.size)
        drawn = np.linalg.solve(lower.T, solved + noise)
        coefficients = np.zeros(self.design.width)
        coefficients[columns] = drawn * self.units[columns]
        fitted = self.design.columns @ coefficients.reshape(self.n_effects, -1).T
        self._draw_unexplained(fitted)
        inside = np.bincount(self.of_effect, weights=self.states > 0, minlength=self.n_effects)
        counts = np.bincount(self.of_effect, minlength=self.n_effects)
        share = self.rng.beta(1.0 + inside, self.beta + counts - inside)
        self.share = np.clip(share, 1e-6, 1.0 - 1e-6)
        return coefficients

    def _draw_unexplained(self, fitted: Array) -> None:
        n, k = fitted.shape
        precision = self.given.precision + np.linalg.inv(self.unexplained)
        pull = self.given.shift - np.einsum("sij,sj->si", self.given.precision, fitted)
        centre = np.linalg.solve(precision, pull[..., None])[..., 0]
        factor = np.linalg.cholesky(precision)
        noise = self.rng.standard_normal((n, k, 1))
        rest = centre + np.linalg.solve(np.swapaxes(factor, 1, 2), noise)[..., 0]
        freedom = _PRIOR_SUBJECTS + k + 1.0
        scale = 0.5 * _PRIOR_SUBJECTS * self.given.population + rest.T @ rest
        self.unexplained = _inverse_wishart(freedom + n, scale, self.rng)


def _padded(terms: Sequence[Term]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The columns of each shape of each term, and their number, as arrays."""
    shapes = max(len(term.columns) for term in terms)
    sizes = np.zeros((len(terms), shapes), dtype=np.int64)
    for t, term in enumerate(terms):
        sizes[t, : len(term.columns)] = [columns.size for columns in term.columns]
    padded = np.zeros((len(terms), shapes, int(sizes.max())), dtype=np.int64)
    for t, term in enumerate(terms):
        for shape, columns in enumerate(term.columns):
            padded[t, shape, : columns.size] = columns
    return padded, sizes


def _exchange(terms: Sequence[Term], correlation: Array) -> Array:
    """Probability with which each term is offered to be exchanged for each other, (terms, terms)."""
    effect = np.array([term.effect for term in terms])
    covariate = np.array([term.covariate for term in terms])
    alike = np.abs(correlation[np.ix_(covariate, covariate)]) ** _CORRELATION_POWER + 1e-6
    alike *= (effect[:, None] == effect) & (covariate[:, None] != covariate)
    total = alike.sum(axis=1, keepdims=True)
    return np.divide(alike, total, out=np.zeros_like(alike), where=total > 0.0)


def _inverse_wishart(freedom: float, scale: Array, rng: np.random.Generator) -> Array:
    """One draw, by Bartlett's decomposition."""
    k = scale.shape[0]
    lower = np.tril(rng.standard_normal((k, k)), -1)
    lower[np.diag_indices(k)] = np.sqrt(rng.chisquare(freedom - np.arange(k)))
    half = np.linalg.solve(lower, np.linalg.cholesky(scale).T)
    return np.asarray(half.T @ half)
