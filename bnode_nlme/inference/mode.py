"""The mode of the posterior: maximum a posteriori, or penalised likelihood."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bnode_nlme.inference.draws import Draws
from bnode_nlme.inference.flat_model import FlatModel, Vector
from bnode_nlme.inference.lbfgs import minimise, warn_unless_converged


@dataclass(frozen=True)
class ModeSettings:
    """How the mode of the joint density is found.

    It gives starting values and typical values. It does not estimate the standard deviations of
    random effects (omega) and residual errors, which ``method="laplace"`` does.

    Attributes
    ----------
    max_iterations : int
        Of L-BFGS.
    tolerance : float
        For the gradient of the log-density on the unconstrained scale.
    """

    max_iterations: int = 2000
    tolerance: float = 1e-4


def mode(
    flat: FlatModel, start: Vector, settings: ModeSettings, note: Callable[[int], None]
) -> Draws:
    """Find the mode of the joint density of all variables as the model declares them.

    The density is that of the variables, not of their logarithms or logits, as in PyMC's
    `find_MAP`. Random effects are variables like all others: with their standard deviations learned
    too, this penalised mode is no estimate of those; ``method="laplace"`` integrates them out.

    Parameters
    ----------
    flat
        The model.
    start : ndarray (size,)
    settings
        See there.
    note
        Called with the number of evaluations.

    Returns
    -------
    Draws
        One draw.

    Warns
    -----
    UserWarning
        When the gradient is not within the tolerance.
    """
    evaluations = 0

    def function(x: Vector) -> tuple[float, Vector]:
        nonlocal evaluations
        evaluations += 1
        note(evaluations)
        value, gradient = flat.natural_logp_and_gradient(x)
        return -value, -gradient

    found = minimise(
        function,
        start,
        max_iterations=settings.max_iterations,
        tolerance=settings.tolerance,
        relative=1e-13,
    )
    warn_unless_converged("map", found, settings.tolerance)
    return Draws(
        positions=found.x[None, None],
        statistics={"lp": np.array([[-found.value]])},
        attributes={
            "log_density": -found.value,
            "converged": found.converged,
            "iterations": found.iterations,
            "largest_gradient": float(np.max(np.abs(found.gradient))),
        },
    )
