"""Studies of virtual patients, and real ones under another regimen."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from bnode_nlme.study import Regimen, Study, read_nonmem

TWICE = Regimen(100, "depot", every=12, additional=1)


def rows(study: Study, subject: int = 0) -> list[tuple[float, int]]:
    mine = study.records.subject == subject
    return list(
        zip(study.records.time[mine].tolist(), study.records.evid[mine].tolist(), strict=True)
    )


def test_patients_with_a_regimen_and_sampling_times() -> None:
    study = Study.from_regimen(
        TWICE, times=[24, 0, 12], n_subjects=3, covariates={"WT": [60, 70, 80], "SEX": 1}
    )
    assert study.name == "virtual"
    assert study.subjects.tolist() == [1, 2, 3]
    assert study.covariates["WT"].tolist() == [60, 70, 80]
    assert study.covariates["SEX"].tolist() == [1, 1, 1]
    for subject in range(3):  # points stand above the dose of their time
        assert rows(study, subject) == [(0, 2), (0, 1), (12, 2), (12, 1), (24, 2)]
    assert study.records.row.tolist() == list(range(1, 16))
    assert set(study.records.compartment[study.doses]) == {"depot"}
    assert np.isnan(study.records.value).all()
    assert study.coords["observation"].tolist() == [1, 3, 5, 6, 8, 10, 11, 13, 15]


def test_points_below_the_dose() -> None:
    study = Study.from_regimen(TWICE, times=[0, 12], before_dose=False)
    assert rows(study) == [(0, 1), (0, 2), (12, 1), (12, 2)]


def test_a_regimen_comes_through_to_the_last_column() -> None:
    regimen = Regimen(80, every=6, rate="modelled", steady_state=True, additional=1)
    study = Study.from_regimen(regimen + Regimen(5, 2, duration=2, start=1), times=[9])
    r = study.records
    assert r.evid.tolist() == [1, 1, 1, 2]
    assert r.amount.tolist() == [80, 5, 80, 0]
    assert r.rate.tolist() == [-1, 2.5, -1, 0]
    assert r.compartment.tolist() == ["", "2", "", ""]
    assert r.steady_state.tolist() == [1, 0, 0, 0]
    assert r.interval.tolist() == [6, 0, 0, 0]
    assert r.additional.tolist() == [0, 0, 0, 0]


def test_outputs() -> None:
    both = Study.from_regimen(TWICE, times=[1, 2], outputs=["cp", 2])
    assert both.records.output[both.observations].tolist() == ["cp", "2", "cp", "2"]
    apart = Study.from_regimen(TWICE, times={"pca": [24, 0], "cp": [1, 0]})
    seen = apart.observations
    assert apart.records.time[seen].tolist() == [0, 0, 1, 24]
    assert apart.records.output[seen].tolist() == ["pca", "cp", "cp", "pca"]
    assert apart.select(outputs=["cp"]).n_observations == 2


def test_regimens_of_their_own() -> None:
    arms = {"treated": TWICE, "placebo": None}
    study = Study.from_regimen(arms, times=[1.0])
    assert study.subjects.tolist() == ["treated", "placebo"]
    assert rows(study, 0) == [(0, 1), (1, 2), (12, 1)]
    assert rows(study, 1) == [(1, 2)]
    named = Study.from_regimen(TWICE, times=[1], subjects=[7, 3])
    assert named.subjects.tolist() == [7, 3]


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"n_subjects": 0}, ValueError, "n_subjects= wants a positive whole number, and is 0"),
        ({"n_subjects": 1, "subjects": [1]}, ValueError, "is said once"),
        ({"regimen": {1: TWICE}, "n_subjects": 1}, ValueError, "is said once"),
        ({"subjects": "ab"}, TypeError, "subjects= wants a list of IDs, and is 'ab'"),
        ({"subjects": []}, ValueError, "all integers or all text"),
        ({"subjects": [1, "a"]}, ValueError, r"all integers or all text, and are \[1, 'a'\]"),
        ({"subjects": [1, 1]}, ValueError, "must be distinct"),
        ({"subjects": [1.5]}, ValueError, "all integers or all text"),
        ({"regimen": {1: 100}}, TypeError, "regimen of subject 1 must be a bn.Regimen, and is 100"),
        ({"regimen": None}, TypeError, "The regimen must be a bn.Regimen, and is None"),
        ({"times": []}, ValueError, "times= wants finite numbers"),
        ({"times": [np.nan]}, ValueError, "times= wants finite numbers"),
        ({"times": {"cp": []}}, ValueError, r"found \[\] for 'cp'"),
        ({"times": {}}, ValueError, "There is no output"),
        ({"times": {"cp": [1]}, "outputs": ["cp"]}, ValueError, "leave outputs= out"),
        ({"outputs": "cp"}, TypeError, r"Write \['cp'\]"),
        ({"outputs": ["c p"]}, ValueError, "An output is a name .* and not 'c p'"),
        ({"covariates": {"WT": [1, 2]}}, ValueError, r"shape \(2,\)\. Say how many .* n_subjects="),
        ({"covariates": {"WT": np.nan}}, ValueError, "values that are not finite"),
    ],
)
def test_refusals(options: Any, error: type[Exception], match: str) -> None:
    arguments = {"regimen": TWICE, "times": [1.0], **options}
    with pytest.raises(error, match=match):
        Study.from_regimen(arguments.pop("regimen"), **arguments)


@pytest.fixture
def study() -> Study:
    return read_nonmem(
        pd.DataFrame(
            {
                "ID": [1, 1, 1, 1, 2, 2],
                "TIME": [0, 12, 20, 24, 0, 12],
                "EVID": [1, 0, 3, 0, 4, 2],
                "AMT": [50, None, None, None, 60, None],
                "SS": [1, *[None] * 5],
                "II": [12, *[None] * 5],
                "DV": [None, 3, None, 4, None, None],
                "CENS": [0, 0, 0, 1, 0, 0],
                "DVID": [None, "cp", None, "cp", None, "pca"],
                "WT": [70, 70, 70, 70, 60, 60],
            }
        ),
        covariates=["WT"],
    )


def test_other_doses_for_the_same_subjects(study: Study) -> None:
    other = study.with_regimen(TWICE)
    assert rows(other, 0) == [(0, 1), (12, 2), (12, 1), (24, 2)]
    assert rows(other, 1) == [(0, 1), (12, 2), (12, 1)]
    assert set(other.records.amount[other.doses]) == {100}
    assert not other.records.steady_state.any()
    # What was measured, was measured under the old doses.
    assert np.isnan(other.records.value).all()
    assert not other.records.censoring.any()
    assert other.records.output[other.observations].tolist() == ["cp", "cp", "pca"]
    assert other.coords["observation"].tolist() == study.coords["observation"].tolist()
    assert other.records.row[other.doses].min() == 7
    assert other.covariates["WT"].tolist() == [70, 60]
    assert len(set(other.records.row.tolist())) == len(other.records)


def test_observations_below_the_new_doses(study: Study) -> None:
    other = study.with_regimen(TWICE, before_dose=False)
    assert rows(other, 1) == [(0, 1), (12, 1), (12, 2)]


def test_each_subject_its_own(study: Study) -> None:
    other = study.with_regimen({1: None, 2: TWICE})
    assert rows(other, 0) == [(0, 5), (12, 2), (24, 2)]  # where the subject began stays
    assert rows(other, 1) == [(0, 1), (12, 2), (12, 1)]
    with pytest.raises(ValueError, match=r"names \[5\], who are none .* It lacks \[2\]"):
        study.with_regimen({1: TWICE, 5: TWICE})
    with pytest.raises(
        ValueError, match=r"It lacks \[2\]\. The subjects are \[1, 2\]; None stands"
    ):
        study.with_regimen({1: TWICE})


def test_a_regimen_twice_is_the_regimen(study: Study) -> None:
    once, twice = study.with_regimen(TWICE), study.with_regimen(Regimen(1)).with_regimen(TWICE)
    for name in ("time", "evid", "amount", "subject", "output"):
        np.testing.assert_array_equal(getattr(once.records, name), getattr(twice.records, name))
