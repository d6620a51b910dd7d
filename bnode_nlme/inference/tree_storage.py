"""Trees of data sets on disk: netCDF or zarr, readable by any program, never pickle."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

ZARR = ".zarr"


def storable(dataset: xr.Dataset) -> xr.Dataset:
    """Object columns as text: netCDF has no type for them (nutpie's messages hold None)."""
    texts = {
        name: variable.copy(
            data=np.array(
                ["" if pd.isna(value) else str(value) for value in variable.values.ravel()]
            ).reshape(variable.shape)
        )
        for name, variable in dataset.variables.items()
        if variable.dtype == object
    }
    return dataset.assign({k: v for k, v in texts.items() if k in dataset.data_vars}).assign_coords(
        {k: v for k, v in texts.items() if k in dataset.coords}
    )


def write_tree(tree: xr.DataTree, path: Path) -> None:
    """Write a tree, as zarr where the name ends in ``.zarr``, else as netCDF; replace a file.

    Raises
    ------
    FileExistsError
        When there is a folder at `path`.
    """
    if path.is_dir():
        raise FileExistsError(f"There is a folder at {path} already; remove it, or choose a name.")
    stored = tree.map_over_datasets(storable)
    stored.attrs = tree.attrs
    if path.suffix == ZARR:
        hidden = path.with_name(f".{path.name}.writing")
        shutil.rmtree(hidden, ignore_errors=True)
        stored.to_zarr(hidden, consolidated=False)
        hidden.rename(path)
    else:
        stored.to_netcdf(path)


def read_tree(path: Path) -> xr.DataTree:
    """Read what `write_tree` wrote, into memory.

    Raises
    ------
    FileNotFoundError
        When there is nothing at `path`.
    """
    if not path.exists():
        raise FileNotFoundError(f"There is no posterior at {path}.")
    options: Any = {"engine": "zarr", "consolidated": False} if path.is_dir() else {}
    # The unit "hours" of a variable would make its numbers times of the calendar.
    options |= {"decode_times": False, "decode_timedelta": False}
    with xr.open_datatree(path, **options) as tree:
        return tree.load()
