"""A study as an xarray data set, and back: every column of its records, so that nothing is lost."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import xarray as xr

from bnode_nlme.study.dimensions import OCCASION, RECORD, SUBJECT
from bnode_nlme.study.occasions import Occasions
from bnode_nlme.study.records import Records
from bnode_nlme.study.study import Study

_COVARIATE, _VARYING = "covariate_", "varying_"


def study_to_dataset(study: Study) -> xr.Dataset:
    """Every column of a study.

    Returns
    -------
    xarray.Dataset
        Columns of the records over ``record``; covariates over ``subject``; those that vary over
        ``record``; occasions over ``occasion``.
    """
    variables: dict[str, tuple[str, np.ndarray]] = {
        field.name: (RECORD, np.array(getattr(study.records, field.name)))
        for field in fields(Records)
    }
    # As `subject` is the name of a dimension, the records' column has another one.
    variables["record_subject"] = variables.pop("subject")
    for name, values in study.covariates.items():
        variables[_COVARIATE + name] = (SUBJECT, np.array(values))
    for name, values in study.varying.items():
        variables[_VARYING + name] = (RECORD, np.array(values))
    if study.occasions is not None:
        variables["occasion_subject"] = (OCCASION, np.array(study.occasions.subject))
        variables["occasion_label"] = (OCCASION, np.array(study.occasions.label))
        # The records' column of that name is an index into the dimension.
        variables["record_occasion"] = variables.pop("occasion")
    return xr.Dataset(
        variables,
        coords={SUBJECT: np.array(study.subjects)},
        # netCDF has no boolean attributes.
        attrs={
            "name": study.name,
            "interpolation": study.interpolation,
            "virtual": int(study.virtual),
        },
    )


def study_from_dataset(dataset: xr.Dataset) -> Study:
    """The study that `study_to_dataset` wrote."""
    renamed = {"subject": "record_subject"}
    if "occasion_subject" in dataset:
        renamed["occasion"] = "record_occasion"
    records = Records(*(dataset[renamed.get(f.name, f.name)].to_numpy() for f in fields(Records)))

    def beginning(prefix: str) -> dict[str, np.ndarray]:
        return {
            str(name).removeprefix(prefix): values.to_numpy()
            for name, values in dataset.data_vars.items()
            if str(name).startswith(prefix)
        }

    occasions = None
    if "occasion_subject" in dataset:
        occasions = Occasions(
            dataset["occasion_subject"].to_numpy(), dataset["occasion_label"].to_numpy()
        )
    return Study(
        name=dataset.attrs["name"],
        subjects=dataset[SUBJECT].to_numpy(),
        records=records,
        covariates=beginning(_COVARIATE),
        varying=beginning(_VARYING),
        interpolation=dataset.attrs["interpolation"],
        occasions=occasions,
        virtual=bool(dataset.attrs.get("virtual", 0)),
    )
