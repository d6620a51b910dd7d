"""Starting values at which the model can be solved."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pymc as pm
from numpy.typing import NDArray
from pymc.initial_point import make_initial_point_fn

from bnode_nlme.distributions.solve_nodes import solve_nodes
from bnode_nlme.distributions.solver_report import solver_report
from bnode_nlme.inference.flat_model import FlatModel, Vector
from bnode_nlme.inference.lbfgs import minimise
from bnode_nlme.inference.named_values import free_values
from bnode_nlme.inference.random_effects import are_centred, effect_variables
from bnode_nlme.inference.start_failure import counted_since, failures_at

JITTER = 0.5
"""Half-width of the uniform jitter on the unconstrained scale, where it can be had."""

_TRIES, _STEPS = 30, 30
_FALL = 1e5
"""Nats that jitter may cost, as 10 standard deviations at 2000 measurements do. Where a model divides
by what is nearly zero it can cost 1e50, and a chain never leaves such a point: its first step there
is too small for any warm-up to mend."""


class StartError(RuntimeError):
    """No starting values were found at which the model can be solved."""


@dataclass(frozen=True, eq=False)
class Start:
    """Starting values that were tested.

    Attributes
    ----------
    typical : ndarray (size,)
        The mode of the typical values, random effects at their initial values (zero).
    points : ndarray (chains, size)
        Around it, each with finite log-probability and gradient, no failed solve, and a
        log-probability from which a chain finds back.
    refused : int
        Points that failed that test.
    """

    typical: Vector
    points: NDArray[np.float64]
    refused: int


def find_start(
    flat: FlatModel, chains: int, rng: np.random.Generator, given: Mapping[str, Any] | None = None
) -> Start:
    """Find starting values for some chains.

    First a point that solves: the model's initial point, else jittered ones, else draws of the
    prior. From it, at most 30 steps of L-BFGS towards the mode of the typical values, random
    effects held. Then jitter for each chain, tested, and halved where it fails.

    Parameters
    ----------
    flat
        The model.
    chains
        Number of points.
    rng
        For the jitter.
    given
        Values of parameters to start from, by name.

    Returns
    -------
    Start

    Raises
    ------
    StartError
        When no point solves; the message says which subjects fail, and how.
    """
    return StartSearch(flat).find(chains, rng, given)


class StartSearch:
    """Finds starting values of one model again and again, as where its data are replaced.

    What does not depend on the data is made once; see `find_start`.

    Parameters
    ----------
    flat
        The model.
    """

    def __init__(self, flat: FlatModel) -> None:
        self.flat = flat
        self._initial = flat.vector(flat.model.initial_point())
        self._effects = effect_variables(flat.model)
        self._moving = np.ones(flat.size, dtype=bool)
        for name in self._effects:
            self._moving[flat.slices[name]] = False
        self._centred = are_centred(flat.model, self._effects)

    def find(
        self, chains: int, rng: np.random.Generator, given: Mapping[str, Any] | None = None
    ) -> Start:
        """See `find_start`; nothing is compiled anew where the initial point solves."""
        first, refused = _first(self.flat, self._candidates(rng, given))
        typical = self._typical_mode(self._with_effects_at_rest(first))
        if not solves(self.flat, typical):
            typical = first
        least = self.flat.logp_and_gradient(typical)[0] - _FALL
        points = []
        for _ in range(chains):
            width = JITTER
            for _ in range(_TRIES):
                point = typical + width * rng.uniform(-1.0, 1.0, size=typical.size)
                if solves(self.flat, point, least):
                    break
                refused += 1
                width *= 0.5
            else:
                point = typical
            points.append(point)
        return Start(typical, np.array(points), refused)

    def _candidates(
        self, rng: np.random.Generator, given: Mapping[str, Any] | None
    ) -> Iterator[Vector]:
        model = self.flat.model
        overrides = free_values(model, given or {})
        seeds = rng.integers(2**31, size=2 * _TRIES + 1)

        def initial(strategy: str, jitter: bool) -> Any:
            return make_initial_point_fn(
                model=model,
                overrides=overrides,
                jitter_rvs=set(model.free_RVs) - set(overrides) if jitter else set(),
                default_strategy=strategy,
                return_transformed=True,
            )

        if overrides:
            yield self.flat.vector(initial("support_point", jitter=False)(int(seeds[0])))
        else:
            yield self._initial.copy()
        jittered = initial("support_point", jitter=True)
        for seed in seeds[1 : _TRIES + 1]:
            yield self.flat.vector(jittered(int(seed)))
        prior = initial("prior", jitter=False)
        for seed in seeds[_TRIES + 1 :]:
            yield self.flat.vector(prior(int(seed)))

    def _with_effects_at_rest(self, x: Vector) -> Vector:
        rest = np.where(self._moving, x, self._initial)
        return rest if solves(self.flat, rest) else x

    def _typical_mode(self, first: Vector) -> Vector:
        # With centred effects at zero, their density would grow without bound as their standard
        # deviation goes to zero: it is left out.
        flat, effects, moving = self.flat, self._effects, self._moving
        of = (lambda x: flat.logp_without(effects, x)) if self._centred else flat.logp_and_gradient

        def function(part: Vector) -> tuple[float, Vector]:
            x = first.copy()
            x[moving] = part
            value, gradient = of(x)
            return -value, -gradient[moving]

        best = first.copy()
        best[moving] = minimise(function, first[moving], max_iterations=_STEPS, relative=1e-6).x
        return best


def solves(flat: FlatModel, x: Vector, least: float = -np.inf) -> bool:
    """Whether log-probability and gradient are finite at a point, and no solve fails.

    Parameters
    ----------
    flat
        The model.
    x : ndarray (size,)
        The point.
    least
        A log-probability below it does not do.
    """
    before = _failures(flat.model)
    value, gradient = flat.logp_and_gradient(x)
    finite = np.isfinite(value) and value >= least and bool(np.all(np.isfinite(gradient)))
    return finite and _failures(flat.model) == before


def _failures(model: pm.Model) -> int:
    return solver_report(model).failures if solve_nodes(model) else 0


def _first(flat: FlatModel, candidates: Iterable[Vector]) -> tuple[Vector, int]:
    has_solves = bool(solve_nodes(flat.model))
    before = solver_report(flat.model) if has_solves else None
    initial = None
    for attempt, x in enumerate(candidates):
        initial = x if initial is None else initial
        if solves(flat, x):
            return x, attempt
    message = [
        f"fit found no starting values in {2 * _TRIES + 1} tries: it wants a point with finite "
        "log-probability and gradient at which every solve succeeds. At the first of them, the "
        "model's initial point with the values of start=:"
    ]
    # Counted before the point is looked at once more.
    after = solver_report(flat.model) if has_solves else None
    if initial is not None:
        message += [f"  {line}" for line in failures_at(flat, initial)]
    if before is not None and after is not None:
        report = str(counted_since(before, after)).replace("\n", "\n  ")
        message.append(
            f"In all tries bn.solver_report counted, over subjects and points:\n  {report}"
        )
    message.append(
        "Give narrower priors around values that are possible, or values to start from: "
        "fit(..., start={'CL_pop': 2.5})."
    )
    raise StartError("\n".join(message))
