"""The solver of virtual subjects: a system's kernels with its states as readouts, solved closely."""

from __future__ import annotations

import copy
import weakref
from dataclasses import replace

from bnode_nlme.dynamics.system import System
from bnode_nlme.engine.kernels import Kernels, build_kernels
from bnode_nlme.engine.options import SolverOptions
from bnode_nlme.engine.population import PopulationSolver

_CLOSER = 0.1
"""Tolerances of an interval's solve as a part of those asked for.

What a solve of one interval is wrong by adds up over as many intervals as a steady state remembers.
"""

_SMALLEST_RTOL = 1e-13

_BUILT: weakref.WeakKeyDictionary[System, Kernels] = weakref.WeakKeyDictionary()


def _observing_states(system: System) -> System:
    """The system with its states as outputs, undeclared: its parameters need not all be used."""
    variant = copy.copy(system)
    graph = replace(system.graph, outputs=system.graph.state)
    for name, value in {"outputs": None, "output_names": system.states, "graph": graph}.items():
        object.__setattr__(variant, name, value)
    return variant


def _closer(tolerance: float | None) -> float | None:
    return None if tolerance is None else _CLOSER * tolerance


def steady_state_solver(system: System, options: SolverOptions) -> PopulationSolver:
    """The solver that steady states of a system's doses are found by.

    Parameters
    ----------
    system
        Whose doses are repeated.
    options
        How its solution is solved; an interval between doses is solved ten times as closely.

    Returns
    -------
    PopulationSolver
    """
    if system not in _BUILT:
        _BUILT[system] = build_kernels(_observing_states(system))
    rtol = max(_CLOSER * options.rtol, min(options.rtol, _SMALLEST_RTOL))
    closer = replace(
        options,
        rtol=rtol,
        atol=_CLOSER * options.atol,
        adjoint_rtol=_closer(options.adjoint_rtol),
        adjoint_atol=_closer(options.adjoint_atol),
    )
    return PopulationSolver(_BUILT[system], closer)
