"""Observations of several compartments are never taken for the one output of a system."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from bnode_nlme.datasets import theophylline, warfarin_pkpd
from bnode_nlme.dynamics import System
from bnode_nlme.engine.labels import resolve_outputs
from bnode_nlme.study import Study, TableError, read_nonmem
from tests.engine.compartments import one_compartment

cp_and_amount = System(
    states=("depot", "central"),
    parameters=("ka", "k", "V"),
    rhs=lambda t, y, p, nn, c: {
        "depot": -p.ka * y.depot,
        "central": p.ka * y.depot - p.k * y.central,
    },
    outputs={
        "cp": lambda t, y, p, nn, c: y.central / p.V,
        "amount": lambda t, y, p, nn, c: y.central,
    },
)


def pk_and_pd(**columns: list[Any]) -> Study:
    """A dose into 1, and two subjects' measurements: CMT 2 and 3 where no other is given."""
    table = {
        "ID": [1, 1, 1, 1, 2, 2],
        "TIME": [0, 1, 1, 2, 1, 2],
        "EVID": [1, 0, 0, 0, 0, 0],
        "AMT": [100, 0, 0, 0, 0, 0],
        "CMT": [1, 2, 3, 2, 3, None],
        "DV": [None, 3.2, 88, 2.9, 95, 4],
    }
    return read_nonmem(pd.DataFrame(table | columns).astype(object))


def test_measurements_of_two_compartments_without_dvid_are_all_listed() -> None:
    with pytest.raises(TableError, match=r"(?s)5 problems in 5 rows.*Add a column DVID") as refused:
        resolve_outputs(one_compartment, pk_and_pd())
    problems = refused.value.problems
    assert [p.row for p in problems] == [2, 3, 4, 5, 6]
    assert [p.subject for p in problems] == [1, 1, 1, 2, 2]
    assert [p.found for p in problems] == ["'2'", "'3'", "'2'", "'3'", "nothing"]
    assert {p.column for p in problems} == {"CMT"}
    cured = pk_and_pd(DVID=[None, "cp", "pca", "cp", "pca", "cp"]).select(outputs=["cp"])
    assert resolve_outputs(one_compartment, cured).tolist() == [0] * 3


def test_rows_without_a_value_do_not_count() -> None:
    study = pk_and_pd(EVID=[1, 0, 2, 0, 0, 0], DV=[None, 3, None, 3, 1, 4], MDV=[1, 0, 1, 0, 1, 0])
    assert resolve_outputs(one_compartment, study).tolist() == [0, -1, 0, -1, 0]


@pytest.mark.parametrize("compartment", [2, 3, "central", None])
def test_one_compartment_beside_that_of_the_dose(compartment: Any) -> None:
    study = pk_and_pd(CMT=[1, *[compartment] * 4, None])
    assert resolve_outputs(one_compartment, study).tolist() == [0] * 5


def test_a_state_by_name_and_by_number_is_one_compartment() -> None:
    study = pk_and_pd(CMT=["depot", 2, "central", 2, "central", 2])
    assert resolve_outputs(one_compartment, study).tolist() == [0] * 5


def test_dvid_decides_whatever_cmt_says() -> None:
    study = pk_and_pd(DVID=[None, "cp", 1, "cp", "cp", "cp"])
    assert resolve_outputs(one_compartment, study).tolist() == [0] * 5


def test_a_row_without_dvid_from_a_compartment_that_no_labelled_row_has() -> None:
    study = pk_and_pd(DVID=[None, "cp", None, "cp", None, "cp"])
    with pytest.raises(
        TableError, match="a DVID, or one CMT: 'cp' is the system's only"
    ) as refused:
        resolve_outputs(one_compartment, study)
    assert [p.row for p in refused.value.problems] == [3, 5]
    cured = study.select(outputs=["cp"])
    assert resolve_outputs(one_compartment, cured).tolist() == [0] * 3
    same = pk_and_pd(CMT=[1, 2, 2, 2, None, 3], DVID=[None, "cp", None, "cp", None, "cp"])
    assert resolve_outputs(one_compartment, same).tolist() == [0] * 5


def test_with_several_outputs_each_row_is_listed_once() -> None:
    with pytest.raises(TableError, match=r"an output of the system: 1 'cp', 2 'amount'") as refused:
        resolve_outputs(cp_and_amount, pk_and_pd())
    assert [p.row for p in refused.value.problems] == [2, 3, 4, 5, 6]


def test_packaged_data() -> None:
    assert set(resolve_outputs(one_compartment, theophylline()).tolist()) == {0}
    both = warfarin_pkpd()
    cp = both.select(outputs=["cp"])
    assert set(resolve_outputs(one_compartment, cp).tolist()) == {0}
    with pytest.raises(TableError, match=r"'pca' +an output of the system: 1 'cp'") as refused:
        resolve_outputs(one_compartment, both)
    assert {p.column for p in refused.value.problems} == {"DVID"}
