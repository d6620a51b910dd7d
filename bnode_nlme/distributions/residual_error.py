"""Residual error models: how a measurement scatters around the prediction.

Each model is a small frozen object that holds its (possibly random) parameters, and a random
variable over (prediction, parameters) whose log-probability is -inf where the prediction is NaN,
because the solve of that subject failed.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytensor.tensor as pt
from numpy.typing import NDArray
from pymc.distributions.distribution import SymbolicRandomVariable
from pymc.distributions.shape_utils import implicit_size_from_params, rv_size_is_none
from pymc.logprob.abstract import _logprob
from pymc.logprob.utils import CheckParameterValue
from pymc.pytensorf import normalize_rng_param
from pytensor.graph.basic import Variable
from pytensor.tensor.random.utils import normalize_size_param
from pytensor.tensor.variable import TensorVariable

_LOG_ROOT_TWO_PI = 0.5 * math.log(2.0 * math.pi)
_positive_parameters = CheckParameterValue("residual error parameters >= 0, one of them > 0")


class ResidualErrorRV(SymbolicRandomVariable):  # type: ignore[misc]
    """Measurements given predictions: normal, with a standard deviation that each model defines."""

    @classmethod
    def standard_deviation(cls, prediction: Any, *parameters: Any) -> Any:
        """Standard deviation of the measurement (of its logarithm, where `on_log_scale`)."""
        raise NotImplementedError

    on_log_scale: ClassVar[bool] = False

    @classmethod
    def rv_op(
        cls, prediction: Any, *parameters: Any, rng: Any = None, size: Any = None
    ) -> TensorVariable:
        """Build the random variable; `size` as for any PyMC distribution."""
        prediction = pt.as_tensor_variable(prediction)
        parameters = tuple(pt.as_tensor_variable(parameter) for parameter in parameters)
        rng = normalize_rng_param(rng)
        size = normalize_size_param(size)
        if rv_size_is_none(size):
            size = implicit_size_from_params(
                prediction, *parameters, ndims_params=[0] * (1 + len(parameters))
            )
        sd = cls.standard_deviation(prediction, *parameters)
        next_rng, noise = pt.random.normal(
            0.0, 1.0, size=size, rng=rng, return_next_rng=True
        )
        draws = prediction * pt.exp(sd * noise) if cls.on_log_scale else prediction + sd * noise
        return cls(inputs=[rng, size, prediction, *parameters], outputs=[next_rng, draws])(
            rng, size, prediction, *parameters
        )


@_logprob.register(ResidualErrorRV)
def _residual_error_logprob(
    op: ResidualErrorRV,
    values: tuple[Variable, ...],
    rng: Variable,
    size: Variable,
    prediction: Any,
    *parameters: Any,
    **kwargs: Any,
) -> Any:
    (value,) = values
    failed = pt.isnan(prediction)
    # The value stands in for a missing prediction, so that the gradient stays finite: what the
    # sampler sees of a failed solve is -inf alone.
    shown = pt.switch(failed, value, prediction)
    if op.on_log_scale:
        positive = pt.and_(shown > 0.0, value > 0.0)
        shown, value = pt.switch(positive, shown, 1.0), pt.switch(positive, value, 1.0)
        residual = pt.log(value) - pt.log(shown)
        jacobian: Any = pt.log(value)
        impossible = pt.or_(failed, pt.invert(positive))
    else:
        residual, jacobian, impossible = value - shown, 0.0, failed
    sd = op.standard_deviation(shown, *parameters)
    impossible = pt.or_(impossible, sd <= 0.0)
    safe_sd = pt.switch(sd > 0.0, sd, 1.0)
    density = -0.5 * (residual / safe_sd) ** 2 - pt.log(safe_sd) - _LOG_ROOT_TWO_PI - jacobian
    density = pt.switch(impossible, -np.inf, density)
    return _positive_parameters(
        density, *[pt.all(parameter >= 0.0) for parameter in parameters]
    )


class AdditiveRV(ResidualErrorRV):
    """See `Additive`."""

    name = "additive_error"
    extended_signature = "[rng],[size],(),()->[rng],()"
    _print_name = ("NeuralODE, additive error", r"\operatorname{NeuralODE}_{add}")

    @classmethod
    def standard_deviation(cls, prediction: Any, sigma: Any) -> Any:
        return sigma * pt.ones_like(prediction)


class ProportionalRV(ResidualErrorRV):
    """See `Proportional`."""

    name = "proportional_error"
    extended_signature = "[rng],[size],(),()->[rng],()"
    _print_name = ("NeuralODE, proportional error", r"\operatorname{NeuralODE}_{prop}")

    @classmethod
    def standard_deviation(cls, prediction: Any, sigma: Any) -> Any:
        return sigma * pt.abs(prediction)


class CombinedRV(ResidualErrorRV):
    """See `Combined`; the variances add."""

    name = "combined_error"
    extended_signature = "[rng],[size],(),(),()->[rng],()"
    _print_name = ("NeuralODE, combined error", r"\operatorname{NeuralODE}_{comb}")

    @classmethod
    def standard_deviation(cls, prediction: Any, additive: Any, proportional: Any) -> Any:
        return pt.sqrt(additive**2 + (proportional * prediction) ** 2)


class CombinedSdRV(CombinedRV):
    """See `Combined`; the standard deviations add."""

    name = "combined_error_sd"
    extended_signature = "[rng],[size],(),(),()->[rng],()"

    @classmethod
    def standard_deviation(cls, prediction: Any, additive: Any, proportional: Any) -> Any:
        return additive + proportional * pt.abs(prediction)


class LogNormalErrorRV(ResidualErrorRV):
    """See `LogNormalError`."""

    name = "log_normal_error"
    extended_signature = "[rng],[size],(),()->[rng],()"
    _print_name = ("NeuralODE, log-normal error", r"\operatorname{NeuralODE}_{log}")
    on_log_scale = True

    @classmethod
    def standard_deviation(cls, prediction: Any, sigma: Any) -> Any:
        return sigma * pt.ones_like(prediction)


@dataclass(frozen=True, eq=False)
class ResidualError(ABC):
    """A residual error model with its parameters."""

    @property
    @abstractmethod
    def rv_type(self) -> type[ResidualErrorRV]:
        """The random variable over (prediction, *parameters)."""

    @property
    @abstractmethod
    def parameters(self) -> tuple[Any, ...]:
        """The parameters, in the order of the random variable's inputs."""

    def impossible(self, values: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which measured values the model cannot produce, whatever its parameters."""
        return np.zeros(values.shape, dtype=bool)


@dataclass(frozen=True, eq=False)
class Additive(ResidualError):
    """Additive residual error: ``y ~ Normal(f, sigma)``.

    Parameters
    ----------
    sigma : scalar or TensorVariable () or (observations,)
        Standard deviation, in the units of the output.
    """

    sigma: Any

    @property
    def rv_type(self) -> type[ResidualErrorRV]:
        return AdditiveRV

    @property
    def parameters(self) -> tuple[Any, ...]:
        return (self.sigma,)


@dataclass(frozen=True, eq=False)
class Proportional(ResidualError):
    """Proportional residual error: ``y ~ Normal(f, sigma |f|)``.

    A measurement other than 0 is impossible where the prediction is exactly 0, as before a first
    dose; leave such records out, or use `Combined`.

    Parameters
    ----------
    sigma : scalar or TensorVariable () or (observations,)
        Coefficient of variation, as a fraction.
    """

    sigma: Any

    @property
    def rv_type(self) -> type[ResidualErrorRV]:
        return ProportionalRV

    @property
    def parameters(self) -> tuple[Any, ...]:
        return (self.sigma,)


@dataclass(frozen=True, eq=False)
class Combined(ResidualError):
    """Combined residual error: additive and proportional.

    Parameters
    ----------
    additive : scalar or TensorVariable () or (observations,)
        Standard deviation a, in the units of the output.
    proportional : scalar or TensorVariable () or (observations,)
        Coefficient of variation b, as a fraction.
    form : {"variance", "sd"}
        ``"variance"``: ``sd = sqrt(a^2 + (b f)^2)`` (two independent errors, NONMEM's usual
        coding). ``"sd"``: ``sd = a + b |f|`` (Monolix's combined1).

    Raises
    ------
    ValueError
        When `form` is neither.
    """

    additive: Any
    proportional: Any
    form: str = "variance"

    def __post_init__(self) -> None:
        if self.form not in ("variance", "sd"):
            raise ValueError(f"form= wants 'variance' or 'sd'; found {self.form!r}.")

    @property
    def rv_type(self) -> type[ResidualErrorRV]:
        return CombinedRV if self.form == "variance" else CombinedSdRV

    @property
    def parameters(self) -> tuple[Any, ...]:
        return self.additive, self.proportional


@dataclass(frozen=True, eq=False)
class LogNormalError(ResidualError):
    """Log-normal residual error: ``log y ~ Normal(log f, sigma)``, f the median.

    Parameters
    ----------
    sigma : scalar or TensorVariable () or (observations,)
        Standard deviation of the logarithm.
    """

    sigma: Any

    @property
    def rv_type(self) -> type[ResidualErrorRV]:
        return LogNormalErrorRV

    @property
    def parameters(self) -> tuple[Any, ...]:
        return (self.sigma,)

    def impossible(self, values: NDArray[np.float64]) -> NDArray[np.bool_]:
        return values <= 0.0
