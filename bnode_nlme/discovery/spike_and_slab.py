"""Which covariates are in: spike and slab over random effects that are known with error."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bnode_nlme.discovery.covariate_exchange import exchange_probabilities
from bnode_nlme.discovery.effect_likelihood import EffectLikelihood
from bnode_nlme.discovery.inclusion_design import Design, padded
from bnode_nlme.discovery.term_gains import factor_model, model_evidence, scan_terms
from bnode_nlme.discovery.unexplained_covariance import draw_unexplained

Array = NDArray[np.float64]

_SLABS = np.array([0.25, 0.5, 1.0])


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
        self.columns, self.sizes = padded(self.terms)
        self.exchange = exchange_probabilities(self.terms, correlation)

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
        """Offer each covariate that is in to leave for one that resembles it, in random order.

        An order by index would not leave the posterior invariant: the way back from an exchange
        that changes the order would be taken at another turn.
        """
        for term in self.rng.permutation(np.flatnonzero(self.states)):
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
        self.unexplained = draw_unexplained(self.given, fitted, self.unexplained, self.rng)
        inside = np.bincount(self.of_effect, weights=self.states > 0, minlength=self.n_effects)
        counts = np.bincount(self.of_effect, minlength=self.n_effects)
        share = self.rng.beta(1.0 + inside, self.beta + counts - inside)
        self.share = np.clip(share, 1e-6, 1.0 - 1e-6)
        return coefficients
