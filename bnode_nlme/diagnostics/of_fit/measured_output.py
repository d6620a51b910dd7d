"""The measurements of one output of a fit's study, as diagnostics take them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bnode_nlme.diagnostics.of_fit.quantification_limits import limits_of_quantification
from bnode_nlme.diagnostics.of_fit.time_after_dose import time_after_dose
from bnode_nlme.engine.labels import resolve_outputs
from bnode_nlme.inference.fit_result import Fit
from bnode_nlme.nlme.nlme import NLME
from bnode_nlme.results.population_draws import declaration_of
from bnode_nlme.results.predicted import output_of
from bnode_nlme.study.study import Study

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class MeasuredOutput:
    """The rows of a study that measure one output, M of them.

    Attributes
    ----------
    nlme, study, output
        What was fitted, to what, and which output this is.
    positions : ndarray (M,)
        Of the rows among the study's observations.
    row : ndarray (M,)
        Row numbers of the table.
    time, value : ndarray (M,)
        Values that are censored are the limit.
    subject : ndarray (M,)
        IDs.
    censoring : ndarray (M,)
        0 measured, 1 below, -1 above.
    lloq, uloq : ndarray (M,) or None
        Limits of every row, NaN where a row has none; None where nothing is censored on that side,
        or nobody asked.
    """

    nlme: NLME
    study: Study
    output: str
    positions: NDArray[np.intp]
    row: NDArray[np.int64]
    time: Array
    value: Array
    subject: NDArray[Any]
    censoring: NDArray[np.int64]
    lloq: Array | None
    uloq: Array | None

    @property
    def units(self) -> dict[str, str]:
        """Attributes of a table of these rows: ``output_unit`` and ``time_unit``, where declared."""
        own = {"output_unit": self.output, "time_unit": "time"}
        return {key: self.nlme.units[of] for key, of in own.items() if of in self.nlme.units}

    def name(self, place: int) -> str:
        """Name one of the M rows for a message."""
        return f"row {self.row[place]} of the table (subject {self.subject[place]})"

    @property
    def time_after_dose(self) -> Array:
        """Time since the last dose, (M,); see `time_after_dose`."""
        return time_after_dose(self.study)[self.positions]


def measured_output(
    fit: Fit,
    output: str | None,
    what: str,
    *,
    limits: bool = False,
    lloq: ArrayLike | None = None,
    uloq: ArrayLike | None = None,
) -> MeasuredOutput:
    """Find the measurements of one output.

    Parameters
    ----------
    fit
        Of an NLME, with its study.
    output
        Which; may be None where there is only one.
    what
        Name of the caller.
    limits
        Whether to find the limits of quantification of all rows, as a comparison with replicates
        wants them.
    lloq, uloq : float or array_like (M,), optional
        These limits; by default those of `limits_of_quantification`.

    Raises
    ------
    ValueError
        When the output is not measured, the fit lacks declaration or study, or a limit is faulty.
    """
    nlme = declaration_of(fit, what)
    output = output_of(nlme, output, what)
    study = fit.study
    if study is None:
        raise ValueError(
            f"{what} compares with measurements, and this fit was stored without its study."
        )
    found = resolve_outputs(nlme.system, study) == nlme.system.output_names.index(output)
    positions = np.flatnonzero(found)
    if not positions.size:
        raise ValueError(f"{what}: the study {study.name!r} holds no measurement of {output!r}.")
    records, rows = study.records, study.observations[positions]
    value, censoring = records.value[rows], records.censoring[rows]
    given = {"lloq": lloq, "uloq": uloq}
    found_limits = {
        name: limits_of_quantification(
            what, name, given[name], value, censoring, records.subject[rows], records.time[rows]
        )
        if limits
        else None
        for name in given
    }
    return MeasuredOutput(
        nlme=nlme,
        study=study,
        output=output,
        positions=positions,
        row=records.row[rows],
        time=records.time[rows],
        value=value,
        subject=study.subjects[records.subject[rows]],
        censoring=censoring,
        lloq=found_limits["lloq"],
        uloq=found_limits["uloq"],
    )
