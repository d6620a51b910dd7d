"""Virtual patients whose occasion and covariates change at given times."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import bnode_nlme as bn
from bnode_nlme.inference.study_storage import study_from_dataset, study_to_dataset
from bnode_nlme.study import Regimen, Study

WEEKLY = Regimen(100.0, every=168.0, additional=1)


def of_records(study: Study, values: Any) -> list[Any]:
    return list(zip(study.records.time.tolist(), study.records.evid.tolist(), values, strict=True))


def test_occasions_begin_at_their_times() -> None:
    study = Study.from_regimen(
        WEEKLY, times=[-1.0, 24.0, 192.0], n_subjects=2, occasions={2: 168.0, 1: 0.0}
    )
    assert study.occasions is not None
    assert study.coords["occasion"].tolist() == ["1:1", "1:2", "2:1", "2:2"]
    assert study.occasions.subject.tolist() == [0, 0, 1, 1]
    labels = study.occasions.label[study.records.occasion].tolist()
    # What is earlier than all belongs to the first.
    wanted = [(-1.0, 2, 1), (0.0, 1, 1), (24.0, 2, 1), (168.0, 1, 2), (192.0, 2, 2)]
    assert of_records(study, labels) == wanted * 2
    assert study.records.row.tolist() == list(range(1, 11))


def test_a_change_where_there_is_no_record() -> None:
    study = Study.from_regimen(
        Regimen(100.0), times=[24.0, 192.0], occasions={"first": 0.0, "second": 168.0}
    )
    assert study.occasions is not None
    labels = study.occasions.label[study.records.occasion].tolist()
    assert of_records(study, labels) == [
        (0.0, 1, "first"),
        (24.0, 2, "first"),
        (168.0, 5, "second"),
        (192.0, 2, "second"),
    ]
    assert study.n_observations == 2


def test_covariates_change_at_their_times() -> None:
    study = Study.from_regimen(
        WEEKLY,
        times=[24.0, 192.0],
        n_subjects=2,
        covariates={"WT": {100.0: [60.0, 70.0], 0.0: 70.0}, "AGE": {0.0: 40.0}, "SEX": 1.0},
    )
    assert study.covariates["WT"].tolist() == [70.0, 70.0]
    assert study.covariates["AGE"].tolist() == [40.0, 40.0]
    assert list(study.varying) == ["WT"]
    wanted = [(0.0, 1, 70.0), (24.0, 2, 70.0), (100.0, 5, 60.0), (168.0, 1, 60.0), (192.0, 2, 60.0)]
    other = [(time, evid, 70.0) for time, evid, _ in wanted]
    assert of_records(study, study.varying["WT"].tolist()) == wanted + other


def test_a_change_acts_at_its_time_and_not_at_the_next_record() -> None:
    """Elimination k = c.K: 0.1 for 10 hours, then 0.3; no record stands at 10."""
    system = bn.System(
        states=("central",),
        parameters=("V",),
        covariates=("K",),
        rhs=lambda t, y, p, nn, c: {"central": -c.K * y.central},
        outputs={"cp": lambda t, y, p, nn, c: y.central / p.V},
    )
    study = Study.from_regimen(
        Regimen(100.0), times=[5.0, 20.0], covariates={"K": {0.0: 0.1, 10.0: 0.3}}
    )
    solved = bn.simulate(system, study, {"V": 10.0}, rtol=1e-9, atol=1e-9)
    wanted = 10.0 * np.exp([-0.5, -1.0 - 3.0])
    np.testing.assert_allclose(solved["cp"], wanted, rtol=1e-6)


def test_the_table_of_such_a_study_is_read_as_the_study() -> None:
    study = Study.from_regimen(
        WEEKLY,
        times=[24.0, 192.0],
        n_subjects=2,
        occasions={1: 0.0, 2: 168.0},
        covariates={"WT": {0.0: 70.0, 168.0: [60.0, 71.0]}},
    )
    r = study.records
    assert study.occasions is not None
    table = pd.DataFrame(
        {
            "ID": study.subjects[r.subject],
            "TIME": r.time,
            "EVID": r.evid,
            "AMT": r.amount,
            "OCC": study.occasions.label[r.occasion],
            "WT": study.varying["WT"],
            "DV": np.nan,
        }
    )
    again = bn.read_nonmem(table, covariates=["WT"])
    assert again.occasions is not None
    np.testing.assert_array_equal(again.records.occasion, r.occasion)
    np.testing.assert_array_equal(again.occasions.label, study.occasions.label)
    np.testing.assert_array_equal(again.varying["WT"], study.varying["WT"])
    assert not again.virtual


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"occasions": [1, 2]}, TypeError, r"mapping from each label .* \{1: 0\.0, 2: 168\.0\}"),
        ({"occasions": {}}, ValueError, "labels that are all integers or all text"),
        ({"occasions": {1: 0.0, "b": 1.0}}, ValueError, "all integers or all text, and has"),
        ({"occasions": {1: 0.0, 2: 0.0}}, ValueError, "occasions= wants finite times, each once"),
        ({"occasions": {1: np.nan}}, ValueError, "occasions= wants finite times"),
        ({"occasions": {1: 0.0, 2: 1680.0}}, ValueError, r"names 2 \(from 1680 on\), to which no"),
        ({"covariates": {"WT": {}}}, ValueError, r"covariates\['WT'\] wants finite times"),
        ({"covariates": {"WT": {0.0: [1, 2]}}}, ValueError, r"each of the 1 subjects; .* at 0"),
    ],
)
def test_refusals(options: Any, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        Study.from_regimen(WEEKLY, times=[24.0, 192.0], **options)


def test_who_is_virtual() -> None:
    counted = Study.from_regimen(WEEKLY, times=[1.0, 2.0], n_subjects=2)
    assert counted.virtual
    assert Study.from_regimen(WEEKLY, times=[1.0]).virtual
    assert counted.with_regimen(Regimen(1.0)).at_times([3.0]).select(subjects=[1]).virtual
    assert study_from_dataset(study_to_dataset(counted)).virtual
    assert not Study.from_regimen(WEEKLY, times=[1.0], subjects=[1, 2]).virtual
    assert not Study.from_regimen({1: WEEKLY, 2: None}, times=[1.0]).virtual
    # What is simulated for them makes nobody of them.
    assert counted.with_values([1.0, np.nan, np.nan, np.nan]).virtual
