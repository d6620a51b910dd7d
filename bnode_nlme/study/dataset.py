"""A study as an xarray.Dataset."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bnode_nlme.study.dimensions import DOSE, OBSERVATION, RESET, SUBJECT
from bnode_nlme.study.records import Records


def study_dataset(
    name: str,
    subjects: NDArray[Any],
    records: Records,
    covariates: Mapping[str, NDArray[np.float64]],
) -> xr.Dataset:
    """Label the data of a study; see `Study.to_xarray` for its layout."""
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
        "dose_rate": (DOSE, records.rate[given], "rate of the infusion; 0: bolus"),
        "dose_compartment": (DOSE, records.compartment[given], "CMT: compartment dosed"),
        "dose_additional": (DOSE, records.additional[given], "ADDL: number of further doses"),
        "dose_interval": (DOSE, records.interval[given], "II: time between further doses"),
        "dose_evid": (DOSE, records.evid[given], "1: dose, 4: reset and dose"),
        "dose_subject": (DOSE, records.subject[given], index),
    }
    row = "number of the row in the source table, counted from 1 below the header"
    coordinates: dict[str, tuple[str, NDArray[Any], str]] = {
        SUBJECT: (SUBJECT, subjects, "ID of the subject"),
        OBSERVATION: (OBSERVATION, records.row[seen], row),
        DOSE: (DOSE, records.row[given], row),
    }
    if len(reset):
        variables["reset_time"] = (RESET, records.time[reset], "time of the reset")
        variables["reset_subject"] = (RESET, records.subject[reset], index)
        coordinates[RESET] = (RESET, records.row[reset], row)
    for covariate, values in covariates.items():
        taken = covariate in variables or covariate in coordinates
        label = f"covariate_{covariate}" if taken else covariate
        variables[label] = (SUBJECT, values, f"static covariate {covariate}")

    # Copies: xarray must not hand out views through which a frozen study could be changed.
    def labelled(entry: tuple[str, NDArray[Any], str]) -> tuple[str, NDArray[Any], dict[str, str]]:
        dimension, values, long_name = entry
        return dimension, values.copy(), {"long_name": long_name}

    return xr.Dataset(
        {key: labelled(entry) for key, entry in variables.items()},
        {key: labelled(entry) for key, entry in coordinates.items()},
        {"name": name},
    )
