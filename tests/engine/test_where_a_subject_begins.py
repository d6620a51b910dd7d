"""The initial state holds at a subject's first record, whatever becomes of that record."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import bnode_nlme as bn

GROWTH = 0.1
tumour = bn.System(
    states=("size", "other"),
    parameters=("kg",),
    rhs=lambda t, y, p, nn, c: {"size": p.kg * y.size, "other": 2 * p.kg * y.other},
    initial={"size": lambda p, c: 1.0, "other": lambda p, c: 1.0},
)


def study(dosed: bool = False) -> bn.Study:
    """Subjects that begin at 0 and at 2, the second output measured later than the first."""
    rows = [
        {"ID": ID, "TIME": begin + t, "EVID": 0, "DV": 1.0, "DVID": output, "AMT": None}
        for ID, begin in ((1, 0.0), (2, 2.0))
        for t, output in ((0.0, "size"), (7.0, "size"), (7.0, "other"), (14.0, "size"))
    ]
    if dosed:
        rows[0] |= {"EVID": 1, "DV": None, "AMT": 0.5, "DVID": None}
    return bn.read_nonmem(pd.DataFrame(rows))


def size(of: bn.Study, name: str = "size") -> np.ndarray:
    return bn.simulate(tumour, of, {"kg": GROWTH}, rtol=1e-10, atol=1e-12)[name].to_numpy()


def test_other_times_do_not_move_the_beginning() -> None:
    found = size(study().at_times([7.0, 14.0, 21.0]))
    wanted = [np.exp(GROWTH * (t - begin)) for begin in (0.0, 2.0) for t in (7.0, 14.0, 21.0)]
    np.testing.assert_allclose(found, wanted, rtol=1e-8)


@pytest.mark.parametrize("output", ["size", "other"])
def test_neither_does_a_selection_of_outputs(output: str) -> None:
    whole, rows = study(), np.array([0, 1, 3, 4, 5, 7])
    rows = rows if output == "size" else np.array([2, 6])
    np.testing.assert_allclose(
        size(whole.select(outputs=[output]), output), size(whole, output)[rows], rtol=1e-8
    )


def test_neither_do_other_doses() -> None:
    undosed = study(dosed=True).with_regimen({1: None, 2: None})
    np.testing.assert_allclose(size(undosed), size(study())[1:], rtol=1e-8)
    late = study(dosed=True).with_regimen({1: bn.Regimen(0.5, "size", start=3.0), 2: None})
    wanted = np.exp(0.7) + 0.5 * np.exp(GROWTH * 4.0)
    np.testing.assert_allclose(size(late)[0], wanted, rtol=1e-8)


def test_a_record_at_the_beginning_is_not_kept_twice() -> None:
    records = study().at_times([0.0, 2.0, 9.0]).records
    assert (records.evid == 2).sum() == len(records)
