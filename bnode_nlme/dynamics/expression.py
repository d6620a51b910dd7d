"""What a declared function may take and return."""

import inspect
import traceback
from collections.abc import Callable
from typing import Any

import numpy as np
import pytensor.tensor as pt
from pytensor.graph.basic import Variable
from pytensor.tensor.variable import TensorVariable

from bnode_nlme.dynamics.errors import DeclarationError

__all__ = ["Expression", "call_declared", "scalar_expression"]

type Expression = TensorVariable[Any, Any]
"""A PyTensor tensor; PyTensor's own class is generic in its type and Op, which say nothing here."""


def call_declared(
    function: Callable[..., Any], where: str, signature: str, arguments: tuple[Any, ...]
) -> Any:
    """Call a declared function once on its symbolic arguments.

    Parameters
    ----------
    function : callable
        What the user gave.
    where : str
        What it is, for messages: ``"rhs"``, ``"output 'cp'"``, ...
    signature : str
        The arguments as documented, such as ``"t, y, p, nn, c"``.
    arguments : tuple
        The symbols to call it on.

    Raises
    ------
    DeclarationError
        When it is not callable, does not take these arguments, or asks a symbol for its value.
        What else it raises itself goes through, with a note of where it came from.
    """
    if not callable(function):
        raise DeclarationError(
            f"{where}: wanted a function of ({signature}), found {function!r} of type "
            f"{type(function).__name__}. Write lambda {signature}: ..."
        )
    try:
        found = inspect.signature(function)
    except (TypeError, ValueError):  # builtins without a signature
        found = None
    if found is not None:
        try:
            found.bind(*arguments)
        except TypeError:
            raise DeclarationError(
                f"{where}: wanted a function of ({signature}), found one of {found}. "
                f"Write lambda {signature}: ..."
            ) from None
    try:
        return function(*arguments)
    except Exception as error:
        note = f"This happened in {where}, called on symbols when the system was declared."
        if isinstance(error, TypeError | ValueError) and _wanted_a_number(error):
            raise DeclarationError(
                f"{where}: wanted arithmetic on symbols, found Python that needs their numbers"
                f"{_line_at_fault(error)}. The function is called once, on symbols, when the system "
                "is declared. For if and else, and for and, or, write pt.switch(condition, a, b); "
                "for max, min, abs and the functions of math and NumPy those of pytensor.tensor: "
                "pt.maximum, pt.minimum, pt.exp, pt.log (import pytensor.tensor as pt)."
            ) from error
        if not isinstance(error, DeclarationError):
            note += " Use pytensor.tensor functions (pt.exp, pt.switch) in it."
        error.add_note(note)
        raise


def _wanted_a_number(error: Exception) -> bool:
    """Whether Python or NumPy asked a symbol for its value."""
    asked = ("cannot be converted to Python", "setting an array element with a sequence")
    return any(words in str(error) for words in asked)


def _line_at_fault(error: Exception) -> str:
    """The line of the user's that raised an error: the last one outside libraries."""
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.line and "site-packages" not in frame.filename and frame.filename != __file__
    ]
    return f", in: {frames[-1].line.strip()}" if frames and frames[-1].line else ""


def scalar_expression(value: Any, where: str) -> Expression:
    """Return a function's result as a float64 scalar variable, or refuse it.

    Integers and single precision become float64.

    Raises
    ------
    DeclarationError
        When it is not a number, not a scalar, not real, a condition, or not finite.
    """
    wanted = f"{where}: wanted a scalar PyTensor expression or a number, found"
    if isinstance(value, Variable):
        if not isinstance(value, TensorVariable):
            raise DeclarationError(f"{wanted} a variable of type {value.type}.")
        variable = value
    elif isinstance(value, int | float | np.number | np.bool_ | np.ndarray):
        array = np.asarray(value)
        if array.dtype.kind not in "biufc":
            raise DeclarationError(f"{wanted} an array of type {array.dtype}.")
        if array.dtype.kind in "fc" and not np.all(np.isfinite(array)):
            raise DeclarationError(f"{wanted} {value!r}. Only finite numbers can be integrated.")
        variable = pt.as_tensor_variable(array)
    else:
        raise DeclarationError(f"{wanted} {value!r} of type {type(value).__name__}.")
    if variable.ndim != 0:
        raise DeclarationError(
            f"{wanted} a tensor of shape {variable.type.shape}. Take one element, as in value[0]; "
            "a network with several outputs returns a vector."
        )
    if variable.dtype == "bool":
        raise DeclarationError(
            f"{wanted} a condition (bool). Say what it counts as: pt.switch(condition, 1.0, 0.0)."
        )
    if variable.dtype.startswith("complex"):
        raise DeclarationError(f"{wanted} a complex one. Take pt.real(value).")
    return variable if variable.dtype == "float64" else pt.cast(variable, "float64")
