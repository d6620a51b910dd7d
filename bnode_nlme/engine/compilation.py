"""How the solver's own code is compiled: once for a machine, kept on disk under its content.

numba's cache of a function looks at the file of that function alone. Code that was compiled
against another layout of `Slot`, or another version of a function that it inlines, would then be
loaded after an upgrade, and write where it must not. So all of the engine is one unit here: the
folder of the cache is named after the content of every file of the engine.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
from numba.core.caching import CacheImpl, _CacheLocator

from bnode_nlme.engine.cache_folder import ENGINE, cache_folder
from bnode_nlme.engine.notice import say_once


class _ContentLocator(_CacheLocator):
    """Tells numba where the engine's compiled functions are kept."""

    def __init__(self, function: Any) -> None:
        self._function = function

    def ensure_cache_path(self) -> None:
        """Nothing to do: see `cache_folder`."""

    def get_cache_path(self) -> str:
        return str(cache_folder())

    def get_source_stamp(self) -> str:
        return cache_folder().name

    def get_disambiguator(self) -> str:
        return str(self._function.__code__.co_firstlineno)

    @classmethod
    def from_function(cls, function: Any, file: str) -> _ContentLocator | None:
        return cls(function) if Path(file).resolve().parent == ENGINE else None


CacheImpl._locator_classes.insert(0, _ContentLocator)


def compiled(function: Callable[..., Any]) -> Any:
    """Compile a function on its first call for each signature; it runs without the GIL."""
    return numba.njit(nogil=True, cache=True, error_model="numpy")(function)


def say_if_new(function: Callable[..., Any]) -> None:
    """Tell the user why the first solve on a machine takes so long."""
    name = f"{function.__module__.rpartition('.')[2]}.{function.__qualname__}"
    if not any(cache_folder().glob(f"{name}-*.nbi")):
        say_once("Compiling the solver of bnode_nlme. It takes about a minute, once per machine.")


class Callback:
    """A function compiled to a C function pointer on its first use.

    Parameters
    ----------
    function
        What is compiled.
    signature
        A signature of numba.
    """

    def __init__(self, function: Callable[..., Any], signature: Any) -> None:
        self.__doc__ = function.__doc__
        self._function, self._signature = function, signature

    @functools.cached_property
    def _compiled(self) -> Any:
        say_if_new(self._function)
        return numba.cfunc(self._signature, cache=True, error_model="numpy")(self._function)

    @property
    def address(self) -> int:
        """Address of the compiled function in this process."""
        return int(self._compiled.address)


def callback(signature: Any) -> Callable[[Callable[..., Any]], Callback]:
    """Compile a function to a C function pointer, which its `address` holds, on its first use."""
    return lambda function: Callback(function, signature)
