"""The design of a calibration: a study with a place for every simulated measurement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from bnode_nlme.distributions.error_model import ResidualErrorModel
from bnode_nlme.engine.labels import resolve_outputs
from bnode_nlme.nlme.error_priors import in_units_of_the_output
from bnode_nlme.nlme.nlme import NLME
from bnode_nlme.study.study import Study

# One of these is a value that any error model can produce: a count, a fraction, a category.
_PLACEHOLDERS = (1.0, 0.5)


@dataclass(frozen=True, eq=False)
class Design:
    """Where measurements are simulated.

    Attributes
    ----------
    study : Study
        Its measured rows are those that are simulated. Their values are the design's own, from which
        some default priors come, or placeholders.
    limits : mapping of str to float
        Lower limit of quantification, for each output that has one.
    """

    study: Study
    limits: Mapping[str, float]


def calibration_design(
    nlme: NLME, study: Study, lloq: float | Mapping[str, float] | None
) -> Design:
    """Make a design of a study.

    Parameters
    ----------
    nlme
        Says which outputs are measured, and how.
    study
        Where it holds measurements, those are simulated; else all its prediction points are.
    lloq
        See `sbc`.

    Returns
    -------
    Design

    Raises
    ------
    ValueError
        When nothing is measured, or limits of quantification do not fit.
    TableError
        When the study's labels do not fit the system.
    """
    records, rows = study.records, study.observations
    own_values = records.value[rows]
    virtual = bool(np.isnan(own_values).all())
    measured = np.ones(rows.size, dtype=bool) if virtual else ~np.isnan(own_values)
    outputs = resolve_outputs(nlme.system, study.with_values(np.where(measured, 1.0, np.nan)))
    values, censoring = np.full(rows.size, np.nan), np.zeros(rows.size, dtype=np.int64)
    limits = {}
    for output, error in nlme.errors.items():
        own = np.flatnonzero(outputs == nlme.system.output_names.index(output))
        if not own.size:
            raise ValueError(
                f"sbc: the design {study.name!r} has no observation of {output!r}, which the "
                "model measures. Give it some: Study.from_regimen(..., times={...}) names them."
            )
        if virtual:
            _require_priors(output, error)
            values[own] = _placeholder(error)
        else:
            values[own] = own_values[own]
        limit = _limit(output, error, study, rows[own], lloq)
        if limit is not None:
            limits[output] = limit
            # One censored row is enough for the model to have a censored likelihood.
            values[own[0]], censoring[own[0]] = limit, 1
    if isinstance(lloq, Mapping) and set(lloq) - set(nlme.errors):
        raise ValueError(
            f"sbc: lloq= names {sorted(set(lloq) - set(nlme.errors))}; the measured outputs are "
            f"{list(nlme.errors)}."
        )
    return Design(study.with_values(values, censoring=censoring), limits)


def _placeholder(error: ResidualErrorModel) -> float:
    impossible = error.impossible(np.array(_PLACEHOLDERS))
    return _PLACEHOLDERS[int(np.argmin(impossible))]


def _require_priors(output: str, error: ResidualErrorModel) -> None:
    without = [
        name
        for name, value in error.parameters.items()
        if value is None and in_units_of_the_output(error, name)
    ]
    if without:
        raise ValueError(
            f"sbc: the default prior of {', '.join(without)} of {output!r} comes from the measured "
            "values, of which this design has none. Give it one in the units of the output, such "
            f"as {type(error).__name__}({without[0]}=bn.HalfNormal(...))."
        )


def _limit(
    output: str,
    error: ResidualErrorModel,
    study: Study,
    rows: np.ndarray,
    lloq: float | Mapping[str, float] | None,
) -> float | None:
    given = lloq.get(output) if isinstance(lloq, Mapping) else lloq
    records = study.records
    if given is None:
        censored = rows[records.censoring[rows] != 0]
        if not censored.size:
            return None
        found = np.unique(records.value[censored])
        one = found.size == 1 and (records.censoring[censored] == 1).all()
        if not one or not np.isnan(records.limit[censored]).all():
            raise ValueError(
                f"sbc: the design's censored rows of {output!r} do not tell which measurements are "
                "censored: they are not all left-censored at one limit. Give the lower limit of "
                f"quantification: lloq={{{output!r}: ...}}."
            )
        given = float(found[0])
    if not np.isfinite(given):
        raise ValueError(f"sbc: lloq= of {output!r} wants a finite number; found {given!r}.")
    if error.blq not in ("M3", "M4"):
        raise ValueError(
            f"sbc: {output!r} has a lower limit of quantification, {given:g}, and its error model "
            f"has blq={error.blq!r}. Calibration wants 'M3' or 'M4', which give rows below the "
            "limit their probability; leaving them out ('M1') is biased."
        )
    return float(given)
