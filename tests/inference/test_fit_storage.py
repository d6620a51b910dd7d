"""A fit on disk and back; its summary."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pymc as pm
import pytest
import xarray as xr

import bnode_nlme as bn
from bnode_nlme.inference import Fit, fit, load_fit
from bnode_nlme.inference.study_storage import study_from_dataset, study_to_dataset
from bnode_nlme.study.occasions import Occasions
from bnode_nlme.study.records import Records
from tests.distributions.problems import bolus_study, clearance_model

# Runs as short as may be: what they say of convergence is shown in test_convergence.
pytestmark = pytest.mark.filterwarnings("ignore::bnode_nlme.inference.ConvergenceWarning")


class Declared:
    """Stands for a declaration: something that is built with a study."""

    def build(self, study: bn.Study) -> pm.Model:
        return clearance_model(study)


@pytest.fixture(scope="module")
def fitted() -> Fit:
    return fit(
        Declared(),
        bolus_study(),
        draws=30,
        tune=60,
        chains=2,
        cores=1,
        progress=False,
        log_likelihood=True,
    )


@pytest.mark.parametrize("name", ["fit.nc", "fit.zarr"])
def test_round_trip(fitted: Fit, tmp_path: Path, name: str) -> None:
    read = load_fit(fitted.save(tmp_path / name), Declared())
    assert set(read.data.children) == set(fitted.data.children)
    for group in fitted.data.children:
        xr.testing.assert_identical(
            read.data[group].to_dataset().drop_attrs(), fitted.data[group].to_dataset().drop_attrs()
        )
    assert dict(read.attrs) == dict(fitted.attrs)
    assert read.method == "nuts"
    assert read.study is not None
    assert fitted.study is not None
    for field in dataclasses.fields(Records):
        np.testing.assert_array_equal(
            getattr(read.study.records, field.name), getattr(fitted.study.records, field.name)
        )
    assert read.model is not None
    assert read.model.coords["subject"] == fitted.model.coords["subject"]  # type: ignore[union-attr]
    assert Fit.load(tmp_path / name).model is None


def test_groups_dimensions_and_log_likelihood(fitted: Fit) -> None:
    assert fitted.posterior["CL"].dims == ("chain", "draw", "subject")
    assert fitted.posterior["CL"].sizes == {"chain": 2, "draw": 30, "subject": 2}
    logarithm = fitted.posterior["log_CL"] + fitted.posterior["eta"]
    np.testing.assert_allclose(np.log(fitted.posterior["CL"]), logarithm, rtol=1e-12)
    assert fitted.log_likelihood["cp"].sizes == {"chain": 2, "draw": 30, "cp_observation": 6}
    np.testing.assert_array_equal(
        fitted.data["observed_data"]["cp_observation"], fitted.log_likelihood["cp_observation"]
    )
    assert "0 of" in str(fitted.attrs["solver_report"])


def test_the_summary_says_what_counts(fitted: Fit) -> None:
    text = str(fitted)
    for expected in (
        "Fit by nuts: 2 chains of 30 draws",
        "largest R-hat",
        "divergences",
        "solves failed",
        "log_CL",
        "sigma",
    ):
        assert expected in text
    assert "eta" not in text  # of single subjects
    assert "CL[" not in text


def test_what_is_not_there_is_said(fitted: Fit, tmp_path: Path) -> None:
    without = dataclasses.replace(
        fitted, data=fitted.data.filter(lambda node: node.name != "log_likelihood")
    )
    with pytest.raises(KeyError, match="log_likelihood=True"):
        _ = without.log_likelihood
    with pytest.raises(FileNotFoundError, match="There is no posterior at"):
        load_fit(tmp_path / "nowhere.nc")
    path = fitted.save(tmp_path / "fit.zarr")
    with pytest.raises(FileExistsError, match="There is a folder"):
        fitted.save(path)


class Other:
    """Another declaration: a parameter more, one less, and half of the subjects."""

    def build(self, study: bn.Study) -> pm.Model:
        with pm.Model(coords={"subject": study.subjects[:1]}) as model:
            pm.Normal("log_CL")
            pm.Normal("eta", dims="subject")
            pm.Normal("log_V")
        return model


def test_another_declaration_than_the_fitted_one_is_refused(fitted: Fit, tmp_path: Path) -> None:
    path = fitted.save(tmp_path / "fit.nc")
    with pytest.raises(
        ValueError,
        match=r"only the declaration has 'log_V'; only the fit has 'sigma'; "
        r"'subject' has the length 1 by the declaration, 2 in the fit. Give the declaration",
    ):
        load_fit(path, Other())


def test_a_study_with_everything_survives() -> None:
    records = Records(
        subject=np.array([0, 0, 1]),
        row=np.array([1, 2, 5]),
        time=np.array([0.0, 1.0, 0.0]),
        evid=np.array([1, 0, 1]),
        amount=np.array([10.0, 0.0, 5.0]),
        rate=np.array([-2.0, 0.0, 0.0]),
        compartment=np.array(["depot", "", "2"]),
        additional=np.array([3, 0, 0]),
        interval=np.array([12.0, 0.0, 0.0]),
        output=np.array(["", "cp", ""]),
        value=np.array([np.nan, 1.5, np.nan]),
        steady_state=np.array([1, 0, 0]),
        occasion=np.array([0, 1, 2]),
        censoring=np.array([0, 1, 0]),
        limit=np.array([np.nan, 0.5, np.nan]),
    )
    study = bn.Study(
        name="all",
        subjects=np.array(["A", "B2"]),
        records=records,
        covariates={"WT": np.array([70.0, 81.0]), "CRCL": np.array([1.0, 3.0])},
        varying={"CRCL": np.array([1.0, 2.0, 3.0])},
        interpolation="linear",
        occasions=Occasions(np.array([0, 0, 1]), np.array(["x", "y", "x"])),
    )
    read = study_from_dataset(study_to_dataset(study))
    assert (read.name, read.interpolation) == ("all", "linear")
    for field in dataclasses.fields(Records):
        np.testing.assert_array_equal(
            getattr(read.records, field.name), getattr(records, field.name)
        )
    assert dict(read.covariates).keys() == {"WT", "CRCL"}
    np.testing.assert_array_equal(read.varying["CRCL"], [1.0, 2.0, 3.0])
    assert read.occasions is not None
    np.testing.assert_array_equal(read.occasions.label, ["x", "y", "x"])
    np.testing.assert_array_equal(read.subjects, ["A", "B2"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"method": "gibbs"}, "wants one of 'nuts', 'pathfinder'"),
        ({"method": "advi", "chains": 4}, "has no option 'chains'; its options are 'family'"),
        ({"method": "map", "draws": 3}, "'map' has one draw"),
        ({"resume": True}, "wants path="),
        ({"path": "run.nc"}, r"wants a name ending in \.zarr"),
        ({"draws": 0}, "draws= wants 1 or more"),
        ({"tune": 0}, "tune= wants 1 or more"),
        ({"method": "advi", "family": "flow"}, "family= wants 'mean-field' or 'full-rank'"),
    ],
)
def test_faulty_arguments_are_refused(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fit(clearance_model(bolus_study()), **arguments)  # type: ignore[arg-type]


def test_a_declaration_wants_a_study() -> None:
    with pytest.raises(ValueError, match=r"wants a study with a declaration"):
        fit(Declared())
