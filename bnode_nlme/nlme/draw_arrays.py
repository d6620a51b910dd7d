"""Variables of a posterior as arrays whose leading axes are draws."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

import numpy as np
import xarray as xr
from numpy.typing import NDArray

Dims = tuple[Hashable, ...]


def draw_dims(values: xr.Dataset, cores: Mapping[str, Dims]) -> Dims:
    """Dimensions of the variables in `cores` beside their own ones, in order of appearance.

    Raises
    ------
    ValueError
        When a variable, or one of its own dimensions, is missing.
    """
    missing = [name for name in cores if name not in values]
    if missing:
        raise ValueError(
            f"The values lack {', '.join(map(repr, missing))}; they hold "
            f"{', '.join(map(repr, values.data_vars)) or 'nothing'}. A posterior of the model that "
            "NLME.build makes has them all."
        )
    found: dict[Hashable, None] = {}
    for name, core in cores.items():
        own = [dim for dim in core if dim not in values[name].dims]
        if own:
            raise ValueError(
                f"The variable {name!r} of the values wants the dimension "
                f"{', '.join(map(repr, own))}; it has {', '.join(map(repr, values[name].dims))}."
            )
        found |= dict.fromkeys(dim for dim in values[name].dims if dim not in core)
    return tuple(found)


def of_draws(values: xr.Dataset, name: str, core: Dims, dims: Dims) -> NDArray[np.float64]:
    """One variable over `dims`, then its own dimensions; of length 1 where it has no draws."""
    variable = values[name]
    lacking = [dim for dim in dims if dim not in variable.dims]
    variable = variable.expand_dims(lacking).transpose(*dims, *core)
    return np.asarray(variable.to_numpy(), dtype=np.float64)
