"""Normalised prediction distribution errors of a fit, with tests."""

from __future__ import annotations

import xarray as xr
from numpy.typing import ArrayLike

from bnode_nlme.diagnostics.npde import npde as npde_of_arrays
from bnode_nlme.diagnostics.npde_tests import npde_tests
from bnode_nlme.diagnostics.of_fit.measured_output import measured_output
from bnode_nlme.diagnostics.of_fit.replicates import replicates as simulated_replicates
from bnode_nlme.distributions.bounded import BetaFamily
from bnode_nlme.distributions.continuous import Continuous
from bnode_nlme.inference.fit_result import Fit
from bnode_nlme.results.population_draws import Parameters
from bnode_nlme.study.dimensions import OBSERVATION


def npde(
    fit: Fit,
    output: str | None = None,
    *,
    replicates: int = 1000,
    parameters: Parameters = "draws",
    calibrate: int = 199,
    lloq: ArrayLike | None = None,
    uloq: ArrayLike | None = None,
    seed: int = 0,
) -> xr.Dataset:
    """Compare each measurement of one output with its distribution under a fit.

    Parameters
    ----------
    fit
        Of a `bn.NLME`.
    output
        Which; may be left out where there is only one.
    replicates
        Simulated data sets; at least 1000 (Comets 2008).
    parameters : {"draws", "mean"}
        Each data set from a draw of the posterior, or all from the posterior means.
    calibrate
        How many of the data sets are compared with the others as if measured, for p-values that
        hold for a model of any form; 100 or more, or 0 for none.
    lloq, uloq : float or array_like (measurements of the output,), optional
        Limits of quantification. By default a censored measurement has its own, another one that of
        its subject's censored measurement nearest in time, and where the subject has none the least
        strict one of the output; a measured value beyond that keeps its rank by the strictest limit
        that it satisfies, or none.
    seed
        Of all that is drawn.

    Returns
    -------
    xarray.Dataset
        What `bnode_nlme.diagnostics.npde.npde` gives, over ``observation`` (labelled by the rows of
        the table, with ``time`` and ``subject``), and what `npde_tests` gives of it: ``p_value`` and
        ``calibrated`` over ``test``, ``mean``, ``variance``, ... `bn.plot_npde` draws it. Of counts and categories ``npd`` alone:
        ``npde`` is NaN and nothing is tested, because decorrelation makes no sense for them.

    Raises
    ------
    ValueError
        When the fit has no declaration or study, replicates are too few, or a limit does not hold
        the measurements that are censored.

    Warns
    -----
    UserWarning
        When solves failed: how many, of which subjects, and why. A subject is compared with the
        replicates in which its solve succeeded. When fewer than 100 data sets can be used for
        calibrated p-values; fewer than 20 give none.

    Notes
    -----
    The model was fitted to the same measurements, so the tests are conservative.
    """
    rows = measured_output(fit, output, "npde", limits=True, lloq=lloq, uloq=uloq)
    family = rows.nlme.errors[rows.output].family
    decorrelate = isinstance(family, Continuous | BetaFamily)
    table = npde_of_arrays(
        rows.value,
        simulated_replicates(fit, rows, replicates, parameters, seed, "npde"),
        rows.subject,
        censoring=rows.censoring,
        lloq=rows.lloq,
        uloq=rows.uloq,
        decorrelate=decorrelate,
        calibrate=calibrate,
        seed=seed,
    )
    if decorrelate:
        tests = npde_tests(table["npde"], table["simulated"] if calibrate else None)
        table = table.merge(tests)
    table = table.assign_coords({OBSERVATION: rows.row, "time": (OBSERVATION, rows.time)})
    table.attrs |= {"output": rows.output, "parameters": parameters} | rows.units
    return table
