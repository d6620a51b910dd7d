"""`Study.at_times`: the same doses, seen at other times."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bnode_nlme.study import Study, read_nonmem


def _study() -> Study:
    return read_nonmem(
        pd.DataFrame(
            {
                "ID": [1, 1, 1, 1, 2, 2],
                "TIME": [0.0, 0.0, 2.0, 2.0, 1.0, 3.0],
                "EVID": [1, 0, 0, 1, 1, 0],
                "AMT": [100.0, None, None, 50.0, 80.0, None],
                "DV": [None, 0.1, 5.0, None, None, 4.0],
                "WT": [70.0, 70.0, 70.0, 70.0, 60.0, 60.0],
            }
        ),
        covariates=["WT"],
    )


def test_doses_stay_and_points_stand_below_a_dose_at_their_time() -> None:
    records = _study().at_times([2.0, 0.0]).records
    np.testing.assert_array_equal(records.subject, [0, 0, 0, 0, 1, 1, 1])
    np.testing.assert_array_equal(records.time, [0, 0, 2, 2, 0, 1, 2])
    np.testing.assert_array_equal(records.evid, [1, 2, 1, 2, 2, 1, 2])
    np.testing.assert_array_equal(records.amount, [100, 0, 50, 0, 0, 80, 0])
    assert np.isnan(records.value).all()


def test_rows_are_numbered_on_and_the_rest_is_kept() -> None:
    study = _study()
    dense = study.at_times(np.linspace(0.0, 4.0, 5))
    assert len(set(dense.records.row.tolist())) == len(dense.records)
    assert dense.coords["observation"].min() == 7
    np.testing.assert_array_equal(dense.subjects, study.subjects)
    np.testing.assert_array_equal(dense.covariates["WT"], study.covariates["WT"])
    assert dense.n_observations == 10


@pytest.mark.parametrize("times", [[], [np.nan], [0.0, np.inf]])
def test_times_must_be_numbers(times: list[float]) -> None:
    with pytest.raises(ValueError, match="times= wants finite numbers"):
        _study().at_times(times)
