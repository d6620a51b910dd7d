"""Checks of what a network is declared with and called with."""

import operator
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytensor.tensor as pt
from numpy.typing import NDArray
from pytensor.tensor.shape import specify_shape
from pytensor.tensor.variable import TensorVariable

from bnode_nlme.dynamics.activation import ACTIVATIONS
from bnode_nlme.dynamics.errors import DeclarationError, listed
from bnode_nlme.dynamics.expression import Expression
from bnode_nlme.dynamics.names import check_name

__all__ = ["check_mlp", "check_points", "check_tensor", "check_weights"]

OUTPUTS = ("linear", "positive", "monotone")


def check_mlp(declared: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a declared network in their canonical types, or refuse them."""
    name = check_name(declared["name"], "network")
    inputs = _count(name, "inputs", declared["inputs"])
    hidden = declared["hidden"]
    if isinstance(hidden, str) or not isinstance(hidden, Sequence):
        raise DeclarationError(
            f"Network {name!r}: hidden= wants a tuple of layer widths, found {hidden!r}. "
            "Write hidden=(8,) for one hidden layer of 8 units."
        )
    hidden = tuple(_count(name, "hidden", width) for width in hidden)
    outputs = _count(name, "outputs", declared["outputs"])
    activation = _choice(name, "activation", declared["activation"], tuple(ACTIVATIONS))
    output = _choice(name, "output", declared["output"], OUTPUTS)
    increasing = tuple(key for key, value in ACTIVATIONS.items() if value.increasing)
    if output == "monotone" and activation not in increasing:
        raise DeclarationError(
            f"Network {name!r}: output='monotone' needs an increasing activation, found "
            f"{activation!r}. Valid choices: {listed(increasing)}."
        )
    if output == "positive" and declared["anchor"] is not None:
        raise DeclarationError(
            f"Network {name!r}: anchor= makes the network 0 at a point, where output='positive' "
            "never is. Use output='monotone' (0 at the anchor, not below 0 above it) or 'linear', "
            "or drop the anchor and multiply the network by an expression that is 0 there."
        )
    period = _period(name, declared["period"], inputs)
    if period is not None and output == "monotone":
        raise DeclarationError(
            f"Network {name!r}: output='monotone' never comes round again, and period= says that an "
            "input does. Use output='linear' or 'positive', or two networks."
        )
    lower, upper = _range(name, output, declared)
    scale = _per_input(name, "scale", declared["scale"], inputs)
    if scale is not None and period is not None:
        # What comes round is measured by its period.
        scale = tuple(1.0 if p is not None else s for s, p in zip(scale, period, strict=True))
    if scale is not None and min(scale) <= 0:
        raise DeclarationError(
            f"Network {name!r}: scale= must be positive, found {declared['scale']!r}. Inputs are "
            "divided by it; give the size that they typically have."
        )
    return {
        "inputs": inputs,
        "hidden": hidden,
        "outputs": outputs,
        "scale": scale,
        "anchor": _per_input(name, "anchor", declared["anchor"], inputs),
        "lower": lower,
        "upper": upper,
        "period": period,
        "logarithmic": _logarithmic(name, declared["logarithmic"], period, inputs),
    }


def check_weights(name: str, size: int, w: Any) -> Any:
    """Return `w`, an Expression (size,) or an array (..., size), or refuse it."""
    if not isinstance(w, TensorVariable):
        w = np.asarray(w, dtype=np.float64)
        if w.ndim == 0 or w.shape[-1] != size:
            raise DeclarationError(_wrong_weights(name, f"(..., {size})", w.shape))
        return w
    if w.ndim != 1 or w.type.shape[0] not in (size, None):
        raise DeclarationError(_wrong_weights(name, f"({size},)", w.type.shape))
    if w.type.shape[0] is None:
        # Without this a vector that is too long would be cut to fit in silence.
        w = specify_shape(w, (size,))
    return _float64(w)


def check_points(name: str, inputs: int, x: Any) -> NDArray[np.float64]:
    """Return `x` as an array (points, inputs), or refuse it."""
    points: NDArray[np.float64] = np.asarray(x, dtype=np.float64)
    if points.ndim != 2 or points.shape[1] != inputs:
        cure = " Write x[:, None]." if points.ndim == 1 and inputs == 1 else ""
        raise DeclarationError(
            f"Network {name!r}: wanted points of shape (points, {inputs}), found "
            f"{points.shape}.{cure}"
        )
    return points


def check_tensor(name: str, inputs: int, values: tuple[Any, ...]) -> Expression:
    """Return the arguments of a call as one tensor (..., inputs), or refuse them."""
    tensors = [_tensor(name, value) for value in values]
    several = "s" * (inputs != 1)
    if tensors and all(x.ndim == 0 for x in tensors):
        if len(tensors) != inputs:
            raise DeclarationError(
                f"Network {name!r}: wanted {inputs} input{several}, found {len(tensors)}. "
                f"Give that many, or declare it with inputs={len(tensors)}."
            )
        stacked: Expression = pt.stack(tensors)
        return stacked
    if len(tensors) != 1 or tensors[0].type.shape[-1] not in (inputs, None):
        found = ", ".join(str(x.type.shape) for x in tensors) or "nothing"
        cure = (
            "Write x[..., None]."
            if len(tensors) == 1 and inputs == 1
            else "Join several with pt.stack([...], axis=-1)."
        )
        raise DeclarationError(
            f"Network {name!r}: wanted {inputs} scalar input{several} or one tensor of shape "
            f"(..., {inputs}), found {found}. {cure}"
        )
    (x,) = tensors
    if x.type.shape[-1] is None:
        x = specify_shape(x, (*(None,) * (x.ndim - 1), inputs))
    return x


def _wrong_weights(name: str, wanted: str, found: tuple[int | None, ...]) -> str:
    return (
        f"Network {name!r}: wanted weights of shape {wanted}, found {found}. "
        "Make the vector with shape=network.size."
    )


def _tensor(name: str, value: Any) -> Expression:
    try:
        x = pt.as_tensor_variable(value)
    except Exception as error:
        raise DeclarationError(
            f"Network {name!r}: wanted numbers or PyTensor variables as inputs, found "
            f"{value!r} of type {type(value).__name__}."
        ) from error
    if x.dtype.startswith("complex"):
        raise DeclarationError(f"Network {name!r}: wanted real inputs, found {x.dtype}.")
    return _float64(x)


def _float64(x: Expression) -> Expression:
    return x if x.dtype == "float64" else pt.cast(x, "float64")


def _count(name: str, field: str, value: Any) -> int:
    try:
        count = 0 if isinstance(value, bool) else operator.index(value)
    except TypeError:
        count = 0
    if count < 1:
        raise DeclarationError(
            f"Network {name!r}: {field}= wants whole numbers of at least 1, found {value!r}."
        )
    return count


def _choice(name: str, field: str, value: Any, valid: tuple[str, ...]) -> str:
    if value not in valid:
        raise DeclarationError(
            f"Network {name!r}: {field}={value!r} is unknown. Valid choices: {listed(valid)}."
        )
    return str(value)


def _per_input(name: str, field: str, value: Any, inputs: int) -> tuple[float, ...] | None:
    if value is None:
        return None
    try:
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        array = np.array(np.nan)
    if array.shape not in ((), (inputs,)) or not np.all(np.isfinite(array)):
        raise DeclarationError(
            f"Network {name!r}: {field}= wants one finite number, or {inputs}, one for each "
            f"input; found {value!r}."
        )
    return tuple(float(number) for number in np.broadcast_to(array, (inputs,)))


def _range(
    name: str, output: str, declared: Mapping[str, Any]
) -> tuple[float | None, float | None]:
    """Ends of the range, checked."""
    ends = []
    for field in ("lower", "upper"):
        value = declared[field]
        number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
        if value is not None and not (number and np.isfinite(value)):
            raise DeclarationError(
                f"Network {name!r}: {field}= wants a finite number or None, found {value!r}."
            )
        ends.append(None if value is None else float(value))
    lower, upper = ends
    if output == "positive" and lower is not None:
        raise DeclarationError(
            f"Network {name!r}: output='positive' is lower=0, and lower={lower:g} is given too. "
            "Leave one of them out."
        )
    least = 0.0 if output == "positive" else lower
    if least is not None and upper is not None and not least < upper:
        raise DeclarationError(
            f"Network {name!r}: lower= must be below upper=, found {least:g} and {upper:g}."
        )
    for value, below in ((lower, True), (upper, False)):
        if declared["anchor"] is None or value is None or (value < 0.0 if below else value > 0.0):
            continue
        raise DeclarationError(
            f"Network {name!r}: anchor= makes the network 0 at a point, which lower= and upper= "
            f"must leave room for on both sides; found lower={lower}, upper={upper}. An "
            "output='monotone' is not below 0 above its anchor without lower=; or drop the anchor."
        )
    return lower, upper


def _period(name: str, value: Any, inputs: int) -> tuple[float | None, ...] | None:
    if value is None:
        return None
    several = isinstance(value, Sequence) and not isinstance(value, str)
    entries = tuple(value) if several else (value,) * inputs
    found: list[float | None] = []
    for entry in entries:
        number = isinstance(entry, (int, float, np.number)) and not isinstance(entry, bool)
        if len(entries) != inputs or (
            entry is not None and not (number and np.isfinite(entry) and entry > 0)
        ):
            raise DeclarationError(
                f"Network {name!r}: period= wants one positive number, or {inputs}, one or None for "
                f"each input; found {value!r}."
            )
        found.append(None if entry is None else float(entry))
    return tuple(found) if any(entry is not None for entry in found) else None


def _logarithmic(name: str, value: Any, period: Any, inputs: int) -> bool | tuple[bool, ...]:
    several = isinstance(value, Sequence) and not isinstance(value, str)
    entries = tuple(value) if several else (value,) * inputs
    if len(entries) != inputs or not all(isinstance(entry, (bool, np.bool_)) for entry in entries):
        raise DeclarationError(
            f"Network {name!r}: logarithmic= wants True or False, or {inputs} of them, one for each "
            f"input; found {value!r}."
        )
    around = period or (None,) * inputs
    if any(entry and p is not None for entry, p in zip(entries, around, strict=True)):
        raise DeclarationError(
            f"Network {name!r}: an input with a period enters as sine and cosine, and cannot be "
            f"logarithmic too; found period={period!r}, logarithmic={value!r}. Choose one."
        )
    return any(entries) and tuple(bool(entry) for entry in entries)
