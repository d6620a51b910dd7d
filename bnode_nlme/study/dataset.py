"""A study as an xarray.Dataset."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bnode_nlme.study.dimensions import DOSE, OBSERVATION, OCCASION, RECORD, RESET, SUBJECT

if TYPE_CHECKING:
    from bnode_nlme.study.study import Study


def study_dataset(study: Study) -> xr.Dataset:
    """Label the data of a study; see `Study.to_xarray` for its layout."""
    records, attributes = study.records, {"name": study.name}
    seen = np.flatnonzero(np.isin(records.evid, (0, 2)))
    given = np.flatnonzero(np.isin(records.evid, (1, 4)))
    reset = np.flatnonzero(records.evid == 3)
    index = "index into the dimension subject"

    variables: dict[str, tuple[str, NDArray[Any], str]] = {
        "time": (OBSERVATION, records.time[seen], "time of the observation"),
        "value": (OBSERVATION, records.value[seen], "measured value; NaN: predicted only"),
        "output": (OBSERVATION, records.output[seen], "DVID: output observed"),
        "evid": (OBSERVATION, records.evid[seen], "0: observation, 2: prediction point"),
        "observation_subject": (OBSERVATION, records.subject[seen], index),
        "dose_time": (DOSE, records.time[given], "time of the dose"),
        "dose_amount": (DOSE, records.amount[given], "amount of the dose"),
        "dose_rate": (
            DOSE,
            records.rate[given],
            "rate of the infusion; 0: bolus, -1 and -2: modelled",
        ),
        "dose_compartment": (DOSE, records.compartment[given], "CMT: compartment dosed"),
        "dose_additional": (DOSE, records.additional[given], "ADDL: number of further doses"),
        "dose_interval": (DOSE, records.interval[given], "II: time between doses"),
        "dose_steady_state": (DOSE, records.steady_state[given], "SS: 1 replaces, 2 is added"),
        "dose_evid": (DOSE, records.evid[given], "1: dose, 4: reset and dose"),
        "dose_subject": (DOSE, records.subject[given], index),
    }
    row = "number of the row in the source table, counted from 1 below the header"
    coordinates: dict[str, tuple[str, NDArray[Any], str]] = {
        SUBJECT: (SUBJECT, study.subjects, "ID of the subject"),
        OBSERVATION: (OBSERVATION, records.row[seen], row),
        DOSE: (DOSE, records.row[given], row),
    }
    if len(reset):
        variables["reset_time"] = (RESET, records.time[reset], "time of the reset")
        variables["reset_subject"] = (RESET, records.subject[reset], index)
        coordinates[RESET] = (RESET, records.row[reset], row)
    if np.any(records.censoring[seen]):
        kind = "0: measured, 1: below the value, -1: above it"
        variables["censoring"] = (OBSERVATION, records.censoring[seen], kind)
        end = "other end of the interval of a censored value"
        variables["limit"] = (OBSERVATION, records.limit[seen], end)
    if study.occasions is not None:
        within = "index into the dimension occasion"
        variables["observation_occasion"] = (OBSERVATION, records.occasion[seen], within)
        variables["dose_occasion"] = (DOSE, records.occasion[given], within)
        variables["occasion_subject"] = (OCCASION, study.occasions.subject, index)
        variables["occasion_label"] = (OCCASION, study.occasions.label, "OCC as given")
        names = study.occasions.names(study.subjects)
        coordinates[OCCASION] = (OCCASION, names, "subject and occasion")
    if study.varying:
        attributes["interpolation"] = study.interpolation
        variables["record_time"] = (RECORD, records.time, "time of the record")
        variables["record_subject"] = (RECORD, records.subject, index)
        coordinates[RECORD] = (RECORD, records.row, row)
    for covariate, values in study.varying.items():
        variables[f"varying_{covariate}"] = (RECORD, values, f"{covariate} at the record")
    for covariate, values in study.covariates.items():
        taken = covariate in variables or covariate in coordinates
        label = f"covariate_{covariate}" if taken else covariate
        what = "at the subject's first record" if covariate in study.varying else "of the subject"
        variables[label] = (SUBJECT, values, f"covariate {covariate} {what}")

    # Copies: xarray must not hand out views through which a frozen study could be changed.
    def labelled(entry: tuple[str, NDArray[Any], str]) -> tuple[str, NDArray[Any], dict[str, str]]:
        dimension, values, long_name = entry
        return dimension, values.copy(), {"long_name": long_name}

    return xr.Dataset(
        {key: labelled(entry) for key, entry in variables.items()},
        {key: labelled(entry) for key, entry in coordinates.items()},
        attributes,
    )
