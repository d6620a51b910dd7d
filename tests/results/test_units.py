"""Units: said once in the declaration, found on whatever comes out."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

import bnode_nlme as bn
from bnode_nlme.inference import Fit, fit
from bnode_nlme.results.storage import load, save
from tests.nlme.declarations import bolus, small_study

# "hours" and "days" are what xarray would take for spans of the calendar.
UNITS = {"CL": "L/h", "V": "days", "cp": "mg/L", "central": "mg", "time": "hours", "amount": "mg"}


def declared(**options: Any) -> bn.NLME:
    return bn.NLME(
        bolus,
        {
            "CL": bn.Individual(bn.LogNormal(4.0, 1.0)),
            "V": bn.Individual(bn.LogNormal(20.0, 1.0), effect=False),
        },
        error=bn.Combined(),
        **options,
    )


@pytest.fixture(scope="module")
def fitted() -> Fit:
    return fit(declared(units=UNITS), small_study(), "map", progress=False, max_iterations=2)


pytestmark = pytest.mark.filterwarnings("ignore:map. not converged")


def units(dataset: xr.Dataset) -> dict[str, str]:
    return {str(n): v.attrs["units"] for n, v in dataset.variables.items() if "units" in v.attrs}


def test_a_fit_has_the_units_of_its_declaration_on_disk_too(fitted: Fit, tmp_path: Path) -> None:
    wanted = {"CL": "L/h", "CL_pop": "L/h", "V": "days", "V_pop": "days", "cp_additive": "mg/L"}
    for name in ("none", "fit.nc", "fit.zarr"):
        read = fitted if name == "none" else bn.load_fit(fitted.save(tmp_path / name), fitted.nlme)
        assert units(read.posterior) == wanted
        assert units(read.data["observed_data"].to_dataset()) == {"cp": "mg/L"}
        assert json.loads(read.attrs["units"]) == UNITS
        np.testing.assert_array_equal(read.posterior["V_pop"], fitted.posterior["V_pop"])
        assert read.posterior["V_pop"].dtype == np.float64


def test_predictions_have_units(fitted: Fit, tmp_path: Path) -> None:
    predicted = bn.predict(fitted, residual_error=True, states=True)
    assert units(predicted) == {
        "CL": "L/h",
        "V": "days",
        "cp": "mg/L",
        "cp_measured": "mg/L",
        "central": "mg",
        "time": "hours",
    }
    tree = xr.DataTree.from_dict({"predictions": predicted.drop_attrs(deep=False)})
    kept = load(save(tree, tmp_path / "predictions.nc"))["predictions"].to_dataset()
    assert units(kept) == units(predicted)
    np.testing.assert_array_equal(kept["time"], predicted["time"])
    found = bn.individualise(fitted, small_study(), samples=200)
    assert units(found.data) == {"CL": "L/h", "V": "days"}
    of_patients = {name: UNITS[name] for name in ("CL", "V", "cp", "time")}
    assert units(bn.predict(found)) == of_patients


def test_the_table_takes_them_unless_told_otherwise(fitted: Fit) -> None:
    own = bn.parameter_table(fitted)["unit"].droplevel("role")
    assert own[["CL_pop", "V_pop", "cp_additive"]].tolist() == ["L/h", "days", "mg/L"]
    assert own[["omega[CL]", "cp_proportional"]].tolist() == ["", ""]
    given = bn.parameter_table(fitted, units={"CL_pop": "mL/min"})["unit"].droplevel("role")
    assert given[["CL_pop", "V_pop"]].tolist() == ["mL/min", "days"]


def test_units_are_optional_and_stay_with_copies() -> None:
    plain = fit(declared(), small_study(), "map", progress=False, max_iterations=2)
    assert units(plain.posterior) == units(bn.predict(plain)) == {}
    assert "units" not in plain.attrs
    nlme = bn.NLME(bolus, declared().individual, error=bn.Additive(), units={"CL": "L/h"})
    assert dict(copy.deepcopy(nlme).units) == {"CL": "L/h"}


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"ka": "1/h"}, r"units= names parameters, .*'CL', .*'amount'\); unknown 'ka'"),
        ({"CL": 3}, r"units\['CL'\] wants text, such as 'L/h'; found 3"),
        ("L/h", r"units= wants a dict by name, .* found 'L/h'"),
    ],
)
def test_refusals(given: Any, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        declared(units=given)
