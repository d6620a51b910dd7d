"""Arrays that nobody can change by accident."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray


def read_only(values: ArrayLike, dtype: DTypeLike, what: str) -> NDArray[Any]:
    """Copy a vector and make the copy read-only.

    Parameters
    ----------
    values
        Anything that NumPy takes as a vector, shape (n,).
    dtype
        The type of its elements.
    what
        Name of the vector, for the error.

    Returns
    -------
    numpy.ndarray
        Shape (n,); a copy, so that no writable view of it is left with the caller.

    Raises
    ------
    ValueError
        If `values` is not one-dimensional.
    """
    array = np.array(values, dtype=dtype)
    if array.ndim != 1:
        raise ValueError(f"{what} must be a vector, and has the shape {array.shape}.")
    array.setflags(write=False)
    return array
