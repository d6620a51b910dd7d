"""Data sets simulated from a fit, for predictive checks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bnode_nlme.diagnostics.of_fit.measured_output import MeasuredOutput
from bnode_nlme.inference.fit_result import Fit
from bnode_nlme.results.failed_solves import warn_of_failed_solves
from bnode_nlme.results.population_draws import Parameters
from bnode_nlme.results.predict import predicted_draws
from bnode_nlme.results.predicted import measured_name


def replicates(
    fit: Fit, rows: MeasuredOutput, count: int, parameters: Parameters, seed: int, what: str
) -> NDArray[np.float64]:
    """Measurements that new subjects with the same doses and covariates would have.

    Parameters
    ----------
    fit
        Of an NLME.
    rows
        Which measurements.
    count
        Of data sets.
    parameters
        As for `predict`.
    seed
        Of random effects and errors.
    what
        Name of the caller.

    Returns
    -------
    ndarray (count, M)
        Not censored; NaN where a solve failed.

    Raises
    ------
    ValueError
        When `count` is no number of data sets.

    Warns
    -----
    UserWarning
        When solves failed.
    """
    if not isinstance(count, int | np.integer) or count < 1:
        raise ValueError(
            f"{what}: replicates= wants a whole number of data sets, 1000 or more as a rule; found {count!r}."
        )
    predicted = predicted_draws(
        fit,
        rows.study,
        kind="new",
        draws=count,
        parameters=parameters,
        residual_error=True,
        seed=seed,
    )
    warn_of_failed_solves(
        what,
        {"replicates": predicted["status"]},
        "their simulated measurements are missing, and are left out",
    )
    drawn = predicted[measured_name(rows.output)].to_numpy()
    return np.asarray(drawn[:, rows.positions], dtype=np.float64)
