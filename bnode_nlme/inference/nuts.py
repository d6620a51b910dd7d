"""The No-U-Turn sampler: chains in threads, kept on disk if asked for, taken up again if need be."""

from __future__ import annotations

import json
import os
import time
import warnings
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bnode_nlme.inference.draws import Draws
from bnode_nlme.inference.flat_model import FlatModel
from bnode_nlme.inference.nutpie_model import nutpie_model
from bnode_nlme.inference.progress import ProgressLines
from bnode_nlme.inference.run_folder import ChainDraws, RunFolder, joined

Sampler = Literal["nutpie", "pymc"]

_POLL = 0.05
_SHARE = 0.02


@dataclass(frozen=True)
class NUTSSettings:
    """How chains are run.

    Attributes
    ----------
    draws, tune : int
        Of each chain, after and during warm-up.
    chains, cores : int
        `cores` of them run at a time.
    target_accept : float
        Acceptance rate that the step size aims at.
    max_treedepth : int
    adaptation : {"diag", "draw_diag", "low_rank", "flow"}
        Of nutpie's mass matrix.
    sampler : {"nutpie", "pymc"}
        `"pymc"` is `pymc.sample`'s own; its runs cannot be kept on disk.
    compiled_anew
        Whether nutpie compiles the model for itself, 5 to 10 seconds. Without, gradients take some
        30 µs longer and chains wait for each other: better for short runs of simple models.
    """

    draws: int = 1000
    tune: int = 600
    chains: int = 4
    cores: int = 2
    target_accept: float = 0.9
    max_treedepth: int = 10
    adaptation: str = "diag"
    sampler: Sampler = "nutpie"
    compiled_anew: bool = True

    def __post_init__(self) -> None:
        for name, least in (("draws", 1), ("tune", 1), ("chains", 1), ("cores", 1)):
            if getattr(self, name) < least:
                raise ValueError(
                    f"nuts: {name}= wants {least} or more; found {getattr(self, name)!r}."
                )
        if self.sampler not in ("nutpie", "pymc"):
            raise ValueError(f"nuts: sampler= wants 'nutpie' or 'pymc'; found {self.sampler!r}.")

    @property
    def readaptation(self) -> int:
        """Draws that adapt the step size and mass matrix anew when a chain is taken up again."""
        return max(100, self.tune // 2)

    @property
    def nutpie_options(self) -> dict[str, Any]:
        """The settings by nutpie's names."""
        return {
            "target_accept": self.target_accept,
            "maxdepth": self.max_treedepth,
            "adaptation": self.adaptation,
        }


def default_sampler() -> Sampler:
    """Choose nutpie where it is installed, else PyMC's own."""
    return "nutpie" if find_spec("nutpie") is not None else "pymc"


def available_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):  # which knows of limits that os.cpu_count does not
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def sample_nuts(
    flat: FlatModel,
    starts: NDArray[np.float64],
    seed: int,
    settings: NUTSSettings,
    folder: RunFolder | None,
    lines: ProgressLines,
) -> Draws:
    """Sample all chains to their full number of draws.

    With a folder, new draws are written every second, or after 2 % of the time since the
    beginning if that is longer. A chain that has draws there goes on from the last of them: step
    size and mass matrix are adapted anew, those draws are left out, and sampling goes on to the
    full number. A chain that was killed in its warm-up begins anew, and runs as it would have.

    Parameters
    ----------
    flat
        The model.
    starts : ndarray (chains, size)
    seed
        Of the run.
    settings
        See there.
    folder
        Where to keep draws.
    lines
        For progress.

    Returns
    -------
    Draws
        With the attribute ``segments``: for each chain, as JSON, where it was taken up again.

    Raises
    ------
    RuntimeError
        When a chain fails.
    """
    compiled = nutpie_model(flat, compiled_anew=settings.compiled_anew)
    jobs = [_Job(c, starts[c], seed, settings, folder) for c in range(settings.chains)]
    for job in jobs:
        job.line = lines.line(f"chain {job.chain}", settings.tune + settings.draws)
    pending = [job for job in jobs if not job.complete]
    running: list[_Job] = []
    begin = last = time.monotonic()
    try:
        while pending or running:
            while pending and len(running) < settings.cores:
                job = pending.pop(0)
                job.launch(compiled)
                running.append(job)
            time.sleep(_POLL)
            for job in [job for job in running if job.chain_finished]:
                job.finish()
                running.remove(job)
            for job in jobs:
                job.show(lines)
            now = time.monotonic()
            if folder is not None and now - last > max(1.0, _SHARE * (now - begin)):
                for job in running:
                    job.keep()
                last = time.monotonic()
    except BaseException as stopped:
        for job in running:
            try:
                job.stop()
            except Exception as error:  # the others must be stopped all the same
                stopped.add_note(f"Chain {job.chain} could not be stopped cleanly: {error}")
        if not isinstance(stopped, KeyboardInterrupt):
            raise
        if folder is not None:
            stopped.add_note(
                f"What was sampled is kept; fit(..., path={str(folder.path)!r}, "
                "resume=True) goes on from there."
            )
            raise
        if not all(job.count for job in jobs):
            raise
    return _collected(jobs, settings)


def _collected(jobs: list[_Job], settings: NUTSSettings) -> Draws:
    length = min(job.count for job in jobs)
    if length < settings.draws:
        warnings.warn(
            f"Sampling was interrupted: {length} draws of each chain instead of {settings.draws}.",
            stacklevel=3,
        )
    parts = [job.draws.part(0, length) for job in jobs]
    return Draws(
        positions=np.stack([part.positions for part in parts]),
        statistics={
            name: np.stack([part.statistics[name] for part in parts])
            for name in parts[0].statistics
        },
        attributes={
            "sampler": "nutpie",
            "tune": settings.tune,
            "target_accept": settings.target_accept,
            "max_treedepth": settings.max_treedepth,
            "segments": json.dumps({str(job.chain): job.segments for job in jobs}),
        },
    )


class _Job:
    """One chain: what is kept of it, and the sampler that adds to it."""

    def __init__(
        self,
        chain: int,
        start: NDArray[np.float64],
        seed: int,
        settings: NUTSSettings,
        folder: RunFolder | None,
    ) -> None:
        self.chain, self.line = chain, 0
        self._start, self._seed, self._settings, self._folder = start, seed, settings, folder
        before, self.segments = (None, []) if folder is None else folder.read(chain)
        self._parts: list[ChainDraws] = [] if before is None else [before]
        self._sampler: Any = None
        self._taken = 0

    @property
    def count(self) -> int:
        """Draws that are there."""
        return sum(len(part) for part in self._parts)

    @property
    def complete(self) -> bool:
        return self.count >= self._settings.draws

    @property
    def chain_finished(self) -> bool:
        return bool(self._sampler.finished)

    @property
    def draws(self) -> ChainDraws:
        return joined(self._parts)

    def launch(self, compiled: Any) -> None:
        from bnode_nlme.inference.nutpie_chain import NutpieChain

        again = bool(self._parts)
        tune = self._settings.readaptation if again else self._settings.tune
        segment = len(self.segments)
        self.segments.append(
            {"segment": segment, "first": self.count, "draws": 0, "discarded": tune}
        )
        state = np.random.SeedSequence([self._seed, self.chain, segment]).generate_state(2)
        self._sampler = NutpieChain(
            compiled,
            self._parts[-1].positions[-1] if again else self._start,
            seed=int(state[0]) << 32 | int(state[1]),
            draws=self._settings.draws - self.count,
            tune=tune,
            options=self._settings.nutpie_options,
        )

    def keep(self) -> None:
        self._take(self._sampler.so_far())

    def finish(self) -> None:
        self._take(self._sampler.result())
        self._sampler = None

    def stop(self) -> None:
        self._take(self._sampler.stop())

    def show(self, lines: ProgressLines) -> None:
        if self._sampler is None:
            return
        progress = self._sampler.progress
        phase = "warm-up" if progress.warming_up else "sampling"
        note = f"{phase}, {progress.divergences} divergences"
        all_draws = self._settings.tune + self._settings.draws
        lines.update(self.line, all_draws - progress.total + progress.finished, note)

    def _take(self, of_segment: ChainDraws) -> None:
        new = of_segment.part(self._taken)
        if not len(new):
            return
        if self._folder is not None:
            segment = self.segments[-1]
            self._folder.append(
                self.chain,
                new,
                first=self.count,
                segment=segment["segment"],
                discarded=segment["discarded"],
            )
        self._parts.append(new)
        self._taken += len(new)
        self.segments[-1]["draws"] += len(new)
