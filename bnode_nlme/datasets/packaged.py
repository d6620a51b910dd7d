"""Reading the CSV files that the package carries."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import as_file, files

from bnode_nlme.study.read_nonmem import read_nonmem
from bnode_nlme.study.study import Study


def packaged(name: str, covariates: Sequence[str] = ()) -> Study:
    """Read the packaged table `name`, without its ending, as a study of that name."""
    # as_file, because a package in a zip archive has no paths.
    with as_file(files("bnode_nlme.datasets").joinpath(f"{name}.csv")) as path:
        return read_nonmem(path, covariates=covariates)
