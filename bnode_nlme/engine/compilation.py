"""How the solver's own code is compiled: once for a machine, kept on disk under its content.

numba's cache of a function looks at the file of that function alone. Code that was compiled
against another layout of `Slot`, or another version of a function that it inlines, would then be
loaded after an upgrade, and write where it must not. So all of the engine is one unit here: the
folder of the cache is named after the content of every file of the engine.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import llvmlite
import numba
from numba.core.caching import CacheImpl, _CacheLocator
from pytensor.configdefaults import config

_ENGINE = Path(__file__).resolve().parent


@functools.cache
def cache_folder() -> Path:
    """Folder of the compiled solver: one for each content of the engine and version of numba."""
    content = hashlib.sha256(f"{numba.__version__} {llvmlite.__version__}".encode())
    for source in sorted(_ENGINE.rglob("*.py")):
        content.update(str(source.relative_to(_ENGINE)).encode() + source.read_bytes())
    return Path(config.base_compiledir) / "bnode_nlme" / content.hexdigest()[:16]


class _ContentLocator(_CacheLocator):
    """Tells numba where the engine's compiled functions are kept."""

    def __init__(self, function: Any) -> None:
        self._function = function

    def get_cache_path(self) -> str:
        return str(cache_folder())

    def get_source_stamp(self) -> str:
        return cache_folder().name

    def get_disambiguator(self) -> str:
        return str(self._function.__code__.co_firstlineno)

    @classmethod
    def from_function(cls, function: Any, file: str) -> _ContentLocator | None:
        if Path(file).resolve().parent != _ENGINE:
            return None
        locator = cls(function)
        try:
            locator.ensure_cache_path()
        except OSError:
            return None  # a read-only home: numba's own places are tried next
        return locator


CacheImpl._locator_classes.insert(0, _ContentLocator)


def compiled(function: Callable[..., Any]) -> Any:
    """Compile a function on its first call for each signature; it runs without the GIL."""
    return numba.njit(nogil=True, cache=True, error_model="numpy")(function)


def callback(signature: Any) -> Callable[[Callable[..., Any]], Any]:
    """Compile a function at once to a C function pointer, which its `address` holds."""
    return numba.cfunc(signature, cache=True, error_model="numpy")
