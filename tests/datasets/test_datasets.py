"""The packaged data are the published ones, and the loaders read them as documented."""

from __future__ import annotations

from hashlib import sha256
from importlib.resources import files

import numpy as np
import pytest

from bnode_nlme import datasets
from bnode_nlme.study import Study

CHECKSUMS = {
    "theophylline": "6d47a1f2a33e76720bae82d2a99330a0490191e6f23a5084a3fa24dc0f938d45",
    "warfarin_pkpd": "5a41265f3607e1242ba7fd4b63e27a1b2ee236ff1b4b7d354761e4811700e035",
    "indomethacin": "a263cfa476ab161756161804bd5ffce9ba8ad60a2302a189f5ff3a8f97acbbb7",
}


@pytest.mark.parametrize("name", list(CHECKSUMS))
def test_files_are_unchanged(name: str) -> None:
    content = files("bnode_nlme.datasets").joinpath(f"{name}.csv").read_bytes()
    assert sha256(content).hexdigest() == CHECKSUMS[name]


@pytest.mark.parametrize("name", list(CHECKSUMS))
def test_each_file_has_its_sources_and_its_loader(name: str) -> None:
    sources = files("bnode_nlme.datasets").joinpath("SOURCES.md").read_text(encoding="utf-8")
    assert f"## {name}.csv" in sources
    study = getattr(datasets, name)()
    assert isinstance(study, Study)
    assert study.name == name


def test_theophylline() -> None:
    study = datasets.theophylline()
    assert (study.n_subjects, study.n_observations, study.n_doses) == (12, 132, 12)
    assert study.subjects.tolist() == list(range(1, 13))
    assert list(study.covariates) == ["WT"]
    assert study.covariates["WT"][0] == 79.6
    records = study.records
    assert records.evid[:2].tolist() == [1, 0]  # the dose stands above the observation at time 0
    assert records.time[:2].tolist() == [0, 0]
    np.testing.assert_allclose(records.amount[study.doses], 320, rtol=0.18)
    assert records.amount[0] == 319.992
    assert set(records.compartment[study.doses]) == {"1"}
    assert set(records.output) == {""}
    assert records.value[1:4].tolist() == [0.74, 2.84, 6.57]
    assert not np.isnan(records.value[study.observations]).any()


def test_warfarin_pkpd() -> None:
    study = datasets.warfarin_pkpd()
    assert (study.n_subjects, study.n_observations, study.n_doses) == (32, 251 + 232, 32)
    observed = study.records.output[study.observations]
    assert (np.sum(observed == "cp"), np.sum(observed == "pca")) == (251, 232)
    assert list(study.covariates) == ["WT", "AGE", "SEX"]
    assert study.covariates["SEX"].sum() == 27
    amounts = study.records.amount[study.doses]
    assert [amounts.min(), amounts.max()] == [60, 153]
    assert np.sum(study.records.value[study.records.output == "cp"] == 0) == 4
    assert study.select(outputs=["cp"]).n_observations == 251


def test_warfarin_pk_is_the_concentrations_of_warfarin_pkpd() -> None:
    study, whole = datasets.warfarin_pk(), datasets.warfarin_pkpd()
    assert study.name == "warfarin_pk"
    assert (study.n_subjects, study.n_observations, study.n_doses) == (32, 251, 32)
    assert set(study.records.output[study.observations]) == {"cp"}
    kept = np.isin(whole.records.row, study.records.row)
    assert set(whole.records.output[~kept]) == {"pca"}
    np.testing.assert_array_equal(study.records.value, whole.records.value[kept])
    assert list(study.covariates) == ["WT", "AGE", "SEX"]


def test_indomethacin() -> None:
    study = datasets.indomethacin()
    assert (study.n_subjects, study.n_observations, study.n_doses) == (6, 66, 6)
    assert set(study.records.amount[study.doses]) == {25}
    assert set(study.records.rate) == {0}
    assert study.records.value[1:4].tolist() == [1.5, 0.94, 0.78]
    assert dict(study.covariates) == {}
