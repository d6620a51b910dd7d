"""The approximate marginal log-density of the population parameters, with its gradient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bnode_nlme.inference.flat_model import Vector
from bnode_nlme.inference.laplace.individual_terms import IndividualTerms
from bnode_nlme.inference.laplace.modes import Matrices, ModeError, Modes, find_modes
from bnode_nlme.inference.laplace.settings import Form

_STEP = 1e-3


@dataclass(frozen=True, eq=False)
class Marginal:
    """Minus twice the log of the random effects' integral, each subject's by Laplace's method.

    For subject i with random effects z: ``-2 log p(y, z)`` at the mode, ``- k log(2 pi)``, and the
    log-determinant of the curvature H; with the expected curvature this is FOCE with interaction
    (Wang 2007, doi:10.1007/s10928-007-9060-6). From the sum, ``N log(2 pi)`` is taken off, as
    NONMEM does, N the number of measurements with normal errors that are not censored; outcomes of
    another kind, and probabilities of censored ones, count whole (NONMEM's LIKELIHOOD or F_FLAG).

    Attributes
    ----------
    terms : IndividualTerms
    form : {"focei", "laplace"}
    """

    terms: IndividualTerms
    form: Form

    def subjects(self, modes: Modes) -> Vector:
        """The objective of each subject, (subjects,)."""
        sizes = np.array([len(block) for block in self.terms.blocks])
        return (
            -2.0 * modes.joint
            - (sizes + self.terms.normal_counts) * np.log(2.0 * np.pi)
            + self._log_determinants(modes)
        )

    def modes(self, x: Vector, near: Modes | None = None) -> Modes:
        """The modes at the population parameters of `x`, sought from its random effects."""
        return find_modes(self.terms, x, self.form, None if near is None else near.scaling)

    def gradient(self, modes: Modes) -> Vector:
        """Gradient of the objective by the population parameters.

        The log-density's part is exact: at the modes, its change with them vanishes. The
        log-determinants' total derivative is by central differences, each with modes of its own, as
        they are not stationary for it (Almquist, Leander and Jirstrand 2015,
        doi:10.1007/s10928-015-9409-1, write that derivative out).

        Returns
        -------
        ndarray (population parameters,)
        """
        population = self.terms.population
        result = -2.0 * modes.gradient[population]
        for place, index in enumerate(population):
            ends = [
                float(self._log_determinants(self.shifted(modes, index, sign * _STEP)).sum())
                for sign in (1.0, -1.0)
            ]
            result[place] += (ends[0] - ends[1]) / (2.0 * _STEP)
        return result

    def shifted(self, modes: Modes, index: int, step: float) -> Modes:
        """The modes after one population parameter has moved."""
        x = modes.x.copy()
        x[index] += step
        return self.modes(x, near=modes)

    def _log_determinants(self, modes: Modes) -> NDArray[np.float64]:
        return log_determinants(modes.curvature, self.terms.subject_labels)


def log_determinants(matrices: Matrices, labels: Sequence[str]) -> NDArray[np.float64]:
    """Log-determinants of positive definite matrices, one of each subject.

    Raises
    ------
    ModeError
        When one is not positive definite.
    """
    result = np.empty(len(matrices))
    for place, matrix in enumerate(matrices):
        sign, result[place] = np.linalg.slogdet(matrix)
        if not (sign > 0.0 and np.isfinite(result[place])):
            raise ModeError(
                f"The curvature at the mode of subject {labels[place]} is not positive definite."
            )
    return result
