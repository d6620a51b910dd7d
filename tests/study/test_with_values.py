"""Other measured values in the place of a study's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import bnode_nlme as bn
from tests.distributions.problems import bolus_table


@pytest.fixture
def virtual() -> bn.Study:
    return bn.Study.from_regimen(bn.Regimen(100.0), times=[1.0, 2.0, 3.0], n_subjects=2)


def test_prediction_points_become_measurements(virtual: bn.Study) -> None:
    values = np.array([5.0, 4.0, np.nan, 0.2, 3.0, 2.0])
    study = virtual.with_values(values, censoring=[0, 0, 0, 1, 0, 0])
    rows = study.observations
    np.testing.assert_array_equal(rows, virtual.observations)
    np.testing.assert_array_equal(study.records.value[rows], values)
    np.testing.assert_array_equal(study.records.evid[rows], [0, 0, 2, 0, 0, 0])
    np.testing.assert_array_equal(study.records.censoring[rows], [0, 0, 0, 1, 0, 0])
    # What is no observation stays, and the study that it was made from too.
    np.testing.assert_array_equal(study.records.amount, virtual.records.amount)
    assert np.isnan(virtual.records.value).all()


def test_a_real_study_keeps_everything_but_its_values() -> None:
    study = bn.read_nonmem(bolus_table(np.arange(1.0, 7.0).reshape(2, 3)))
    again = study.with_values(10.0 * study.records.value[study.observations])
    np.testing.assert_array_equal(again.records.value, 10.0 * study.records.value)
    for column in ("time", "evid", "amount", "row", "subject", "output", "limit"):
        np.testing.assert_array_equal(
            getattr(again.records, column), getattr(study.records, column)
        )


def test_a_scalar_limit_is_that_of_all(virtual: bn.Study) -> None:
    study = virtual.with_values(np.full(6, 0.5), censoring=1, limit=0.0)
    rows = study.observations
    assert (study.records.censoring[rows] == 1).all()
    assert (study.records.limit[rows] == 0.0).all()
    assert (study.records.censoring[study.doses] == 0).all()


@pytest.mark.parametrize(
    ("values", "others", "match"),
    [
        (np.ones(5), {}, r"6 observation rows.*found shape \(5,\)"),
        (1.0, {}, r"values= wants one number for each"),
        (np.ones(6), {"censoring": [1, 0]}, r"censoring= wants one number.*\(2,\)"),
        (np.array([1, 1, 1, 1, 1, np.inf]), {}, "finite"),
        (np.array([1, 1, 1, 1, 1, np.nan]), {"censoring": 1}, "belong to measured rows"),
        (np.ones(6), {"censoring": 2}, "censoring must be one of"),
        ([5, 0, 3, 1, 1, 1], {"censoring": [0, 1, 0, 0, 0, 0]}, "limit of quantification.*holds 0"),
    ],
)
def test_what_does_not_fit_is_refused(
    virtual: bn.Study, values: Any, others: dict[str, Any], match: str
) -> None:
    with pytest.raises(ValueError, match=match):
        virtual.with_values(values, **others)
