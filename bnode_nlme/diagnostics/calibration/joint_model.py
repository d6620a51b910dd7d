"""Draws from the joint distribution of parameters and measurements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pymc as pm
from numpy.typing import NDArray
from pymc.pytensorf import compile as compile_pymc
from pymc.pytensorf import reseed_rngs

_ATTEMPTS = 100


@dataclass(frozen=True, eq=False)
class Simulated:
    """Parameters from the prior and measurements that they produced.

    Attributes
    ----------
    position : ndarray (size,)
        The free variables on the unconstrained scale, as in `FlatModel`.
    measured : dict of str to ndarray (measurements,)
        By output; as they would be without a limit of quantification.
    refused : int
        Draws before this one at which the system could not be solved.
    """

    position: NDArray[np.float64]
    measured: dict[str, NDArray[np.float64]]
    refused: int


class JointModel:
    """A model as a source of parameters together with measurements.

    Parameters
    ----------
    model
        The measurements that it holds play no part.
    outputs
        Names of its observed variables.
    names
        Its free variables, in the order in which a position holds them.

    Raises
    ------
    ValueError
        When the model's free variables are others.
    """

    def __init__(self, model: pm.Model, outputs: Sequence[str], names: Sequence[str]) -> None:
        self._outputs = tuple(outputs)
        own = {str(variable.name): variable for variable in model.free_RVs}
        if set(own) != set(names):
            raise ValueError(
                "sbc: simulated_from= wants a declaration with the free variables of the fitted "
                f"one. Only one of them has {', '.join(map(repr, sorted(set(own) ^ set(names))))}."
            )
        positions = []
        for name in names:
            variable = own[name]
            transform = model.rvs_to_transforms[variable]
            if transform is not None:
                variable = transform.forward(variable, *variable.owner.inputs)
            positions.append(variable.ravel())
        self._n_free = len(positions)
        self._draw, updates = compile_pymc(
            [],
            [*positions, *(model[name] for name in self._outputs)],
            random_seed=False,  # so that each call can be given its own
            return_updates=True,
        )
        self._generators = list(updates)

    def draw(self, seed: int) -> Simulated:
        """Draw parameters, and measurements given them.

        Where the system cannot be solved at the parameters, others are drawn: there the fitted
        model has no density either, so that its prior is without them too.

        Raises
        ------
        RuntimeError
            When 100 draws cannot be solved.
        """
        for attempt in range(_ATTEMPTS):
            reseed_rngs(self._generators, [seed, attempt])
            drawn = [np.array(value, dtype=np.float64) for value in self._draw()]
            measured = dict(zip(self._outputs, drawn[self._n_free :], strict=True))
            position = np.concatenate(drawn[: self._n_free])
            if all(np.isfinite(values).all() for values in [position, *measured.values()]):
                return Simulated(position, measured, attempt)
        raise RuntimeError(
            f"{_ATTEMPTS} draws of the prior in a row gave no measurements: the system could not "
            "be solved, or a value was infinite. Give narrower priors."
        )
