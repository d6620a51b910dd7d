"""A model whose measurements can be replaced without compiling it again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pymc as pm
from numpy.typing import NDArray
from pymc.model.fgraph import ModelObservedRV, fgraph_from_model, model_from_fgraph
from pytensor.compile.sharedvalue import shared

from bnode_nlme.distributions.continuous import Continuous
from bnode_nlme.distributions.measurement import MeasurementRV

VALUES, LOWER, UPPER = "values", "lower", "upper"


@dataclass(frozen=True, eq=False)
class ReplaceableModel:
    """A model with its measurements in shared variables.

    Attributes
    ----------
    model : pymc.Model
    places : mapping of str to shared variable
        By the names that `data_of` uses.
    """

    model: pm.Model
    places: Mapping[str, Any]

    def put(self, data: Mapping[str, NDArray[np.float64]]) -> None:
        """Replace the measurements in every function compiled from the model."""
        for name, value in data.items():
            place = self.places[name]
            place.set_value(value.astype(place.type.dtype))


def replaceable(model: pm.Model) -> ReplaceableModel:
    """Copy a model, with the values of its measurements, and their censoring, as data.

    Parameters
    ----------
    model
        Its observed variables are measurements, with constant values.

    Returns
    -------
    ReplaceableModel
    """
    graph, _ = fgraph_from_model(model)
    places: dict[str, Any] = {}

    def replace(constant: Any, name: str) -> None:
        places[name] = shared(np.asarray(constant.data), name=name, shape=constant.data.shape)
        graph.replace(constant, places[name], import_missing=True)

    for variable in list(graph.outputs):
        node = variable.owner
        if not isinstance(node.op, ModelObservedRV):
            continue
        measurement, values = node.inputs
        name = node.op.name
        replace(values, f"{name}_{VALUES}")
        made_by = measurement.owner
        family = made_by.op.family if isinstance(made_by.op, MeasurementRV) else None
        if isinstance(family, Continuous) and family.blq is not None:
            lower, upper = made_by.inputs[-2:]
            replace(lower, f"{name}_{LOWER}")
            replace(upper, f"{name}_{UPPER}")
    return ReplaceableModel(model_from_fgraph(graph, mutate_fgraph=True), places)


def data_of(
    measured: Mapping[str, NDArray[np.float64]],
    limits: Mapping[str, float],
    places: Mapping[str, Any],
) -> dict[str, NDArray[np.float64]]:
    """Turn measurements, as they would be without a limit, into the data of a model.

    Parameters
    ----------
    measured : mapping of str to ndarray (measurements,)
        By output.
    limits
        Lower limits of quantification by output: what lies below is censored.
    places
        Of the model.

    Returns
    -------
    dict of str to ndarray (measurements,)
        By the names of the places.
    """
    data = {}
    for output, values in measured.items():
        limit = limits.get(output, -np.inf)
        below = values < limit
        data[f"{output}_{VALUES}"] = np.where(below, limit, values)
        data[f"{output}_{LOWER}"] = np.where(below, -np.inf, np.nan)
        data[f"{output}_{UPPER}"] = np.where(below, limit, np.nan)
    return {name: value for name, value in data.items() if name in places}
