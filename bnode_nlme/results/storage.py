"""Posteriors on disk: netCDF or zarr, readable by any program, never pickle."""

from __future__ import annotations

from pathlib import Path

import xarray as xr

from bnode_nlme.inference.tree_storage import read_tree, write_tree


def save(tree: xr.DataTree, path: str | Path) -> Path:
    """Write a posterior to disk, as zarr where the name ends in ``.zarr``, else as netCDF.

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

    Raises
    ------
    FileExistsError
        When there is a folder at `path`.
    """
    path = Path(path)
    write_tree(tree, path)
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
    return read_tree(Path(path))
