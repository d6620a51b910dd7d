"""Declarations named on the command line: ``model.py:nlme``."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

from bnode_nlme.nlme import NLME


def read_declaration(where: str) -> NLME:
    """Run a Python file and take a declaration out of it.

    Parameters
    ----------
    where
        ``"FILE.py:NAME"``; ``"FILE.py"`` where the file holds one declaration.

    Returns
    -------
    NLME

    Raises
    ------
    ValueError
        When there is no such file or no declaration of that name in it.
    """
    file, _, name = where.rpartition(":") if not where.endswith(".py") else (where, "", "")
    path = Path(file)
    if not path.is_file() or path.suffix != ".py":
        raise ValueError(
            f"A declaration is named as FILE.py:NAME, such as model.py:nlme; found {where!r}, and "
            f"there is no Python file {str(path)!r}."
        )
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ValueError(f"{path} cannot be read as a Python file.")
    module = importlib.util.module_from_spec(spec)
    # Functions of the file are found by the module's name when they are pickled.
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    found = {key: value for key, value in vars(module).items() if isinstance(value, NLME)}
    if not name and len(found) == 1:
        return next(iter(found.values()))
    if name not in found:
        wanted = f"no bn.NLME named {name!r}" if name else f"{len(found)} declarations (bn.NLME)"
        raise ValueError(
            f"{path} holds {wanted}; its declarations are: "
            f"{', '.join(map(repr, found)) or 'none'}. Write {file}:NAME."
        )
    return found[name]


def covariates_of(nlme: NLME) -> tuple[str, ...]:
    """Names of the covariates that a declaration and its system use."""
    used = [
        name
        for individual in nlme.individual.values()
        for model in individual.covariates
        for name in model.covariates
    ]
    return tuple(dict.fromkeys([*nlme.system.covariates, *used]))
