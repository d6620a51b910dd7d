"""What a user gives to a solve, checked and put in the order of the system."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnode_nlme.dynamics.system import System
from bnode_nlme.study.study import Study


def in_order(given: Mapping[str, Any] | None, names: tuple[str, ...], argument: str) -> list[Any]:
    """The values of `given` in the order of `names`.

    Raises
    ------
    ValueError
        When a name is missing or unknown, naming both and what was wanted.
    """
    given = {} if given is None else given
    missing = [name for name in names if name not in given]
    unknown = [name for name in given if name not in names]
    if missing or unknown:
        raise ValueError(
            f"{argument}= wants exactly {', '.join(map(repr, names)) or 'nothing'}; "
            + "; ".join(
                f"{word} {', '.join(map(repr, found))}"
                for word, found in (("missing", missing), ("unknown", unknown))
                if found
            )
            + "."
        )
    return [given[name] for name in names]


def covariate_matrix(system: System, study: Study) -> NDArray[np.float64]:
    """The system's covariates, (subjects, covariates).

    Raises
    ------
    ValueError
        When the study lacks a covariate that the system declares.
    """
    missing = [name for name in system.covariates if name not in study.covariates]
    if missing:
        raise ValueError(
            f"The system uses the covariate{'s' if len(missing) > 1 else ''} "
            f"{', '.join(map(repr, missing))}, which the study {study.name!r} does not hold "
            f"(it holds {', '.join(map(repr, study.covariates)) or 'none'}). Read the table with "
            f"covariates={list(system.covariates)!r}."
        )
    columns = [np.asarray(study.covariates[name], dtype=np.float64) for name in system.covariates]
    return np.column_stack(columns) if columns else np.empty((study.n_subjects, 0))
