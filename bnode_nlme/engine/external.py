"""Functions of the engine that other compiled code calls by name.

What numba compiles holds a copy of each compiled function that it calls, optimised anew with every
caller. Here the caller holds a name only, which the dynamic linker knows: a new model is compiled
several times faster, and what was compiled for it can be kept on disk, since no address of this
process is part of it.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.errors import NumbaTypeError
from numba.extending import intrinsic

from bnode_nlme.engine.cache_folder import cache_folder
from bnode_nlme.engine.compilation import compiled, say_if_new

_LOCK = threading.RLock()
_INT64 = ir.IntType(64)


def array(kind: Any, dimensions: int) -> types.Array:
    """An array that may be read only and laid out in any way: every array can be given for it."""
    return types.Array(kind, dimensions, "A", readonly=True)


class External:
    """A function compiled for one signature, on its first use, and known by a name.

    Parameters
    ----------
    function
        What is compiled. Where it works on a model, its first two arguments are the integers that
        `model_place` holds.
    signature
        A signature of numba.
    *called
        Others that it calls by `named`.
    """

    def __init__(self, function: Callable[..., Any], signature: Any, *called: External) -> None:
        self.__name__, self.__doc__ = function.__name__, function.__doc__
        self._function, self.signature, self._called = function, signature, called

    @property
    def symbol(self) -> str:
        """Name by which compiled code calls it: another one for each content of the engine."""
        return f"bnode_nlme_{self._function.__name__}_{cache_folder().name}"

    @functools.cached_property
    def _compiled(self) -> Any:
        with _LOCK:
            for other in self._called:
                _ = other._compiled  # what is found on disk looks for their names
            say_if_new(self._function)
            dispatcher = compiled(self._function)
            dispatcher.compile(self.signature)
            dispatcher.disable_compile()
            (result,) = dispatcher.overloads.values()
            name = result.fndesc.llvm_func_name
            llvm.add_symbol(self.symbol, result.library.get_pointer_to_function(name))
            return dispatcher

    def __call__(self, *arguments: Any) -> Any:
        """Call it from Python."""
        return self._compiled(*arguments)

    def bound(self, place: str | None = None, *constants: int) -> Any:
        """What compiled code calls with a tuple of the other arguments.

        Parameters
        ----------
        place
            Name of the two integers that the function is called with, see `model_place`; None where
            it works on no model.
        *constants
            Integers that follow them.
        """
        _ = self._compiled  # from here on the name is known
        return self._call(place, *constants)

    @property
    def named(self) -> Any:
        """What the engine's own code calls with a tuple of all arguments; see `external`."""
        return self._call(None)

    def _call(self, place: str | None, *constants: int) -> Any:
        signature, symbol = self.signature, self.symbol
        expected = signature.args[(0 if place is None else 2) + len(constants) :]

        @intrinsic
        def call(typing_context: Any, arguments: Any) -> Any:
            if len(arguments) != len(expected) or not all(map(_fits, arguments, expected)):
                raise NumbaTypeError(f"{symbol} wants {expected}; found {tuple(arguments)}.")

            def generate(context: Any, builder: Any, _: Any, values: Any) -> Any:
                kind = context.call_conv.get_function_type(signature.return_type, signature.args)
                function = cgutils.get_or_insert_function(builder.module, kind, symbol)
                status, result = context.call_conv.call_function(
                    builder,
                    function,
                    signature.return_type,
                    signature.args,
                    [
                        *([] if place is None else _pair(builder, place)),
                        *[ir.Constant(_INT64, constant) for constant in constants],
                        *cgutils.unpack_tuple(builder, values[0]),
                    ],
                )
                with cgutils.if_unlikely(builder, status.is_error):
                    context.call_conv.return_status_propagate(builder, status)
                return result

            return signature.return_type(arguments), generate

        return call


def _fits(given: Any, expected: Any) -> bool:
    """Whether a value of one type has the memory of another: layouts do not show there."""
    if isinstance(given, types.Array) and isinstance(expected, types.Array):
        return (given.dtype, given.ndim) == (expected.dtype, expected.ndim)
    return bool(given == expected)


def _pair(builder: Any, place: str) -> list[Any]:
    try:
        variable = builder.module.get_global(place)
    except KeyError:
        variable = ir.GlobalVariable(builder.module, ir.ArrayType(_INT64, 2), place)
        variable.linkage = "external"
    zero = ir.Constant(_INT64, 0)
    return [
        builder.load(builder.gep(variable, [zero, ir.Constant(_INT64, index)]))
        for index in range(2)
    ]


def external(signature: Any, *called: External) -> Callable[[Callable[..., Any]], External]:
    """Compile a function for one signature on its first use; other code calls it by name.

    `called` are those that the function itself calls by their `named`.
    """
    return lambda function: External(function, signature, *called)
