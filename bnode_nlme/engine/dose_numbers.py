"""The values of a study's doses for given numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytensor.tensor as pt
from numpy.typing import NDArray
from pytensor.compile.maker import function
from pytensor.compile.mode import Mode

from bnode_nlme.dynamics.system import System
from bnode_nlme.engine.counts import SolveCounter
from bnode_nlme.engine.dose_values import DoseValues, symbolic_values
from bnode_nlme.engine.options import SolverOptions
from bnode_nlme.engine.plan import Plan
from bnode_nlme.engine.steady_state_values import with_steady_states
from bnode_nlme.study.study import Study


def values_of(
    system: System,
    study: Study,
    plan: Plan,
    by_occasion: Sequence[bool],
    options: SolverOptions,
) -> Callable[[Sequence[NDArray[np.float64]], NDArray[np.float64]], DoseValues]:
    """Lag, bioavailability, modelled values, shifts and steady states of a plan's doses.

    Parameters
    ----------
    system, study, plan
    by_occasion
        Which of the system's parameters are vectors over occasions.
    options
        How the study is solved.

    Returns
    -------
    callable
        From the parameters, each a number or a vector over subjects or occasions, and the weights
        of all networks in one vector.
    """
    compiled: dict[tuple[Any, ...], Any] = {}

    def evaluated(
        columns: Sequence[NDArray[np.float64]], weights: NDArray[np.float64]
    ) -> DoseValues:
        shapes = tuple(np.shape(column) for column in columns)
        if shapes not in compiled:
            symbols = [pt.tensor(shape=shape, dtype="float64") for shape in shapes]
            vector = pt.vector(shape=weights.shape, dtype="float64")
            values = symbolic_values(system, study, plan, symbols, by_occasion)
            values = with_steady_states(
                values, system, study, plan, symbols, vector, by_occasion, options, SolveCounter()
            )
            # A few operations on a few numbers: compiling them would take longer.
            compiled[shapes] = function(
                [*symbols, vector],
                list(values),
                mode=Mode("py", "None"),
                on_unused_input="ignore",
            )
        return DoseValues(*compiled[shapes](*columns, weights))

    return evaluated
