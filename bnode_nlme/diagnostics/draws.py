"""What a diagnostic asks of an array of draws."""

from __future__ import annotations

from collections.abc import Sequence

import xarray as xr


def require_dimensions(values: xr.DataArray, wanted: Sequence[str], name: str) -> None:
    """Refuse draws that lack a dimension.

    Raises
    ------
    ValueError
        Naming the argument, what it has and what was wanted.
    """
    missing = [dimension for dimension in wanted if dimension not in values.dims]
    if missing:
        raise ValueError(
            f"Wanted `{name}` over {', '.join(wanted)}; found the dimensions "
            f"{', '.join(map(repr, values.dims)) or 'none'}: {', '.join(missing)} missing."
        )
