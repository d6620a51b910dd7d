"""What a user gives to a solve, checked and put in the order of the system."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnode_nlme.dynamics.system import System
from bnode_nlme.study.study import Study


def in_order(given: Mapping[str, Any] | None, names: tuple[str, ...], argument: str) -> list[Any]:
    """The values of `given` in the order of `names`.

    Raises
    ------
    TypeError
        When `given` is no mapping.
    ValueError
        When a name is missing or unknown, naming both and what was wanted.
    """
    given = {} if given is None else given
    if not isinstance(given, Mapping):
        raise TypeError(
            f"{argument}= wants a dict by name ({', '.join(map(repr, names)) or 'empty'}); "
            f"found a {type(given).__name__}."
        )
    missing = [name for name in names if name not in given]
    unknown = [name for name in given if name not in names]
    if missing or unknown:
        raise ValueError(
            f"{argument}= wants exactly {', '.join(map(repr, names)) or 'nothing'}; "
            + "; ".join(
                f"{word} {', '.join(map(repr, found))}"
                for word, found in (("missing", missing), ("unknown", unknown))
                if found
            )
            + "."
        )
    return [given[name] for name in names]


def _converted(name: str, value: Any, wanted: str, convert: Callable[[Any], Any]) -> Any:
    try:
        return convert(value)
    except (TypeError, ValueError, NotImplementedError) as error:
        raise ValueError(f"{name} wants {wanted}; found {value!r}.") from error


def parameter_columns(
    system: System,
    study: Study,
    parameters: Mapping[str, Any],
    convert: Callable[[Any], Any],
    shape_of: Callable[[Any], tuple[int | None, ...]],
) -> list[Any]:
    """Each parameter, a scalar or a vector over subjects or occasions, in the system's order.

    Parameters
    ----------
    system, study, parameters
        As for `solve`.
    convert
        Makes an array, or a tensor variable, of floats.
    shape_of
        The shape of what `convert` returns; None where a length is known at run time only.

    Raises
    ------
    TypeError, ValueError
        Naming the parameter at fault.
    """
    lengths: list[int | None] = [None, 1, study.n_subjects]
    wanted = f"a number or a vector over the {study.n_subjects} subjects"
    if study.occasions is not None:
        lengths.append(len(study.occasions))
        wanted += f" or the {len(study.occasions)} occasions"
    columns = []
    for name, value in zip(
        system.parameters, in_order(parameters, system.parameters, "parameters"), strict=True
    ):
        column = _converted(f"parameters[{name!r}]", value, wanted, convert)
        shape = shape_of(column)
        if len(shape) > 1 or (shape and shape[0] not in lengths):
            raise ValueError(f"parameters[{name!r}] wants {wanted}; found shape {shape}.")
        if shape == (None,) and lengths[3:] not in ([], [study.n_subjects]):
            raise ValueError(
                f"parameters[{name!r}] wants {wanted}; found a vector whose length is not known "
                "before it is computed. Say it with pytensor.tensor.specify_shape(value, length)."
            )
        columns.append(column)
    return columns


def over_occasions(study: Study, shape: tuple[int | None, ...]) -> bool:
    """Whether a parameter of this shape is given for each occasion.

    Where every subject has one occasion the two are the same.
    """
    return (
        study.occasions is not None
        and shape == (len(study.occasions),)
        and len(study.occasions) not in (1, study.n_subjects)
    )


def first_occasions(study: Study) -> NDArray[np.int64]:
    """The occasion of each subject's first record, (subjects,); the first of all for one without."""
    records = study.records
    first = np.zeros(study.n_subjects, np.int64)
    first[records.subject[::-1]] = records.occasion[::-1]
    return first


def weight_vectors(
    system: System,
    weights: Mapping[str, Any] | None,
    convert: Callable[[Any], Any],
    shape_of: Callable[[Any], tuple[int | None, ...]],
) -> list[Any]:
    """Each network's flat weight vector, in the system's order; see `parameter_columns`.

    Raises
    ------
    TypeError, ValueError
        Naming the network at fault.
    """
    names = tuple(network.name for network in system.networks)
    vectors = []
    for network, value in zip(system.networks, in_order(weights, names, "weights"), strict=True):
        wanted = f"one flat vector of length {network.size}"
        vector = _converted(f"weights[{network.name!r}]", value, wanted, convert)
        shape = shape_of(vector)
        if len(shape) != 1 or shape[0] not in (None, network.size):
            raise ValueError(
                f"weights[{network.name!r}] wants {wanted}; found shape {shape}. "
                f"NetworkWeights({network.name!r}, ...) makes one."
            )
        vectors.append(vector)
    return vectors


def covariate_matrix(system: System, study: Study) -> NDArray[np.float64]:
    """The system's covariates, (subjects, covariates).

    Raises
    ------
    ValueError
        When the study lacks a covariate that the system declares.
    """
    missing = [name for name in system.covariates if name not in study.covariates]
    if missing:
        raise ValueError(
            f"The system uses the covariate{'s' if len(missing) > 1 else ''} "
            f"{', '.join(map(repr, missing))}, which the study {study.name!r} does not hold "
            f"(it holds {', '.join(map(repr, study.covariates)) or 'none'}). Read the table with "
            f"covariates={list(system.covariates)!r}, or give Study.from_regimen "
            f"covariates={{{', '.join(f'{name!r}: ...' for name in missing)}}}."
        )
    columns = [np.asarray(study.covariates[name], dtype=np.float64) for name in system.covariates]
    return np.column_stack(columns) if columns else np.empty((study.n_subjects, 0))
