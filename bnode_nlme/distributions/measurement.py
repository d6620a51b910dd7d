"""Random variables of measurements, given predictions and the parameters of the residual error.

Each draws and weighs from the same `standard_deviation`. They differ from `pymc.Normal` and
`pymc.LogNormal` in what a prediction of NaN means: the solve of that subject failed, so that the
log-probability is -inf and draws are NaN. An infinite prediction is impossible too.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar, override

import numpy as np
import pytensor.tensor as pt
from pymc.distributions.dist_math import check_parameters
from pymc.distributions.distribution import SymbolicRandomVariable
from pymc.distributions.shape_utils import implicit_size_from_params, rv_size_is_none
from pymc.logprob.abstract import _logprob
from pymc.pytensorf import normalize_rng_param
from pytensor.graph.basic import Variable
from pytensor.tensor.random.utils import normalize_size_param
from pytensor.tensor.variable import TensorVariable

_LOG_ROOT_TWO_PI = 0.5 * math.log(2.0 * math.pi)


class MeasurementRV(SymbolicRandomVariable):
    """Measurements given predictions: normal, on the scale and with the sd that each kind defines.

    Inputs: a generator, a size, the prediction and the error's parameters, which broadcast.
    """

    on_log_scale: ClassVar[bool] = False

    @classmethod
    def standard_deviation(cls, prediction: Any, *parameters: Any) -> Any:
        """Standard deviation of the measurement (of its logarithm, where `on_log_scale`)."""
        raise NotImplementedError

    @classmethod
    def valid(cls, *parameters: Any) -> tuple[Any, str]:
        """Whether the parameters are, elementwise, and that in words."""
        (sigma,) = parameters
        return sigma > 0.0, "sigma > 0"

    @classmethod
    def rv_op(
        cls, prediction: Any, *parameters: Any, rng: Any = None, size: Any = None
    ) -> TensorVariable:
        """Build the random variable; `rng` and `size` as for any PyMC distribution."""
        prediction = pt.as_tensor_variable(prediction)
        parameters = tuple(pt.as_tensor_variable(parameter) for parameter in parameters)
        rng = normalize_rng_param(rng)
        size = normalize_size_param(size)
        if rv_size_is_none(size):
            size = implicit_size_from_params(
                prediction, *parameters, ndims_params=[0] * (1 + len(parameters))
            )
        sd = cls.standard_deviation(prediction, *parameters)
        next_rng, noise = pt.random.normal(0.0, 1.0, size=size, rng=rng, return_next_rng=True)
        draws = prediction * pt.exp(sd * noise) if cls.on_log_scale else prediction + sd * noise
        # What has no density has no draw either; a sum of NaN and noise would do that by itself,
        # a negative standard deviation or the exponential of a negative prediction would not.
        possible, _ = cls.valid(*parameters)
        possible = pt.and_(possible, pt.lt(pt.abs(prediction), np.inf))
        if cls.on_log_scale:
            possible = pt.and_(possible, prediction > 0.0)
        draws = pt.switch(possible, draws, np.nan)
        return cls(inputs=[rng, size, prediction, *parameters], outputs=[next_rng, draws])(
            rng, size, prediction, *parameters
        )


@_logprob.register(MeasurementRV)
def _measurement_logprob(
    op: MeasurementRV,
    values: tuple[Variable, ...],
    rng: Variable,
    size: Variable,
    prediction: Any,
    *parameters: Any,
    **kwargs: Any,
) -> Any:
    value: Any = values[0]
    impossible = pt.or_(pt.isnan(prediction), pt.isinf(prediction))
    # The value stands in for a missing prediction, so that the gradient stays finite: what a
    # sampler sees of a failed solve is -inf alone.
    prediction = pt.switch(impossible, value, prediction)
    log_jacobian: Any = 0.0
    if op.on_log_scale:
        impossible = pt.or_(impossible, pt.or_(prediction <= 0.0, value <= 0.0))
        prediction = pt.log(pt.switch(impossible, 1.0, prediction))
        value = pt.log(pt.switch(impossible, 1.0, value))
        log_jacobian = value
    sd = op.standard_deviation(prediction, *parameters)
    impossible = pt.or_(impossible, sd <= 0.0)
    sd = pt.switch(sd > 0.0, sd, 1.0)
    density = -0.5 * ((value - prediction) / sd) ** 2 - pt.log(sd) - _LOG_ROOT_TWO_PI - log_jacobian
    valid, wanted = op.valid(*parameters)
    return check_parameters(pt.switch(impossible, -np.inf, density), valid, msg=wanted)


class AdditiveRV(MeasurementRV):
    """See `Additive`."""

    name = "AdditiveNeuralODE"
    extended_signature = "[rng],[size],(),()->[rng],()"
    _print_name = ("AdditiveNeuralODE", r"\operatorname{AdditiveNeuralODE}")

    @classmethod
    @override
    def standard_deviation(cls, prediction: Any, *parameters: Any) -> Any:
        (sigma,) = parameters
        return sigma


class ProportionalRV(MeasurementRV):
    """See `Proportional`."""

    name = "ProportionalNeuralODE"
    extended_signature = "[rng],[size],(),()->[rng],()"
    _print_name = ("ProportionalNeuralODE", r"\operatorname{ProportionalNeuralODE}")

    @classmethod
    @override
    def standard_deviation(cls, prediction: Any, *parameters: Any) -> Any:
        (sigma,) = parameters
        return sigma * pt.abs(prediction)


class LogNormalRV(AdditiveRV):
    """See `LogNormalError`: additive on the log scale."""

    name = "LogNormalNeuralODE"
    _print_name = ("LogNormalNeuralODE", r"\operatorname{LogNormalNeuralODE}")
    on_log_scale = True


class CombinedRV(MeasurementRV):
    """See `Combined`; the variances add."""

    name = "CombinedNeuralODE"
    extended_signature = "[rng],[size],(),(),()->[rng],()"
    _print_name = ("CombinedNeuralODE", r"\operatorname{CombinedNeuralODE}")

    @classmethod
    @override
    def standard_deviation(cls, prediction: Any, *parameters: Any) -> Any:
        additive, proportional = parameters
        variance = additive**2 + (proportional * prediction) ** 2
        # The root has no derivative at 0, where the measurement is impossible anyway.
        return pt.switch(variance > 0.0, pt.sqrt(pt.switch(variance > 0.0, variance, 1.0)), 0.0)

    @classmethod
    @override
    def valid(cls, *parameters: Any) -> tuple[Any, str]:
        additive, proportional = parameters
        either = additive + proportional > 0.0
        wanted = "additive >= 0, proportional >= 0, and one of them > 0"
        return pt.and_(pt.and_(additive >= 0.0, proportional >= 0.0), either), wanted


class CombinedSdRV(CombinedRV):
    """See `Combined`; the standard deviations add."""

    name = "CombinedNeuralODE"

    @classmethod
    @override
    def standard_deviation(cls, prediction: Any, *parameters: Any) -> Any:
        additive, proportional = parameters
        return additive + proportional * pt.abs(prediction)
