"""A model split by subject: what of its log-density, and of its vector, belongs to whom."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pytensor.tensor as pt
from numpy.typing import NDArray
from pytensor.graph.traversal import ancestors

from bnode_nlme.distributions.measurement import MeasurementRV
from bnode_nlme.inference.flat_model import FlatModel, Vector
from bnode_nlme.inference.laplace.moments import normal_moments, normal_rows
from bnode_nlme.inference.random_effects import effect_variables
from bnode_nlme.study.dimensions import OCCASION, SUBJECT
from bnode_nlme.study.study import Study

_PRIOR_STEP = 1e-3


@dataclass(frozen=True, eq=False)
class IndividualTerms:
    """The log-density as a sum over subjects, given the population parameters.

    Attributes
    ----------
    flat : FlatModel
    effects : tuple of str
        The random effects' free variables.
    blocks : tuple of ndarray of int
        For each subject, where its random effects stand in the vector.
    population : ndarray of int
        Where the population parameters stand.
    measured_by : ndarray of int (N,)
        The subject of each measurement, over all observed variables in the model's order.
    prior_of : ndarray of int
        The subject of each term of the random effects' density.
    """

    flat: FlatModel
    effects: tuple[str, ...]
    blocks: tuple[NDArray[np.intp], ...]
    population: NDArray[np.intp]
    measured_by: NDArray[np.intp]
    prior_of: NDArray[np.intp]

    @property
    def n_subjects(self) -> int:
        """Number of subjects."""
        return len(self.blocks)

    @property
    def subject_labels(self) -> tuple[str, ...]:
        """IDs of the subjects; their numbers, from 0, where the model does not hold them."""
        labels = self.flat.model.coords.get(SUBJECT)
        return tuple(map(str, range(self.n_subjects) if labels is None else labels))

    @property
    def n_effects(self) -> int:
        """The most random effects that a subject has, its occasions' included."""
        return max(len(block) for block in self.blocks)

    @property
    def is_normal(self) -> bool:
        """Whether all measurements are normal given the random effects."""
        return None not in self._moments

    @cached_property
    def normal_counts(self) -> NDArray[np.float64]:
        """How many measurements of each subject are normal and not censored, (subjects,)."""
        model = self.flat.model
        normal = [normal_rows(model, str(variable.name)) for variable in model.observed_RVs]
        return np.bincount(self.measured_by, np.concatenate(normal), minlength=self.n_subjects)

    def joint(self, x: Vector) -> tuple[Vector, Vector]:
        """Log-density of each subject's measurements and random effects, and its gradient.

        Returns
        -------
        ndarray (subjects,)
            -inf where a solve fails.
        ndarray (size,)
            Gradient of the sum. What stands in a subject's block is the gradient of that subject.
        """
        measured, prior, gradient = self._joint(x)
        values = np.bincount(self.measured_by, measured, minlength=self.n_subjects)
        values += np.bincount(self.prior_of, prior, minlength=self.n_subjects)
        return np.where(np.isfinite(values), values, -np.inf), np.asarray(gradient)

    def prior(self, x: Vector, *, jacobian: bool) -> tuple[float, Vector]:
        """Log-density of the population parameters, and its gradient (size,)."""
        value, gradient = (self._prior if jacobian else self._natural_prior)(x)
        return float(value), np.asarray(gradient)

    def prior_precision(self, x: Vector) -> list[NDArray[np.float64]]:
        """Negative second derivatives of each subject's random effects' log-density."""
        return [
            -curvature
            for curvature in self.block_derivatives(x, self._effects_gradient, _PRIOR_STEP)
        ]

    def block_derivatives(self, x: Vector, gradient: Any, step: float) -> list[NDArray[np.float64]]:
        """Derivatives of a gradient within each block, by central differences, all at once."""
        result = np.zeros((self.n_subjects, self.n_effects, self.n_effects))
        for column in range(self.n_effects):
            shifted = np.zeros(x.size + 1)
            shifted[self._padded[:, column]] = step
            difference = gradient(x + shifted[:-1]) - gradient(x - shifted[:-1])
            result[:, :, column] = self._by_subject(difference) / (2.0 * step)
        return self._unpadded(0.5 * (result + result.transpose(0, 2, 1)))

    def joint_gradient(self, x: Vector) -> Vector:
        """The second part of `joint`."""
        return self.joint(x)[1]

    def information(self, x: Vector) -> list[NDArray[np.float64]]:
        """Fisher information of each subject's measurements about its random effects.

        For normal measurements with mean m and variance V: the sum of ``m' m'^T / V`` and, for the
        dependence of V, half of ``(log V)' (log V)'^T``. The derivatives are exact: one adjoint
        solve gives those of one measurement of every subject.
        """
        result = np.zeros((self.n_subjects, self.n_effects, self.n_effects))
        for measurement in self._by_rank:
            chosen = np.zeros(self.measured_by.size + 1)
            chosen[measurement] = 1.0
            g, variance = self._pulled_back(x, chosen[:-1], np.zeros(self.measured_by.size))
            weight = np.append(1.0 / variance, 0.0)[measurement]
            result += weight[:, None, None] * g[:, :, None] * g[:, None, :]
            if self._spread_moves:
                c, _ = self._pulled_back(x, np.zeros(self.measured_by.size), chosen[:-1])
                result += 0.5 * c[:, :, None] * c[:, None, :]
        return self._unpadded(result)

    @cached_property
    def _by_rank(self) -> NDArray[np.intp]:
        """The first, second, ... measurement of each subject; their number where there is none."""
        own = [np.flatnonzero(self.measured_by == subject) for subject in range(self.n_subjects)]
        most = max(len(places) for places in own)
        result = np.full((most, self.n_subjects), self.measured_by.size, dtype=np.intp)
        for subject, places in enumerate(own):
            result[: len(places), subject] = places
        return result

    @cached_property
    def _padded(self) -> NDArray[np.intp]:
        """The blocks as rows of one array, filled up with the size of the vector."""
        result = np.full((self.n_subjects, self.n_effects), self.flat.size, dtype=np.intp)
        for row, block in zip(result, self.blocks, strict=True):
            row[: len(block)] = block
        return result

    def _by_subject(self, x: Vector) -> NDArray[np.float64]:
        """What of a vector stands in each subject's block, (subjects, effects)."""
        return np.append(x, 0.0)[self._padded]

    def _unpadded(self, matrices: NDArray[np.float64]) -> list[NDArray[np.float64]]:
        return [
            matrix[: len(block), : len(block)]
            for matrix, block in zip(matrices, self.blocks, strict=True)
        ]

    @cached_property
    def _moments(self) -> list[Any]:
        model = self.flat.model
        return [normal_moments(model, str(variable.name)) for variable in model.observed_RVs]

    @cached_property
    def _spread_moves(self) -> bool:
        """Whether a variance depends on the random effects, through the prediction or not."""
        model = self.flat.model
        effects = {model.rvs_to_values[model[name]] for name in self.effects}
        return bool(effects & set(ancestors([spread for _, spread in self._moments])))

    @cached_property
    def _moment_pull(self) -> Any:
        means, spreads = (pt.concatenate(part) for part in zip(*self._moments, strict=True))
        cotangents = [pt.vector("of_mean"), pt.vector("of_spread")]
        total = (cotangents[0] * means).sum() + (cotangents[1] * spreads).sum()
        return self.flat.function([self.flat.gradient_of(total), pt.exp(spreads)], cotangents)

    def _pulled_back(
        self, x: Vector, of_mean: Vector, of_spread: Vector
    ) -> tuple[NDArray[np.float64], Vector]:
        """Cotangents of means and log-variances pulled back to the blocks, and the variances."""
        gradient, variance = self._moment_pull(x, of_mean, of_spread)
        return self._by_subject(np.asarray(gradient)), np.asarray(variance)

    @cached_property
    def _terms(self) -> tuple[Any, Any]:
        model = self.flat.model
        measured = model.logp(vars=list(model.observed_RVs), sum=False)
        prior = model.logp(vars=[model[name] for name in self.effects], sum=False)
        joined = [pt.concatenate([term.ravel() for term in terms]) for terms in (measured, prior)]
        return joined[0], joined[1]

    @cached_property
    def _joint(self) -> Any:
        measured, prior = self._terms
        gradient = self.flat.gradient_of(measured.sum() + prior.sum())
        return self.flat.function([measured, prior, gradient])

    @cached_property
    def _effects_function(self) -> Any:
        return self.flat.function([self.flat.gradient_of(self._terms[1].sum())])

    def _effects_gradient(self, x: Vector) -> Vector:
        return np.asarray(self._effects_function(x)[0])

    def _prior_terms(self, jacobian: bool) -> Any:
        model = self.flat.model
        kept = [v for v in [*model.free_RVs, *model.potentials] if v.name not in self.effects]
        total = model.logp(vars=kept, jacobian=jacobian) if kept else pt.constant(0.0)
        return self.flat.function([total, self.flat.gradient_of(total)])

    @cached_property
    def _prior(self) -> Any:
        return self._prior_terms(jacobian=True)

    @cached_property
    def _natural_prior(self) -> Any:
        return self._prior_terms(jacobian=False)


def individual_terms(flat: FlatModel, study: Study | None) -> IndividualTerms:
    """Split a model by subject.

    Parameters
    ----------
    flat
        The model. Random effects are its free variables over ``subject`` or ``occasion``.
    study
        Whose rows tell the subject of each measurement; not needed where the observed variables
        have ``subject`` as their first dimension.

    Raises
    ------
    ValueError
        When the model has no random effects, or a measurement's subject cannot be told.
    """
    model = flat.model
    effects = effect_variables(model)
    if not effects:
        raise ValueError(
            "laplace wants a model with random effects: free variables whose first dimension is "
            "'subject' or 'occasion'. This one has none; use method='map'."
        )
    n_subjects = len(model.coords[SUBJECT])
    owner = np.full(flat.size, -1, dtype=np.intp)
    priors = []
    for name in effects:
        shape = flat.shapes[flat.names.index(name)]
        of_row = _subjects_of(model.named_vars_to_dims[name][0], n_subjects, study)
        owner[flat.slices[name]] = np.repeat(of_row, int(np.prod(shape[1:])))
        (term,) = model.logp(vars=[model[name]], sum=False)
        own = of_row if term.ndim == 1 and len(shape) > 1 else owner[flat.slices[name]]
        priors.append(own)
    measured = [_measured_by(flat, str(v.name), n_subjects, study) for v in model.observed_RVs]
    _check_potentials(flat, effects)
    return IndividualTerms(
        flat,
        effects,
        blocks=tuple(np.flatnonzero(owner == subject) for subject in range(n_subjects)),
        population=np.flatnonzero(owner < 0),
        measured_by=np.concatenate(measured),
        prior_of=np.concatenate(priors),
    )


def _subjects_of(dim: Any, n_subjects: int, study: Study | None) -> NDArray[np.intp]:
    if dim == SUBJECT:
        return np.arange(n_subjects)
    if study is None or study.occasions is None:
        raise ValueError(
            f"laplace: the model has random effects over {OCCASION!r}, and wants the study that "
            "says whose occasions they are: fit(model, study, 'laplace')."
        )
    return np.asarray(study.occasions.subject, dtype=np.intp)


def _measured_by(
    flat: FlatModel, name: str, n_subjects: int, study: Study | None
) -> NDArray[np.intp]:
    model = flat.model
    dims = model.named_vars_to_dims.get(name) or (None,)
    shape = model.rvs_to_values[model[name]].eval().shape
    if dims[0] == SUBJECT:
        return np.repeat(np.arange(n_subjects), int(np.prod(shape[1:])))
    from_study = isinstance(model[name].owner.op, MeasurementRV) and dims[0] in model.coords
    if study is None or not from_study:
        raise ValueError(
            f"laplace cannot tell the subjects of the measurements of {name!r}. Measure it by "
            "bn.NeuralODE and give the study, fit(model, study, 'laplace'), or make 'subject' its "
            "first dimension."
        )
    by_row = dict(zip(study.records.row.tolist(), study.records.subject.tolist(), strict=True))
    return np.array([by_row[int(row)] for row in model.coords[dims[0]]], dtype=np.intp)


def _check_potentials(flat: FlatModel, effects: tuple[str, ...]) -> None:
    model = flat.model
    values = {model.rvs_to_values[model[name]] for name in effects}
    others = [v for v in [*model.free_RVs, *model.potentials] if v.name not in effects]
    for variable in others:
        if values & set(ancestors(model.logp(vars=[variable], sum=False))):
            raise ValueError(
                f"laplace: {variable.name!r} depends on the random effects of all subjects "
                "together, which cannot be integrated out one by one. Use method='nuts'."
            )
