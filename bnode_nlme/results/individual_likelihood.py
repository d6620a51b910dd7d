"""Likelihood of each subject's measurements as a function of its random effects."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bnode_nlme.distributions.measured import Measured, measured_values
from bnode_nlme.engine.labels import resolve_outputs
from bnode_nlme.nlme.nlme import NLME
from bnode_nlme.results.draw_solver import DrawSolver
from bnode_nlme.results.effect_space import EffectSpace
from bnode_nlme.results.error_numbers import errors_of
from bnode_nlme.results.population_draws import SAMPLE, network_weights, parameter_arrays
from bnode_nlme.study.study import Study

Array = NDArray[np.float64]

_STEP = 1e-3
"""Of differences of predictions: well above the solver's error, below what curves."""
_NUMBERS = 4_000_000
"""Predictions in memory at a time, about."""


class IndividualLikelihood:
    """Log-likelihood of each subject's measurements at draws of the population.

    Parameters
    ----------
    nlme, study
        The declaration, and whose measurements.
    values : xarray.Dataset (sample, ...)
        D draws of the population.

    Attributes
    ----------
    space : EffectSpace
        What the vectors z stand for.
    draws : int
        D.
    weights, errors
        Of the networks and of the measured outputs, at every draw.
    measured : ndarray of bool (S,)
        Which subjects have a measurement.
    """

    def __init__(self, nlme: NLME, study: Study, values: xr.Dataset) -> None:
        self.nlme, self.study, self.values = nlme, study, values
        self.draws = values.sizes[SAMPLE]
        self.space = EffectSpace(nlme, study, values)
        self._solver = DrawSolver(nlme.system, study, nlme.solver)
        self.weights = network_weights(nlme, values)
        self.errors = errors_of(nlme, values, self.draws)
        self._measured = {
            output: rows
            for output in nlme.outputs
            if (rows := measurements_of(nlme, study, output)) is not None
        }
        subject = study.records.subject[study.observations]
        self._owner = {output: subject[m.positions] for output, m in self._measured.items()}
        self.measured = np.zeros(study.n_subjects, dtype=bool)
        for owner in self._owner.values():
            self.measured[owner] = True

    def log_likelihood(self, z: Array, draws: NDArray[np.intp]) -> Array:
        """Log-likelihood of each subject at J vectors of each of some draws.

        Parameters
        ----------
        z : ndarray (d, J, S, q)
        draws : ndarray (d,)
            Which of the D draws.

        Returns
        -------
        ndarray (d, J, S)
            -inf where a solve failed.
        """
        result = np.zeros(z.shape[:3])
        points = z.shape[1]
        block = max(1, _NUMBERS // (points * max(1, self.study.n_observations)))
        for begin in range(0, len(draws), block):
            part = slice(begin, begin + block)
            predictions = self._predictions(z[part], draws[part])
            of_rows = draws[part].repeat(points)
            for output, measured in self._measured.items():
                density = (
                    self.errors[output]
                    .at(of_rows)
                    .log_density(
                        measured.values,
                        predictions[output][:, measured.positions],
                        measured.lower,
                        measured.upper,
                    )
                )
                summed = _by_subject(density, self._owner[output], self.study.n_subjects)
                result[part] += summed.reshape(-1, points, self.study.n_subjects)
        return result

    def curvature(self, z: Array, draws: NDArray[np.intp]) -> tuple[Array, Array, Array]:
        """Log-density of measurements and vectors, its gradient and a positive curvature.

        The curvature is that of Gauss and Newton: predictions as linear in z.

        Parameters
        ----------
        z : ndarray (d, S, q)
        draws : ndarray (d,)

        Returns
        -------
        ndarray (d, S), (d, S, q), (d, S, q, q)
            Without the constant of the normal density.
        """
        size = self.space.size
        shifted = (
            z[:, None] + _STEP * np.concatenate([np.zeros((1, size)), np.eye(size)])[None, :, None]
        )
        predictions = self._predictions(shifted, draws)
        value = -0.5 * np.sum(z**2, axis=-1)
        gradient, curvature = -z, np.broadcast_to(np.eye(size), (*z.shape, size)).copy()
        for output, measured in self._measured.items():
            at = predictions[output][:, measured.positions].reshape(len(draws), size + 1, -1)
            density, first, second = (
                self.errors[output]
                .at(draws)
                .slopes(measured.values, at[:, 0], measured.lower, measured.upper)
            )
            rise = np.nan_to_num((at[:, 1:] - at[:, :1]) / _STEP)
            first = np.nan_to_num(first, posinf=0.0, neginf=0.0)
            bend = np.clip(np.nan_to_num(-second, posinf=0.0, neginf=0.0), 0.0, None)
            for subject in np.unique(self._owner[output]):
                own = np.flatnonzero(self._owner[output] == subject)
                slope = rise[:, :, own]
                value[:, subject] += density[:, own].sum(axis=-1)
                gradient[:, subject] += np.einsum("dqm,dm->dq", slope, first[:, own])
                curvature[:, subject] += np.einsum("dqm,dm,drm->dqr", slope, bend[:, own], slope)
        return value, gradient, curvature

    def _predictions(self, z: Array, draws: NDArray[np.intp]) -> dict[str, Array]:
        """Each measured output, (d * J, O)."""
        points = z.shape[1]
        values = self.values.isel({SAMPLE: draws})
        effects = self.space.random_effects(z, draws)
        individual = self.nlme.individual_parameters(values, self.study, effects)
        arrays = {
            name: np.broadcast_to(
                array if array.ndim == 3 else array[:, None],
                (len(draws), points, array.shape[-1]),
            ).reshape(len(draws) * points, -1)
            for name, array in parameter_arrays(individual, len(draws)).items()
        }
        weights = {
            name: values[draws].repeat(points, axis=0) for name, values in self.weights.items()
        }
        return dict(self._solver(arrays, weights, list(self._measured)).values)


def measurements_of(nlme: NLME, study: Study, output: str) -> Measured | None:
    """What of an output enters the likelihood; None where the study has nothing of it."""
    positions = resolve_outputs(nlme.system, study) == nlme.system.output_names.index(output)
    if nlme.errors[output].blq == "M1":
        positions = positions & (study.records.censoring[study.observations] == 0)
    if not positions.any():
        return None
    return measured_values("The likelihood", nlme.system, study, output, nlme.errors[output])


def _by_subject(density: Array, owner: NDArray[np.int64], n_subjects: int) -> Array:
    """Sums over each subject's measurements, (..., S); rows of a subject stand together."""
    present, first = np.unique(owner, return_index=True)
    result = np.zeros((*density.shape[:-1], n_subjects))
    result[..., present] = np.add.reduceat(density, first, axis=-1)
    return np.where(np.isnan(result), -np.inf, result)
