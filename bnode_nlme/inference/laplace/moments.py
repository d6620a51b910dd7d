"""Which measurements are normal; their mean and variance, as expressions of the model."""

from __future__ import annotations

from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from numpy.typing import NDArray
from pytensor.tensor.random.basic import NormalRV

from bnode_nlme.distributions.continuous import Continuous
from bnode_nlme.distributions.measurement import MeasurementRV
from bnode_nlme.distributions.noise import NormalNoise


def normal_moments(model: pm.Model, name: str) -> tuple[Any, Any] | None:
    """Mean and log-variance of an observed variable, over its values.

    For a log-normal error, those of the logarithm: the Fisher information about the random effects
    is the same.

    Returns
    -------
    (mean, log_variance) or None
        None where the variable is not normal, or has censored or truncated measurements.
    """
    variable = model[name]
    node = variable.owner
    if isinstance(node.op, NormalRV):
        mean, sd = node.inputs[-2], node.inputs[-1]
    elif isinstance(node.op, MeasurementRV) and _is_plain_normal(node.op.family):
        family: Any = node.op.family
        prediction, *parameters = node.inputs[2:]
        sd = family.spread.scale(prediction, *parameters)
        mean = pt.log(prediction) if family.log_scale else prediction
    else:
        return None
    whole = pt.zeros_like(model.rvs_to_values[variable]).astype("float64")
    moments: Any = model.replace_rvs_by_values([mean + whole, 2.0 * pt.log(sd) + whole])
    return moments[0].ravel(), moments[1].ravel()


def normal_rows(model: pm.Model, name: str) -> NDArray[np.bool_]:
    """Which values of an observed variable have a normal density: normal noise, not censored.

    Returns
    -------
    ndarray of bool (N,)
        In the order of the values.
    """
    variable = model[name]
    node = variable.owner
    shape = model.rvs_to_values[variable].eval().shape
    if isinstance(node.op, MeasurementRV):
        family: Any = node.op.family
        normal = _has_normal_noise(family)
        if normal and family.blq is not None:
            lower = node.inputs[-2]
            return np.broadcast_to(np.isnan(lower.eval()), shape).ravel()
    else:
        normal = isinstance(node.op, NormalRV)
    return np.full(int(np.prod(shape)), normal)


def _has_normal_noise(family: Any) -> bool:
    return isinstance(family, Continuous) and isinstance(family.noise, NormalNoise)


def _is_plain_normal(family: Any) -> bool:
    return _has_normal_noise(family) and family.blq is None
