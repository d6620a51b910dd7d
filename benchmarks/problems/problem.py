"""What a problem of the race is: one population, written for the package and for its peers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytensor.tensor as pt
from numpy.typing import NDArray

import bnode_nlme as bn

SEED = 20_240


@dataclass(frozen=True, eq=False)
class Problem:
    """A population with true values, and the same system for any array library.

    The work is value and gradient of ``-0.5 * sum(((observed - predicted) / sigma) ** 2)`` by all
    individual parameters and all weights. `derivative`, `readout` and `initial` get the array
    library first (NumPy, or jax.numpy), and states and parameters as sequences of scalars or of
    vectors over subjects.
    """

    name: str
    system: bn.System
    study: bn.Study
    parameters: NDArray[np.float64]  # (subjects, parameters)
    weights: NDArray[np.float64]  # (weights,), of the only network, or none
    sigma: Sequence[float]  # of each output
    derivative: Callable[[Any, Any, Any, Any, Any], Sequence[Any]]  # (xp, t, y, p, w)
    readout: Callable[[Any, Any, Any], Sequence[Any]]  # (xp, y, p), one an output
    initial: Callable[[Any, Any], Sequence[Any]]  # (xp, p)
    stan: str  # the functions `derivative`, `readout` and `initial` in Stan
    start: float = 0.0  # where peers begin to integrate
    stiff: bool = False
    observed: NDArray[np.float64] | None = None  # (rows,)

    @property
    def output_of_row(self) -> NDArray[np.int64]:
        """Index of the output that each observation row measures, (rows,)."""
        labels = self.study.records.output[self.study.observations]
        names = list(self.system.output_names)
        return np.array([names.index(label) if label else 0 for label in labels])

    @property
    def sigma_of_row(self) -> NDArray[np.float64]:
        """Residual standard deviation of each observation row, (rows,)."""
        return np.asarray(self.sigma, float)[self.output_of_row]

    @property
    def network_weights(self) -> dict[str, Any]:
        """The weights under the network's name."""
        return {network.name: self.weights for network in self.system.networks}

    def head(self, subjects: int) -> Problem:
        """The first subjects alone: for a contender that would take minutes a turn."""
        study = self.study.select(subjects=self.study.subjects[:subjects])
        return replace(
            self,
            study=study,
            parameters=self.parameters[:subjects],
            observed=None if self.observed is None else self.observed[: study.n_observations],
        )

    def with_data(self) -> Problem:
        """Data simulated at the true values, with residual error, put into `observed`."""
        columns = dict(zip(self.system.parameters, self.parameters.T, strict=True))
        solution = bn.simulate(
            self.system,
            self.study,
            columns,
            self.network_weights,
            method="bdf",
            rtol=1e-10,
            atol=1e-12,
        )
        by_output = np.stack([solution[name] for name in self.system.output_names])
        true = by_output[self.output_of_row, np.arange(by_output.shape[1])]
        noise = np.random.default_rng(SEED + 1).standard_normal(true.size)
        return replace(self, observed=true + self.sigma_of_row * noise)

    def log_likelihood(self, parameters: Any, weights: Any, **options: Any) -> Any:
        """The scalar of the race as a PyTensor graph, through `bnode_nlme.solve`."""
        solution = bn.solve(
            self.system,
            self.study,
            {name: parameters[:, i] for i, name in enumerate(self.system.parameters)},
            {network.name: weights for network in self.system.networks},
            **options,
        )
        outputs = [solution.outputs[name] for name in self.system.output_names]
        predicted = outputs[0]
        for index, output in enumerate(outputs[1:], start=1):
            predicted = pt.where(self.output_of_row == index, output, predicted)
        return -0.5 * (((self.observed - predicted) / self.sigma_of_row) ** 2).sum(), predicted
