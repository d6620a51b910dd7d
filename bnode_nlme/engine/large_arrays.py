"""Arrays of a population: where they are large, in large pages.

A call for very many subjects fills new memory by the hundred megabytes. In pages of 4 kB the
operating system's work on them takes a sixth of the call.
"""

from __future__ import annotations

import sys

import numpy as np
from numba import types
from numpy.typing import NDArray

from bnode_nlme.engine.compilation import compiled

_LINUX = sys.platform == "linux"
_advise = types.ExternalFunction("madvise", types.int32(types.intp, types.intp, types.int32))
_HUGE_PAGES, _PAGE = 14, 4096
_LARGE = 2**22
"""Bytes of an array from which on large pages are asked for."""


@compiled
def empty(length: int) -> NDArray[np.float64]:
    """A new array (length,); its memory is touched by whoever writes it first."""
    values = np.empty(length)
    if _LINUX and 8 * length >= _LARGE:
        first = (values.ctypes.data + _PAGE - 1) // _PAGE * _PAGE
        # A request that is turned down changes nothing.
        _advise(first, values.ctypes.data + 8 * length - first, _HUGE_PAGES)
    return values


@compiled
def filled(length: int, value: float) -> NDArray[np.float64]:
    """A new array (length,) of one value."""
    values = empty(length)
    values[:] = value
    return values
