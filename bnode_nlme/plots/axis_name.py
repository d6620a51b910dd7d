"""Names of axes with their units."""

from __future__ import annotations

import pandas as pd
import xarray as xr


def time_name(table: xr.Dataset | pd.DataFrame, name: str = "time") -> str:
    """Name of the axis of time, with the unit where the declaration of the fit had one."""
    return _with(name, table, "time_unit")


def output_name(table: xr.Dataset | pd.DataFrame, default: str) -> str:
    """Name of the output that a table is of, with its unit where the declaration had one."""
    return _with(str(table.attrs.get("output", default)), table, "output_unit")


def _with(name: str, table: xr.Dataset | pd.DataFrame, key: str) -> str:
    unit = table.attrs.get(key)
    return f"{name} ({unit})" if unit else name
