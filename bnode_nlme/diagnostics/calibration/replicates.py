"""Replicates of a calibration: simulated, fitted and ranked, several at a time."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import arviz as az
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bnode_nlme.diagnostics.calibration.fitted_model import Data, FittedModel, Running
from bnode_nlme.diagnostics.calibration.joint_model import JointModel, Simulated
from bnode_nlme.diagnostics.calibration.outcome import Outcome
from bnode_nlme.diagnostics.calibration.quantities import Quantities
from bnode_nlme.diagnostics.calibration.replaceable import data_of
from bnode_nlme.diagnostics.rank_statistics import ranks_of

_POLL = 0.002
_LONGEST = 8
"""A chain that mixes badly is drawn anew, at most so many times as long."""


@dataclass(frozen=True, eq=False)
class Replicates:
    """Everything that replicates have in common.

    Attributes
    ----------
    source : JointModel
        Of parameters and measurements.
    fitted : FittedModel
    quantities : Quantities
    limits : mapping of str to float
        Limits of quantification.
    draws : int
        Of each posterior.
    largest : int
        Draws among which true values are ranked.
    seed : int
        Of the calibration.
    """

    source: JointModel
    fitted: FittedModel
    quantities: Quantities
    limits: Mapping[str, float]
    draws: int
    largest: int
    seed: int

    def run(self, numbers: Iterable[int], cores: int) -> Iterator[Outcome]:
        """Yield the outcomes of replicates in the order in which they come to an end."""
        waiting, running = iter(numbers), list[_Replicate]()
        try:
            while True:
                while len(running) < cores and (number := next(waiting, None)) is not None:
                    replicate = _Replicate(self, number)
                    replicate.attempt(replicate.begin)
                    running.append(replicate)
                if not running:
                    return
                ended = [replicate for replicate in running if replicate.ended]
                for replicate in ended:
                    replicate.attempt(replicate.end)
                    if replicate.outcome is not None:
                        running.remove(replicate)
                        yield replicate.outcome
                if not ended:
                    time.sleep(_POLL)
        finally:
            for replicate in running:
                replicate.stop()


class _Replicate:
    def __init__(self, common: Replicates, number: int) -> None:
        self.outcome: Outcome | None = None
        self._common, self._number = common, number
        self._seed = replicate_seed(common.seed, number)
        self._draws = common.draws
        self._simulated: Simulated | None = None
        self._data: Data = {}
        self._running: Running | None = None

    @property
    def ended(self) -> bool:
        return self._running is None or self._running.finished

    def attempt(self, step: Any) -> None:
        """Take a step; whatever goes wrong in it is the outcome of this replicate, not the end."""
        try:
            step()
        except Exception as error:
            self._running = None
            self.outcome = Outcome(
                self._number, self._seed, failure=f"{type(error).__name__}: {error}"
            )

    def begin(self) -> None:
        common = self._common
        self._simulated = common.source.draw(self._seed)
        self._data = data_of(self._simulated.measured, common.limits, common.fitted.places)
        self._running = common.fitted.begin(self._data, self._seed, self._draws)

    def end(self) -> None:
        if self._running is None or self._simulated is None:
            return
        common, drawn = self._common, self._running.result()
        common.fitted.put(self._data)
        values = common.quantities.at(drawn.positions)
        truth = common.quantities.at(self._simulated.position)
        effective = _effective(values) if drawn.statistics else np.full(truth.size, len(values))
        shortfall = common.largest / max(effective.min(), 1.0)
        longer = min(_LONGEST * common.draws, int(1.5 * shortfall * self._draws))
        if drawn.statistics and shortfall > 1.0 and self._draws < longer:
            self._draws = longer
            self._running = common.fitted.begin(self._data, self._seed, longer)
            return
        thinned = np.linspace(0, len(values) - 1, common.largest).round().astype(np.intp)
        self.outcome = Outcome(
            self._number,
            self._seed,
            refused=self._simulated.refused,
            truth=tuple(truth.tolist()),
            ranks=tuple(ranks_of(truth, values[thinned], seed=self._seed).tolist()),
            effective=tuple(effective.round(1).tolist()),
            draws=len(values),
            divergences=int(np.sum(drawn.statistics.get("diverging", 0))),
        )

    def stop(self) -> None:
        if self._running is not None:
            self._running.stop()


def replicate_seed(seed: int, number: int) -> int:
    """Seed of one replicate, whatever the others are and in which order they run."""
    return int(np.random.SeedSequence([seed, number]).generate_state(1)[0])


def _effective(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Bulk effective sample size of each column; that of a constant is 1."""
    chain = xr.DataArray(values[None], dims=("chain", "draw", "quantity"))
    sizes = np.asarray(az.ess(chain, method="bulk"), dtype=np.float64)
    return np.where(np.isfinite(sizes), sizes, 1.0)
