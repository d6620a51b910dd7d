"""Each subject's measurements beside its own curve and that of a typical subject."""

from __future__ import annotations

import numpy as np
import xarray as xr

from bnode_nlme.diagnostics.of_fit.measured_output import measured_output
from bnode_nlme.inference.fit_result import Fit
from bnode_nlme.results.failed_solves import warn_of_failed_solves
from bnode_nlme.results.predict import Kind, predicted_draws
from bnode_nlme.study.dimensions import OBSERVATION, SUBJECT
from bnode_nlme.study.inserting import insert, prediction_points

_KINDS: tuple[Kind, ...] = ("individual", "population")


def individual_fits(
    fit: Fit, output: str | None = None, *, points: int = 100, draws: int = 200
) -> xr.Dataset:
    """Curves of each subject, and the measurements that they were fitted to.

    Parameters
    ----------
    fit
        Of a `bn.NLME`.
    output
        Which; may be left out where there is only one.
    points
        Times of each curve: evenly spaced from the subject's own first record, where its state is
        the initial one, to the last measurement of the study.
    draws
        Of the posterior, evenly spaced.

    Returns
    -------
    xarray.Dataset
        ``individual`` and ``population`` (sample, subject, point), in the unit of the output: the
        solution with the subject's own random effects, and with none. ``time`` (subject, point).
        The measurements over ``observation`` (labelled by the rows of the table): ``observed``, the
        limit where ``censoring`` is 1 (below) or -1 (above) and not 0, with the coordinates
        ``observation_time`` and ``observation_subject``. `bn.plot_individual_fits` draws it.

    Raises
    ------
    ValueError
        When the fit has no declaration or study, or `points` is no number of points.

    Warns
    -----
    UserWarning
        When solves failed: how many, of which subjects, and why. Their curves are NaN.
    """
    rows = measured_output(fit, output, "individual_fits")
    if not isinstance(points, int | np.integer) or points < 2:
        raise ValueError(f"individual_fits: points= wants 2 or more; found {points!r}.")
    study = rows.study
    records = study.records
    present, first = np.unique(records.subject, return_index=True)
    begins = records.time[first]
    ends = np.maximum(rows.time.max(), begins)
    grid = np.linspace(begins, ends, points, axis=1)
    new = prediction_points(
        present.repeat(points), grid.ravel(), np.full(present.size * points, "")
    )
    dense = insert(study, new, dropped=np.isin(records.evid, (0, 2)), above=False)
    curves = {kind: predicted_draws(fit, dense, kind=kind, draws=draws) for kind in _KINDS}
    warn_of_failed_solves(
        "individual_fits",
        {
            "individual curves": curves["individual"]["status"],
            "typical curves": curves["population"]["status"],
        },
        "curves are drawn from the other draws, with a gap where there are none",
    )
    dims = ("sample", SUBJECT, "point")
    shape = (-1, present.size, points)
    measured = ~np.isnan(rows.value)
    table = xr.Dataset(
        {
            **{
                kind: (dims, of[rows.output].to_numpy().reshape(shape))
                for kind, of in curves.items()
            },
            "time": (dims[1:], grid),
            "observed": (OBSERVATION, rows.value[measured]),
            "censoring": (OBSERVATION, rows.censoring[measured]),
        },
        coords={
            SUBJECT: study.subjects[present],
            OBSERVATION: rows.row[measured],
            "observation_time": (OBSERVATION, rows.time[measured]),
            "observation_subject": (OBSERVATION, rows.subject[measured]),
        },
    )
    table.attrs = {"output": rows.output, "draws": table.sizes["sample"]} | rows.units
    return table
