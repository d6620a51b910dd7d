"""Each subject's mode of its random effects, and the curvature there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bnode_nlme.inference.flat_model import Vector
from bnode_nlme.inference.laplace.individual_terms import IndividualTerms
from bnode_nlme.inference.laplace.settings import Form

_ITERATIONS, _HALVINGS = 60, 20
_ENOUGH, _SLOW = 1e-12, 0.1
_FLOOR, _NOISE = 1e-8, 1e-6
_STEP = 1e-4

Matrices = list[NDArray[np.float64]]


class ModeError(RuntimeError):
    """The modes of the random effects were not found."""


@dataclass(frozen=True, eq=False)
class Modes:
    """Where each subject's random effects are most probable, given the population parameters.

    Attributes
    ----------
    x : ndarray (size,)
        The whole vector, random effects at their modes.
    joint : ndarray (subjects,)
        Log-density of each subject's measurements and random effects there.
    gradient : ndarray (size,)
        Of their sum.
    curvature : list of ndarray (effects, effects)
        Of each subject, as `form` asks.
    scaling : list of ndarray (effects, effects)
        Observed curvatures nearby, made positive definite: what the last steps were made with.
    """

    x: Vector
    joint: Vector
    gradient: Vector
    curvature: Matrices
    scaling: Matrices


def curvature(terms: IndividualTerms, x: Vector, form: Form) -> Matrices:
    """Negative second derivatives of each subject's log-density by its random effects.

    ``"focei"``: the prior's, and the Fisher information of the measurements. ``"laplace"``: the
    observed ones, by central differences of the exact gradient.
    """
    if form == "focei":
        pairs = zip(terms.information(x), terms.prior_precision(x), strict=True)
        return [information + precision for information, precision in pairs]
    return [-matrix for matrix in terms.block_derivatives(x, terms.joint_gradient, _STEP)]


def find_modes(
    terms: IndividualTerms, x: Vector, form: Form, scaling: Matrices | None = None
) -> Modes:
    """Newton's method for all subjects at once, each with its own step length.

    One adjoint solve gives the gradients of all subjects. The observed curvature that scales the
    steps is kept while they converge quickly, and computed anew where they do not.

    Parameters
    ----------
    terms
        The model by subject.
    x : ndarray (size,)
        Population parameters, and random effects to start from.
    form
        Of the curvature.
    scaling
        That of modes nearby, for the first steps.

    Returns
    -------
    Modes

    Raises
    ------
    ModeError
        When a subject's solve fails at the start, or the steps do not converge.
    """
    x = x.copy()
    joint, gradient = terms.joint(x)
    if not np.all(np.isfinite(joint)):
        failed = [terms.subject_labels[place] for place in np.flatnonzero(~np.isfinite(joint))]
        raise ModeError(
            f"The log-density of {len(failed)} of {terms.n_subjects} subjects is not finite: of "
            f"{', '.join(failed[:10])}."
        )
    matrices = scaling
    before = np.inf
    worst, place = np.inf, 0
    for _ in range(_ITERATIONS):
        if matrices is None:
            matrices = [_positive(matrix) for matrix in curvature(terms, x, "laplace")]
        steps = [
            np.linalg.solve(matrix, gradient[block])
            for matrix, block in zip(matrices, terms.blocks, strict=True)
        ]
        gains = np.array(
            [step @ gradient[block] for step, block in zip(steps, terms.blocks, strict=True)]
        )
        worst, place = float(gains.max()), int(gains.argmax())
        # Where gains are small and fall no more, what is left is the solver's own error.
        if worst <= _ENOUGH or (worst <= _FLOOR and worst > 0.5 * before):
            return Modes(x, joint, gradient, curvature(terms, x, form), matrices)
        x, joint, gradient, stuck = _step(terms, x, joint, gradient, steps, gains)
        if worst > _SLOW * before or stuck:
            matrices = None
        before = worst
    raise ModeError(
        f"The modes of the random effects did not converge in {_ITERATIONS} steps; the largest "
        f"expected gain in log-density is {worst:.3g}, of subject {terms.subject_labels[place]}."
    )


def _step(
    terms: IndividualTerms,
    x: Vector,
    joint: Vector,
    gradient: Vector,
    steps: Matrices,
    gains: Vector,
) -> tuple[Vector, Vector, Vector, bool]:
    """Step each subject as far as its log-density rises; whether one could not be stepped."""
    length = np.ones(terms.n_subjects)
    tried, worse = x, np.ones(terms.n_subjects, dtype=bool)
    for _ in range(_HALVINGS):
        tried = x.copy()
        for factor, block, step in zip(length, terms.blocks, steps, strict=True):
            tried[block] += factor * step
        new, slope = terms.joint(tried)
        # Gains below the solver's error cannot be seen in the value.
        worse = ~(new >= joint + 1e-4 * length * gains - _NOISE * (1.0 + np.abs(joint)))
        if not worse.any():
            return tried, new, slope, False
        length[worse] *= 0.5
    for index in np.flatnonzero(worse):
        tried[terms.blocks[index]] = x[terms.blocks[index]]
    new, slope = terms.joint(tried)
    return tried, new, slope, True


def _positive(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """The matrix with its eigenvalues made positive, so that Newton's step goes up."""
    values, vectors = np.linalg.eigh(matrix)
    if values.size == 0 or values[0] > 1e-8 * max(values[-1], 1.0):
        return matrix
    floor = 1e-3 * max(float(np.abs(values).max()), 1e-3)
    repaired: NDArray[np.float64] = (vectors * np.maximum(np.abs(values), floor)) @ vectors.T
    return repaired
