"""The measurements of one output of a fit's study, as diagnostics take them."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
        Limits of every row; None where nothing is censored on that side, or nobody asked.
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

    def name(self, place: int) -> str:
        """Name one of the M rows for a message."""
        return f"row {self.row[place]} of the table (subject {self.subject[place]})"

    @property
    def time_after_dose(self) -> Array:
        """Time since the last dose, (M,); before the first, the (negative) time to it.

        A measurement at the time of a dose comes before it where its row stands above the dose's:
        a trough has the dosing interval. Additional doses act before the rows of their time.
        """
        records = self.study.records
        result = np.full(self.time.size, np.nan)
        measured = self.study.observations[self.positions]
        for subject in np.unique(records.subject[measured]):
            doses = self.study.doses[records.subject[self.study.doses] == subject]
            # Moments: a time, and a place among the rows of that time.
            given = sorted(
                (records.time[dose] + number * records.interval[dose], -1 if number else int(dose))
                for dose in doses
                for number in range(int(records.additional[dose]) + 1)
            )
            for place in np.flatnonzero(records.subject[measured] == subject):
                if given:
                    moment = (self.time[place], int(measured[place]))
                    last = max(bisect_left(given, moment) - 1, 0)
                    result[place] = self.time[place] - given[last][0]
        return result


def measured_output(
    fit: Fit,
    output: str | None,
    what: str,
    *,
    limits: bool = False,
    lloq: float | None = None,
    uloq: float | None = None,
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
    lloq, uloq
        These limits; by default those of the censored rows, where they agree.

    Raises
    ------
    ValueError
        When the output is not measured, the fit lacks declaration or study, or limits differ.
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
        lloq=_limits(what, "lloq", lloq, value[censoring == 1], len(rows)) if limits else None,
        uloq=_limits(what, "uloq", uloq, value[censoring == -1], len(rows)) if limits else None,
    )


def _limits(what: str, name: str, given: float | None, censored: Array, count: int) -> Array | None:
    distinct = np.unique(censored)
    if given is None and distinct.size > 1:
        raise ValueError(
            f"{what}: the censored measurements have {distinct.size} limits "
            f"({', '.join(f'{limit:g}' for limit in distinct[:5])}), and replicates are compared "
            f"with one. Give {name}=."
        )
    limit = given if given is not None else distinct[0] if distinct.size else None
    return None if limit is None else np.full(count, float(limit))
