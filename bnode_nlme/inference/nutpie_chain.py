"""One chain of nutpie's NUTS in a thread of its own, whose draws can be read while it runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import nutpie
import pyarrow
from numpy.typing import NDArray

from bnode_nlme.inference.flat_model import Vector
from bnode_nlme.inference.nutpie_model import started_at
from bnode_nlme.inference.run_folder import ChainDraws

_STATISTICS = {
    "lp": ("logp", np.float64),
    "energy": ("energy", np.float64),
    "energy_error": ("energy_error", np.float64),
    "diverging": ("diverging", np.bool_),
    "n_steps": ("n_steps", np.int64),
    "tree_depth": ("depth", np.int64),
    "reached_max_treedepth": ("maxdepth_reached", np.bool_),
    "step_size": ("step_size", np.float64),
    "acceptance_rate": ("mean_tree_accept", np.float64),
}


@dataclass(frozen=True)
class ChainProgress:
    """How far a chain is.

    Attributes
    ----------
    finished, total : int
        Draws, those of the warm-up included.
    divergences : int
    warming_up : bool
    """

    finished: int
    total: int
    divergences: int
    warming_up: bool


class NutpieChain:
    """A chain that samples in the background from its construction on.

    Parameters
    ----------
    compiled
        The model as nutpie compiled it.
    start : ndarray (size,)
        On the unconstrained scale.
    seed
        Of the chain.
    draws, tune
        After and during warm-up.
    options
        Further settings of nutpie.
    """

    def __init__(
        self,
        compiled: Any,
        start: Vector,
        *,
        seed: int,
        draws: int,
        tune: int,
        options: Mapping[str, Any],
    ) -> None:
        self._size = len(start)
        self.progress = ChainProgress(0, tune + draws, 0, True)
        self._sampler: Any = nutpie.sample(
            started_at(compiled, start),
            draws=draws,
            tune=tune,
            chains=1,
            cores=1,
            seed=seed,
            blocking=False,
            progress_bar=False,
            progress_callback=self._note,
            progress_rate=100,
            return_raw_trace=True,
            store_unconstrained=True,
            **options,
        )

    def _note(self, chains: list[Any]) -> None:
        chain = chains[0]
        self.progress = ChainProgress(
            chain.finished_draws, chain.total_draws, chain.divergences, chain.tuning
        )

    @property
    def finished(self) -> bool:
        """Whether the chain has all its draws, or has failed."""
        try:
            return bool(self._sampler.is_finished)
        except TimeoutError:  # nutpie's way of saying no
            return False

    def so_far(self) -> ChainDraws:
        """Copy the draws after warm-up that there are by now."""
        return self._draws(self._sampler.inspect())

    def result(self) -> ChainDraws:
        """Wait for the end and take the draws.

        Raises
        ------
        RuntimeError
            When the chain failed.
        """
        return self._draws(self._sampler.wait())

    def stop(self) -> ChainDraws:
        """End the chain now and take the draws that there are."""
        return self._draws(self._sampler.abort())

    def _draws(self, trace: Any) -> ChainDraws:
        _, batches = trace.get_arrow_trace()
        batch = pyarrow.record_batch(batches[0])
        kept = np.flatnonzero(~batch.column("tuning").to_numpy(zero_copy_only=False))
        begin = int(kept[0]) if kept.size else batch.num_rows
        batch = batch.slice(begin)
        column = batch.column("unconstrained_draw")
        positions = column.flatten().to_numpy(zero_copy_only=False).reshape(-1, self._size)
        statistics: dict[str, NDArray[Any]] = {
            name: np.array(batch.column(theirs).to_numpy(zero_copy_only=False), dtype=kind)
            for name, (theirs, kind) in _STATISTICS.items()
        }
        return ChainDraws(np.array(positions, dtype=np.float64), statistics)
