"""Posteriors on disk: netCDF, readable by any program, never pickle."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr


def _storable(dataset: xr.Dataset) -> xr.Dataset:
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


def save(tree: xr.DataTree, path: str | Path) -> Path:
    """Write a posterior to a netCDF file.

    Parameters
    ----------
    tree : xarray.DataTree
        As PyMC's samplers return it.
    path
        Name of the file; an existing one is replaced.

    Returns
    -------
    Path
        Of the file.
    """
    path = Path(path)
    tree.map_over_datasets(_storable).to_netcdf(path)
    return path


def load(path: str | Path) -> xr.DataTree:
    """Read a posterior that `save` wrote, into memory.

    Parameters
    ----------
    path
        Name of the file.

    Returns
    -------
    xarray.DataTree

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"There is no posterior at {path}.")
    with xr.open_datatree(path) as tree:
        return tree.load()
