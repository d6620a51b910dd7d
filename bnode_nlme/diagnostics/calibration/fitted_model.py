"""The fitted model, compiled once, which gets other measurements in each replicate."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
import pymc as pm
from numpy.typing import NDArray

from bnode_nlme.diagnostics.calibration.replaceable import replaceable
from bnode_nlme.inference.advi import ADVISettings, advi
from bnode_nlme.inference.flat_model import FlatModel, Vector, flat_model
from bnode_nlme.inference.nuts import NUTSSettings
from bnode_nlme.inference.pathfinder import PathfinderSettings, pathfinder
from bnode_nlme.inference.starting_values import StartSearch
from bnode_nlme.inference.variational_check import ApproximationWarning

Method = Literal["nuts", "pathfinder", "advi"]
Settings = NUTSSettings | PathfinderSettings | ADVISettings
Data = Mapping[str, NDArray[np.float64]]


class PosteriorDraws(Protocol):
    """Draws from a posterior, on the unconstrained scale."""

    @property
    def positions(self) -> NDArray[np.float64]:
        """Shape (draws, size)."""

    @property
    def statistics(self) -> Mapping[str, NDArray[Any]]:
        """Of the sampler, at each draw."""


class Running(Protocol):
    """Sampling that goes on in the background."""

    @property
    def finished(self) -> bool:
        """Whether it has come to its end."""

    def result(self) -> PosteriorDraws:
        """Wait for the end and take the draws."""

    def stop(self) -> PosteriorDraws:
        """End it now."""


@dataclass(frozen=True, eq=False)
class _Finished:
    positions: NDArray[np.float64]
    statistics: Mapping[str, NDArray[Any]]
    finished: bool = True

    def result(self) -> PosteriorDraws:
        return self

    def stop(self) -> PosteriorDraws:
        return self


class FittedModel:
    """A model for which posteriors of one set of measurements after another are found.

    NUTS runs in threads of its own, so that several posteriors are sampled at a time by one
    process, which compiles the model once.

    Parameters
    ----------
    model
        With the measurements of the design in it, or others.
    settings
        Of the method of inference.
    """

    def __init__(self, model: pm.Model, settings: Settings) -> None:
        replaced = replaceable(model)
        self.places, self._put = replaced.places, replaced.put
        self.flat: FlatModel = flat_model(replaced.model)
        self._settings = settings
        self._search = StartSearch(self.flat)
        self._compiled: Any = None
        if isinstance(settings, NUTSSettings):
            # As late as this, because it is needed for this method only.
            from nutpie import compile_pymc_model

            self._compiled = compile_pymc_model(replaced.model, var_names=[])

    def put(self, data: Data) -> None:
        """Replace the measurements in `flat`."""
        self._put(data)

    def begin(self, data: Data, seed: int, draws: int) -> Running:
        """Begin to draw from the posterior of some measurements.

        Raises
        ------
        StartError
            When there are no starting values.
        """
        self.put(data)
        rng = np.random.default_rng(seed)
        settings = self._settings
        if isinstance(settings, NUTSSettings):
            from bnode_nlme.inference.nutpie_chain import NutpieChain

            return NutpieChain(
                self._compiled.with_data(**data),
                self._start(rng),
                seed=seed,
                draws=draws,
                tune=settings.tune,
                options=settings.nutpie_options,
            )
        with warnings.catch_warnings():
            # Whether an approximation is the posterior is what the ranks show.
            warnings.simplefilter("ignore", ApproximationWarning)
            if isinstance(settings, PathfinderSettings):
                starts = np.array([self._start(rng) for _ in range(settings.paths)])
                drawn = pathfinder(self.flat, starts, draws, rng, settings, lambda done: None)
            else:
                drawn = advi(
                    self.flat, self._start(rng), draws, rng, settings, lambda done, bound: None
                )
        return _Finished(drawn.positions[0], {})

    def _start(self, rng: np.random.Generator) -> Vector:
        return np.asarray(self._search.find(1, rng).points[0])
