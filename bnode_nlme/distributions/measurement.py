"""The random variable of measurements, given predictions and the parameters of their family.

It differs from PyMC's own distributions in what a prediction of NaN means: the solve of that
subject failed, so that the log-probability is -inf and draws are NaN. An infinite prediction is
impossible too.
"""

from __future__ import annotations

from typing import Any, override

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

from bnode_nlme.distributions.family import Family


class MeasurementRV(SymbolicRandomVariable):
    """Measurements given predictions.

    Inputs: a generator, a size, the prediction and the family's parameters, which broadcast.
    """

    def __init__(self, *args: Any, family: Family, **options: Any) -> None:
        self.family = family
        self._print_name = (family.name, rf"\operatorname{{{family.name}}}")
        cores = ["(k)" if ndim else "()" for ndim in family.core_ndims]
        signature = ",".join(["[rng]", "[size]", "()", *cores]) + "->[rng],()"
        super().__init__(*args, extended_signature=signature, name=family.name, **options)

    @override
    def __eq__(self, other: object) -> bool:
        return super().__eq__(other) and getattr(other, "family", None) == self.family

    @override
    def __hash__(self) -> int:
        return hash((super().__hash__(), self.family))

    @override
    def rebuild_rv(self, *args: Any, **options: Any) -> TensorVariable:
        return measurement(self.family, *args, **options)


def measurement(
    family: Family, prediction: Any, *parameters: Any, rng: Any = None, size: Any = None
) -> TensorVariable:
    """Measurements of a family as a random variable; `rng` and `size` as PyMC's have them."""
    # A number such as 8.0 would be single precision to PyTensor, and its logarithm too.
    prediction = pt.as_tensor_variable(prediction).astype("float64")
    parameters = tuple(pt.as_tensor_variable(value).astype("float64") for value in parameters)
    rng = normalize_rng_param(rng)
    size = normalize_size_param(size)
    if rv_size_is_none(size):
        size = implicit_size_from_params(
            prediction, *parameters, ndims_params=[0, *family.core_ndims]
        )
    # What has no density has no draw either.
    possible = _possible(family, prediction)
    safe = pt.switch(possible, prediction, family.stand_in(pt.ones_like(prediction)))
    next_rng, draws = family.draws(rng, size, safe, *parameters)
    valid, _ = family.valid(*parameters)
    draws = pt.switch(pt.and_(possible, valid), draws, np.nan)
    inputs = [rng, size, prediction, *parameters]
    return MeasurementRV(inputs=inputs, outputs=[next_rng, draws], family=family)(*inputs)


def _possible(family: Family, prediction: Any) -> Any:
    return pt.and_(pt.lt(pt.abs(prediction), np.inf), family.possible(prediction))


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
    possible = _possible(op.family, prediction)
    # Another prediction stands in for one that is missing, so that the gradient stays finite: what
    # a sampler sees of a failed solve is -inf alone.
    prediction = pt.switch(possible, prediction, op.family.stand_in(value))
    density = op.family.log_density(value, prediction, *parameters)
    valid, wanted = op.family.valid(*parameters)
    return check_parameters(pt.switch(possible, density, -np.inf), valid, msg=wanted)
