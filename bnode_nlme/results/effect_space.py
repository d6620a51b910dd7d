"""Random effects of each subject as one standardised vector."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bnode_nlme.distributions.effect_blocks import EffectNames
from bnode_nlme.nlme.build import OCCASION_NAMES, SUBJECT_NAMES
from bnode_nlme.nlme.individual_values import occasions_of
from bnode_nlme.nlme.nlme import NLME
from bnode_nlme.results.population_draws import SAMPLE
from bnode_nlme.study.dimensions import OCCASION, SUBJECT
from bnode_nlme.study.study import Study

POINT = "point"
Array = NDArray[np.float64]


class EffectSpace:
    """Standard normal vectors that stand for a study's random effects at draws of the population.

    A subject's vector holds its own effects, then those of its occasions, one after the other;
    vectors of subjects with fewer occasions end in numbers that nothing depends on.

    Attributes
    ----------
    size : int
        Length of the vectors, q.
    """

    def __init__(self, nlme: NLME, study: Study, values: xr.Dataset) -> None:
        self._subject_effects = len(nlme.subject_effects)
        self._occasion_effects = len(nlme.occasion_effects)
        self._labels = (list(nlme.subject_effects), list(nlme.occasion_effects))
        self._study = study
        self._draws = {
            name: values[name].to_numpy() for name in ("chain", "draw") if name in values.coords
        }
        if nlme.subject_effects:
            self.subject_factor = _factor(values, SUBJECT_NAMES)
        self.size = self._subject_effects
        if nlme.occasion_effects:
            self.occasion_factor = _factor(values, OCCASION_NAMES)
            self._of_subject = occasions_of(study, list(nlme.occasion_effects))
            _, first, counts = np.unique(self._of_subject, return_index=True, return_counts=True)
            within = np.arange(self._of_subject.size) - np.repeat(first, counts)
            self._places = (
                self._subject_effects
                + within[:, None] * self._occasion_effects
                + np.arange(self._occasion_effects)
            )
            self.size += int(counts.max()) * self._occasion_effects

    def random_effects(self, z: Array, draws: NDArray[np.intp]) -> xr.Dataset:
        """Random effects that standardised vectors stand for.

        Parameters
        ----------
        z : ndarray (D, J, S, q)
            J vectors for each subject at each of D draws.
        draws : ndarray (D,)
            Which draws of the population these are.

        Returns
        -------
        xarray.Dataset
            ``eta`` (sample, point, subject, effect) and ``kappa`` (..., occasion, occasion_effect).
        """
        effects: dict[Hashable, Any] = {}
        coords: dict[Hashable, Any] = {
            name: (SAMPLE, values[draws]) for name, values in self._draws.items()
        }
        study_coords = self._study.coords
        if self._subject_effects:
            own = z[..., : self._subject_effects]
            eta = np.einsum("dij,dpsj->dpsi", self.subject_factor[draws], own)
            effects[SUBJECT_NAMES.values] = (
                (SAMPLE, POINT, SUBJECT, SUBJECT_NAMES.effect),
                eta,
            )
            coords |= {SUBJECT: study_coords[SUBJECT], SUBJECT_NAMES.effect: self._labels[0]}
        if self._occasion_effects:
            own = np.take_along_axis(z[:, :, self._of_subject], self._places[None, None], axis=-1)
            kappa = np.einsum("dij,dpkj->dpki", self.occasion_factor[draws], own)
            effects[OCCASION_NAMES.values] = (
                (SAMPLE, POINT, OCCASION, OCCASION_NAMES.effect),
                kappa,
            )
            coords |= {
                OCCASION: study_coords[OCCASION],
                OCCASION_NAMES.effect: self._labels[1],
            }
        return xr.Dataset(effects, coords=coords)


def _factor(values: xr.Dataset, names: EffectNames) -> Array:
    """Lower factor of the covariance of the effects at each draw, (draws, k, k)."""
    sd = values[names.sd].transpose(SAMPLE, names.effect).to_numpy()
    if names.correlation not in values:
        return np.asarray(sd[:, :, None] * np.eye(sd.shape[1]))
    other = f"{names.effect}_bis"
    correlation = values[names.correlation].transpose(SAMPLE, names.effect, other).to_numpy()
    return np.asarray(sd[:, :, None] * np.linalg.cholesky(correlation))
