"""Residual error models at numbers: draws, densities and their derivatives at many draws."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytensor.gradient
import pytensor.tensor as pt
import xarray as xr
from numpy.typing import NDArray
from pytensor.compile.maker import function
from pytensor.compile.mode import Mode
from pytensor.tensor.random.type import random_generator_type

from bnode_nlme.distributions.continuous import Continuous
from bnode_nlme.distributions.family import Family
from bnode_nlme.nlme.nlme import NLME
from bnode_nlme.nlme.prior import Prior
from bnode_nlme.results.population_draws import SAMPLE

Array = NDArray[np.float64]

grad: Any = pytensor.gradient.grad  # whose annotation leaves open what it returns

# Whole arrays at a time need no compiler: NumPy is as fast, and there is nothing to wait for.
_MODE = Mode(linker="py", optimizer="fast_compile")


@dataclass(frozen=True, eq=False)
class ErrorNumbers:
    """The residual error of one output at N draws.

    Attributes
    ----------
    family
        Of the measurements.
    parameters : tuple of ndarray (N, 1) or (N, 1, k)
    """

    family: Family
    parameters: tuple[Array, ...]

    def at(self, draws: NDArray[np.intp]) -> ErrorNumbers:
        """The same at some of the draws."""
        return ErrorNumbers(self.family, tuple(values[draws] for values in self.parameters))

    def drawn(self, prediction: Array, rng: np.random.Generator) -> Array:
        """Measurements around predictions (N, M): NaN where there can be none.

        Returns
        -------
        ndarray (N, M)
            What would be measured without a limit of quantification.
        """
        return np.asarray(self._call(_draws, rng, prediction, *self._without_limits(prediction)))

    def log_density(self, value: Array, prediction: Array, lower: Array, upper: Array) -> Array:
        """Log-density of measurements (M,) given predictions (N, M); -inf where not possible.

        `lower` and `upper` (M,) are the ends of a censored measurement's interval, NaN where it was
        measured.
        """
        limits = self._limits(lower, upper)
        return np.asarray(
            self._call(_log_density, value[None], prediction, *self.parameters, *limits)
        )

    def slopes(
        self, value: Array, prediction: Array, lower: Array, upper: Array
    ) -> tuple[Array, Array, Array]:
        """`log_density`, and its first and second derivative by the prediction, (N, M) each."""
        limits = self._limits(lower, upper)
        density, first, second = self._call(
            _slopes, value[None], prediction, *self.parameters, *limits
        )
        return density, first, second

    def noise_sd(self) -> Array:
        """Standard deviation of a continuous measurement's error in units of its scale, (N, 1).

        1 for normal errors, ``sqrt(nu / (nu - 2))`` for Student-t ones, NaN where nu is 2 or less.
        """
        family: Any = self.family
        own = self.parameters[: family.noise.n_parameters]
        return np.asarray(self._call(_noise_sd, *own)) * np.ones((len(self.parameters[0]), 1))

    def scale(self, prediction: Array) -> Array:
        """Scale of a continuous measurement's error (of the logarithm's), (N, M).

        Raises
        ------
        ValueError
            When the measurements are not continuous.
        """
        if not isinstance(self.family, Continuous):
            raise ValueError(
                "Weighted residuals want a continuous measurement with a residual error (Additive, "
                f"Proportional, Combined, LogNormalError, StudentT); found {self.family.name}. "
                "Use bn.npde or bn.vpc."
            )
        spread = self.family.spread
        first = self.family.noise.n_parameters
        own = self.parameters[first : first + spread.n_parameters]
        return np.asarray(self._call(_scale, prediction, *own)) * np.ones_like(prediction)

    def _call(self, make: Any, *arguments: Any) -> Any:
        result = make(self.family)(*arguments)
        return result[0] if len(result) == 1 else result

    def _limits(self, lower: Array, upper: Array) -> tuple[Array, ...]:
        censored = isinstance(self.family, Continuous) and self.family.blq is not None
        return (lower[None], upper[None]) if censored else ()

    def _without_limits(self, prediction: Array) -> tuple[Array, ...]:
        nothing = np.full(prediction.shape[1], np.nan)
        return (*self.parameters, *self._limits(nothing, nothing))


def error_numbers(nlme: NLME, output: str, values: xr.Dataset, draws: int) -> ErrorNumbers:
    """The residual error of an output at draws of the population.

    Parameters
    ----------
    nlme, output
        The declaration, and one of its outputs.
    values : xarray.Dataset (sample, ...)
        As `population_draws` gives them.
    draws
        How many there are.

    Raises
    ------
    ValueError
        When a parameter of the error model is neither in the posterior nor a number.
    """
    error = nlme.errors[output]
    arrays = []
    for (name, given), core in zip(error.parameters.items(), error.family.core_ndims, strict=False):
        variable = f"{output}_{name}"
        if given is None or isinstance(given, Prior):
            array = values[variable].transpose(SAMPLE, ...).to_numpy()
        else:
            array = _known(given, core, variable)[None].repeat(draws, axis=0)
        arrays.append(np.asarray(array, dtype=np.float64)[:, None])
    return ErrorNumbers(error.family, tuple(arrays))


def _known(given: Any, core: int, variable: str) -> Array:
    try:
        array = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError):
        array = np.empty((0,) * (core + 1))
    if array.ndim != core:
        raise ValueError(
            f"Predictions with residual error want {variable} as one number or a prior; found "
            f"{given!r}. A value for each measurement does not tell those of another study."
        )
    return array


def _inputs(family: Family) -> tuple[Any, list[Any]]:
    prediction = pt.tensor("prediction", dtype="float64", shape=(None, None))
    parameters = [
        pt.tensor(dtype="float64", shape=(None, 1, None) if core else (None, 1))
        for core in family.core_ndims
    ]
    if isinstance(family, Continuous) and family.blq is not None:
        parameters[-2:] = [pt.tensor(dtype="float64", shape=(1, None)) for _ in range(2)]
    return prediction, parameters


def _possible(family: Family, prediction: Any) -> Any:
    return pt.and_(pt.lt(pt.abs(prediction), np.inf), family.possible(prediction))


@functools.cache
def _draws(family: Family) -> Any:
    prediction, parameters = _inputs(family)
    rng = random_generator_type("rng")
    possible = _possible(family, prediction)
    safe = pt.switch(possible, prediction, family.stand_in(pt.ones_like(prediction)))
    _, drawn = family.draws(rng, safe.shape, safe, *parameters)
    drawn = pt.switch(possible, drawn.astype("float64"), np.nan)
    return function([rng, prediction, *parameters], [drawn], mode=_MODE, on_unused_input="ignore")


def _density(family: Family, value: Any, prediction: Any, parameters: list[Any]) -> Any:
    possible = _possible(family, prediction)
    # As in a model: another prediction stands in for one that is not possible.
    safe = pt.switch(possible, prediction, family.stand_in(value))
    return pt.switch(possible, family.log_density(value, safe, *parameters), -np.inf)


@functools.cache
def _log_density(family: Family) -> Any:
    prediction, parameters = _inputs(family)
    value = pt.tensor("value", dtype="float64", shape=(1, None))
    density = _density(family, value, prediction, parameters)
    return function(
        [value, prediction, *parameters], [density], mode=_MODE, on_unused_input="ignore"
    )


@functools.cache
def _slopes(family: Family) -> Any:
    prediction, parameters = _inputs(family)
    value = pt.tensor("value", dtype="float64", shape=(1, None))
    density = _density(family, value, prediction, parameters)
    first = grad(density.sum(), prediction)
    second = grad(first.sum(), prediction, disconnected_inputs="ignore")
    return function(
        [value, prediction, *parameters],
        [density, first, second],
        mode=_MODE,
        on_unused_input="ignore",
    )


@functools.cache
def _scale(family: Continuous) -> Any:
    prediction = pt.tensor("prediction", dtype="float64", shape=(None, None))
    parameters = [
        pt.tensor(dtype="float64", shape=(None, 1)) for _ in range(family.spread.n_parameters)
    ]
    scale = pt.as_tensor_variable(family.spread.scale(prediction, *parameters))
    return function([prediction, *parameters], [scale], mode=_MODE, on_unused_input="ignore")


@functools.cache
def _noise_sd(family: Continuous) -> Any:
    parameters = [
        pt.tensor(dtype="float64", shape=(None, 1)) for _ in range(family.noise.n_parameters)
    ]
    return function(parameters, [family.noise.sd(*parameters)], mode=_MODE)


def errors_of(nlme: NLME, values: xr.Dataset, draws: int) -> Mapping[str, ErrorNumbers]:
    """`error_numbers` of every measured output."""
    return {output: error_numbers(nlme, output, values, draws) for output in nlme.outputs}
