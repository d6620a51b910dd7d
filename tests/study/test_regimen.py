"""Regimen: the doses it stands for, its algebra, its refusals and its text."""

from __future__ import annotations

import pickle
from dataclasses import FrozenInstanceError
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnode_nlme.study.regimen import Dose, Regimen


def test_one_bolus() -> None:
    assert Regimen(100).doses == (Dose(0.0, 100.0),)
    assert Regimen(100, "gut", start=-2).doses == (Dose(-2.0, 100.0, "gut"),)
    assert Regimen(100, 2).doses == Regimen(100, "2").doses


def test_doses_are_counted_from_the_first() -> None:
    regimen = Regimen(100, every=0.1, additional=3, start=1)
    assert [dose.time for dose in regimen.doses] == [1, 1.1, 1 + 2 * 0.1, 1 + 3 * 0.1]
    assert {dose.amount for dose in regimen.doses} == {100}
    assert {dose.interval for dose in regimen.doses} == {0}


def test_times_are_sorted() -> None:
    assert [dose.time for dose in Regimen(1, times=np.array([5, 0, 3])).doses] == [0, 3, 5]


@pytest.mark.parametrize(
    ("options", "rate"),
    [
        ({}, 0),
        ({"rate": 20}, 20),
        ({"duration": 4}, 25),
        ({"rate": "modelled"}, -1),
        ({"duration": "modelled"}, -2),
    ],
)
def test_infusions(options: Any, rate: float) -> None:
    assert Regimen(100, **options).doses == (Dose(0.0, 100.0, rate=rate),)


def test_a_loading_dose_replaces_the_first() -> None:
    by_rate = Regimen(100, loading=300, every=12, additional=2, rate=50)
    assert [(dose.amount, dose.rate) for dose in by_rate.doses] == [(300, 50), (100, 50), (100, 50)]
    by_duration = Regimen(100, loading=300, times=[0, 12], duration=2)
    assert [(dose.amount, dose.rate) for dose in by_duration.doses] == [(300, 150), (100, 50)]


def test_steady_state_belongs_to_the_first_dose() -> None:
    regimen = Regimen(100, every=12, steady_state=True, additional=2)
    assert [(dose.steady_state, dose.interval) for dose in regimen.doses] == [
        (1, 12),
        (0, 0),
        (0, 0),
    ]
    added = Regimen(100, every=12, steady_state="added")
    assert added.doses == (Dose(0.0, 100.0, steady_state=2, interval=12.0),)
    assert Regimen(0, rate=5, steady_state="added").doses[0].steady_state == 2
    constant = Regimen(0, rate=5, steady_state=True, start=3)
    assert constant.doses == (Dose(3.0, 0.0, rate=5.0, steady_state=1),)


REGIMENS = st.builds(
    lambda amount, start, additional, name: Regimen(
        amount, name, start=start, every=2.0 if additional else None, additional=additional
    ),
    st.sampled_from([1, 2, 3]),
    st.integers(0, 6),
    st.integers(0, 3),
    st.sampled_from(["", "gut"]),
)


@given(REGIMENS, REGIMENS, REGIMENS)
def test_regimens_add_up(first: Regimen, second: Regimen, third: Regimen) -> None:
    together = first + second + third
    assert len(together) == len(first) + len(second) + len(third)
    assert sorted(together.doses, key=repr) == sorted(
        first.doses + second.doses + third.doses, key=repr
    )
    times = [dose.time for dose in together.doses]
    assert times == sorted(times)
    # Stable, and so associative: of one time, the doses of the first summand come first.
    assert together == first + (second + third) == sum([first, second, third])
    for time in set(times):
        order = [
            dose for part in (first, second, third) for dose in part.doses if dose.time == time
        ]
        assert [dose for dose in together.doses if dose.time == time] == order


def test_a_dose_that_replaces_the_state_comes_first_at_its_time() -> None:
    bolus, steady = Regimen(300), Regimen(100, every=12, steady_state=True)
    assert (bolus + steady).doses == (steady + bolus).doses == steady.doses + bolus.doses


def test_two_steady_states() -> None:
    first = Regimen(100, every=12, steady_state=True)
    with pytest.raises(ValueError, match=r"at time 0: the second would undo the first.*'added'"):
        first + Regimen(50, "gut", every=24, steady_state=True)
    added = first + Regimen(50, "gut", every=24, steady_state="added")
    assert [dose.steady_state for dose in added.doses] == [1, 2]
    later = first + Regimen(50, every=24, steady_state=True, start=100)
    assert [dose.steady_state for dose in later.doses] == [1, 1]


@pytest.mark.parametrize("other", [1, None, "x"])
def test_only_regimens_add_up(other: Any) -> None:
    with pytest.raises(TypeError, match="unsupported operand"):
        Regimen(1) + other
    with pytest.raises(TypeError, match=r"unsupported operand|can only concatenate"):
        other + Regimen(1)


def test_a_regimen_is_a_value() -> None:
    first, second = Regimen(1, every=2, additional=1), Regimen(1, times=[0, 2])
    assert first == second
    assert len({first, second, Regimen(1)}) == 2
    assert pickle.loads(pickle.dumps(first)) == first
    with pytest.raises(FrozenInstanceError, match="cannot assign"):
        first.doses = ()  # type: ignore[misc]


@pytest.mark.parametrize(
    ("regimen", "lines"),
    [
        (Regimen(100), ["Regimen of 1 dose", "  100 at 0"]),
        (
            Regimen(100, every=12, additional=6),
            ["Regimen of 7 doses", "  7 x 100 every 12 from 0 to 72"],
        ),
        (
            Regimen(50, loading=200, every=24, additional=3) + Regimen(10, "gut", start=6),
            [
                "Regimen of 5 doses",
                "  200 at 0",
                "  10 at 6, into gut",
                "  3 x 50 every 24 from 24 to 72",
            ],
        ),
        (
            Regimen(100, every=24, additional=1) + Regimen(100, every=24, additional=1, start=12),
            ["Regimen of 4 doses", "  4 x 100 every 12 from 0 to 36"],
        ),
        (
            Regimen(9, 2, every=8, additional=1, duration=3, steady_state=True),
            [
                "Regimen of 2 doses",
                "  2 x 9 every 8 from 0 to 8, into 2, at rate 3 (for 3), "
                "at the steady state of one every 8",
            ],
        ),
        (
            Regimen(5, every=8, rate="modelled", steady_state="added"),
            [
                "Regimen of 1 dose",
                "  5 at 0, at a modelled rate, at the steady state of one every 8, added to the "
                "state",
            ],
        ),
        (
            Regimen(0, rate=2, steady_state=True)
            + Regimen(0, "gut", rate=3, steady_state="added")
            + Regimen(5, times=[1, 2, 4], duration="modelled"),
            [
                "Regimen of 5 doses",
                "  constant infusion until 0, at rate 2, at steady state",
                "  constant infusion until 0, into gut, at rate 3, at steady state, added to the state",
                "  2 x 5 every 1 from 1 to 2, over a modelled duration",
                "  5 at 4, over a modelled duration",
            ],
        ),
    ],
)
def test_repr(regimen: Regimen, lines: list[str]) -> None:
    assert repr(regimen).splitlines() == lines


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"dose": -1}, "dose= wants a positive, finite number, and is -1"),
        ({"dose": 0}, "and is 0; a constant infusion at steady state has 0, rate= and steady_st"),
        ({"dose": np.inf}, "dose= wants a finite number, and is inf"),
        ({"dose": "100 mg"}, "dose= wants a finite number, and is '100 mg'"),
        ({"dose": True}, "dose= wants a finite number, and is True"),
        ({"start": np.nan}, "start= wants a finite number"),
        ({"compartment": "a b"}, "name of a state .* and is 'a b'"),
        ({"compartment": 0}, "name of a state .* and is 0"),
        ({"rate": -1}, "rate= wants a positive, finite number, and is -1"),
        ({"rate": "model"}, "rate= wants a positive, finite number, and is 'model'"),
        ({"duration": 0}, "duration= wants a positive, finite number, and is 0"),
        ({"duration": 1, "rate": 2}, "rate=2 and duration=1: .* not both"),
        ({"duration": 1, "rate": "modelled"}, "rate='modelled' and duration=1: .* not both"),
        ({"every": 12}, "there is one dose. Give additional=, .* or steady_state=True"),
        ({"every": 0, "additional": 2}, "every= wants a positive, finite number, and is 0"),
        ({"additional": 2}, "additional=2 wants every="),
        ({"additional": 1.5, "every": 1}, "additional= wants a whole number from 0 to 100000"),
        ({"additional": 10**6, "every": 1}, "additional= wants a whole number from 0 to 100000"),
        ({"times": []}, "times= wants a sequence of finite numbers"),
        ({"times": [0, np.inf]}, "times= wants a sequence of finite numbers"),
        ({"times": [0], "every": 1}, "goes with none of start=, every="),
        ({"times": [0], "start": 1}, "goes with none of start=, every="),
        ({"times": [0], "every": 1, "steady_state": True}, "goes with none of"),
        ({"loading": 5}, "loading= is the first of several doses .* has a single dose"),
        ({"loading": 0, "times": [0, 1]}, "loading= wants a positive, finite number"),
        (
            {"loading": 5, "every": 1, "additional": 1, "steady_state": True},
            "loading= is the first of several doses .* starts at steady state",
        ),
        ({"steady_state": True}, "steady_state= wants every="),
        ({"steady_state": 2, "every": 1}, "steady_state= wants True, False or 'added', and is 2"),
        ({"dose": 0, "steady_state": True}, "wants its rate= as a positive number; found rate=0.0"),
        (
            {"dose": 0, "steady_state": True, "rate": "modelled"},
            "wants its rate= as a positive number; found rate='modelled'",
        ),
        (
            {"dose": 0, "steady_state": True, "rate": 1, "every": 5},
            "stops at start=; it has neither every=, additional= nor times=",
        ),
    ],
)
def test_refusals(options: Any, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        Regimen(**{"dose": 1, **options})
