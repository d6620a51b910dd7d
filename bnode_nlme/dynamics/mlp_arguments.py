"""Checks of what a network is declared with and called with."""

import operator
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pytensor.tensor as pt
from pytensor.tensor.variable import TensorVariable

from bnode_nlme.dynamics.activation import ACTIVATIONS
from bnode_nlme.dynamics.errors import DeclarationError, listed
from bnode_nlme.dynamics.names import check_name

if TYPE_CHECKING:
    from bnode_nlme.dynamics.mlp import MLP

__all__ = ["check_mlp", "check_network_inputs", "check_weights"]

OUTPUTS = ("linear", "positive", "monotone")


def check_mlp(mlp: "MLP") -> dict[str, Any]:
    """Return the fields of a declared network in their canonical types, or refuse them."""
    name = check_name(mlp.name, "network")
    inputs = _count(name, "inputs", mlp.inputs)
    if isinstance(mlp.hidden, str) or not isinstance(mlp.hidden, Sequence):
        raise DeclarationError(
            f"Network {name!r}: hidden= wants a tuple of layer widths, found {mlp.hidden!r}. "
            "Write hidden=(8,) for one hidden layer of 8 units."
        )
    hidden = tuple(_count(name, "hidden", width) for width in mlp.hidden)
    outputs = _count(name, "outputs", mlp.outputs)
    _choice(name, "activation", mlp.activation, tuple(ACTIVATIONS))
    _choice(name, "output", mlp.output, OUTPUTS)
    increasing = tuple(key for key, value in ACTIVATIONS.items() if value.increasing)
    if mlp.output == "monotone" and mlp.activation not in increasing:
        raise DeclarationError(
            f"Network {name!r}: output='monotone' needs an increasing activation, found "
            f"{mlp.activation!r}. Valid choices: {listed(increasing)}."
        )
    if mlp.output == "positive" and mlp.anchor is not None:
        raise DeclarationError(
            f"Network {name!r}: anchor= makes the network 0 at a point, where output='positive' "
            "never is. Use output='monotone' (0 at the anchor, positive above it) or 'linear', or "
            "drop the anchor and multiply the positive network by an expression that is 0 there."
        )
    scale = _per_input(name, "scale", mlp.scale, inputs)
    if scale is not None and min(scale) <= 0:
        raise DeclarationError(
            f"Network {name!r}: scale= must be positive, found {mlp.scale!r}. Inputs are divided "
            "by it; give the size that they typically have."
        )
    anchor = _per_input(name, "anchor", mlp.anchor, inputs)
    return {
        "inputs": inputs,
        "hidden": hidden,
        "outputs": outputs,
        "scale": scale,
        "anchor": anchor,
    }


def check_weights(mlp: "MLP", w: Any) -> Any:
    """Return `w` if its last axis has the network's size, else refuse it."""
    symbolic = isinstance(w, TensorVariable)
    if not symbolic:
        w = np.asarray(w, dtype=np.float64)
    shape = w.type.shape if symbolic else w.shape
    if w.ndim == 0 or (symbolic and w.ndim != 1) or shape[-1] not in (mlp.size, None):
        wanted = f"({mlp.size},)" if symbolic else f"(..., {mlp.size})"
        raise DeclarationError(
            f"Network {mlp.name!r}: wanted weights of shape {wanted}, found {shape}. "
            f"Its layers are {' -> '.join(map(str, (mlp.inputs, *mlp.hidden, mlp.outputs)))}; "
            "make the vector with shape=network.size."
        )
    if symbolic and shape[-1] is None:
        # Without this a vector that is too long would be cut to fit in silence.
        w = pt.specify_shape(w, (mlp.size,))
    if symbolic and w.dtype != "float64":
        w = pt.cast(w, "float64")
    return w


def check_network_inputs(mlp: "MLP", inputs: tuple[Any, ...], *, points: bool = False) -> Any:
    """Return the inputs of a call as one float64 tensor (..., inputs), or refuse them.

    With `points` the one input is an array that must have shape (points, inputs).
    """
    if points:
        (x,) = inputs
        if x.ndim != 2 or x.shape[1] != mlp.inputs:
            raise DeclarationError(
                f"Network {mlp.name!r}: wanted points of shape (points, {mlp.inputs}), found "
                f"{x.shape}." + (" Write x[:, None]." if x.ndim == 1 and mlp.inputs == 1 else "")
            )
        return x
    tensors = [_tensor(mlp, value) for value in inputs]
    if tensors and all(x.ndim == 0 for x in tensors):
        if len(tensors) == mlp.inputs:
            return pt.stack(tensors)
        raise DeclarationError(
            f"Network {mlp.name!r}: wanted {mlp.inputs} input{'s' * (mlp.inputs != 1)}, found "
            f"{len(tensors)}. Give that many, or declare it with inputs={len(tensors)}."
        )
    found = ", ".join(str(x.type.shape) for x in tensors) or "nothing"
    if len(tensors) != 1 or tensors[0].type.shape[-1] not in (mlp.inputs, None):
        cure = (
            "Write x[..., None]."
            if len(tensors) == 1 and mlp.inputs == 1
            else "Join several with pt.stack([...], axis=-1)."
        )
        raise DeclarationError(
            f"Network {mlp.name!r}: wanted {mlp.inputs} scalar input{'s' * (mlp.inputs != 1)} or "
            f"one tensor of shape (..., {mlp.inputs}), found {found}. {cure}"
        )
    (x,) = tensors
    if x.type.shape[-1] is None:
        x = pt.specify_shape(x, (*(None,) * (x.ndim - 1), mlp.inputs))
    return x


def _tensor(mlp: "MLP", value: Any) -> TensorVariable:
    try:
        x = pt.as_tensor_variable(value)
    except Exception as error:
        raise DeclarationError(
            f"Network {mlp.name!r}: wanted numbers or PyTensor variables as inputs, found "
            f"{value!r} of type {type(value).__name__}."
        ) from error
    if x.dtype.startswith("complex"):
        raise DeclarationError(f"Network {mlp.name!r}: wanted real inputs, found {x.dtype}.")
    return x if x.dtype == "float64" else pt.cast(x, "float64")


def _count(name: str, field: str, value: object) -> int:
    try:
        count = 0 if isinstance(value, bool) else operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        count = 0
    if count < 1:
        raise DeclarationError(
            f"Network {name!r}: {field}= wants whole numbers of at least 1, found {value!r}."
        )
    return count


def _choice(name: str, field: str, value: object, valid: tuple[str, ...]) -> None:
    if value not in valid:
        raise DeclarationError(
            f"Network {name!r}: {field}={value!r} is unknown. Valid choices: {listed(valid)}."
        )


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
