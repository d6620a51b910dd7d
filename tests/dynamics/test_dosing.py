"""What a system says of its doses: read once, on symbols."""

import pickle
from typing import Any

import numpy as np
import pytest
from pytensor.compile.maker import function

from bnode_nlme.dynamics import DeclarationError, Dosing, System


def declared(**changes: object) -> System:
    given = {
        "states": ("depot", "central"),
        "parameters": ("ka", "k", "tlag", "F1"),
        "covariates": ("WT",),
        "rhs": lambda t, y, p, nn, c: {"depot": -p.ka * y.depot, "central": -p.k * y.central},
        "dosing": {
            "depot": Dosing(lag=lambda p, c: p.tlag, bioavailability=lambda p, c: p.F1 / c.WT),
            "central": Dosing(duration=lambda p, c: 2),
        },
    } | changes
    return System(**given)  # type: ignore[arg-type]


def test_the_graph_holds_one_expression_for_each_quantity() -> None:
    graph = declared().graph
    assert list(graph.dosing) == [
        ("depot", "lag"),
        ("depot", "bioavailability"),
        ("central", "duration"),
    ]
    inputs = [graph.parameters, graph.covariates]
    evaluated = function(inputs, list(graph.dosing.values()), mode="FAST_COMPILE",
                         on_unused_input="ignore")  # fmt: skip
    assert evaluated(np.array([1.0, 2.0, 0.3, 35.0]), np.array([70.0])) == [0.3, 0.5, 2.0]
    assert all(expression.dtype == "float64" for expression in graph.dosing.values())


def test_what_only_the_doses_depend_on_counts_as_used() -> None:
    with pytest.raises(DeclarationError, match=r"parameters: 'tlag', 'F1' declared, but neither"):
        declared(dosing=None, covariates=())
    with pytest.raises(DeclarationError, match=r"covariates: 'WT' declared, but neither rhs nor"):
        declared(dosing={"depot": Dosing(lag=lambda p, c: p.tlag + p.F1)})


def test_a_system_shows_its_dosing_and_keeps_it_when_pickled() -> None:
    line = "  dosing      depot (lag, bioavailability), central (duration)"
    assert repr(declared()).splitlines()[-1] == line
    system = declared(
        rhs=_rhs, dosing={"depot": Dosing(lag=_lag)}, covariates=(), parameters=("ka", "tlag")
    )
    copy = pickle.loads(pickle.dumps(system))
    assert list(copy.graph.dosing) == [("depot", "lag")]
    assert copy.replace(dosing=copy.dosing).dosing == system.dosing


def _rhs(t: Any, y: Any, p: Any, nn: Any, c: Any) -> Any:
    return {"depot": -p.ka * y.depot, "central": p.ka * y.depot}


def _lag(p: Any, c: Any) -> Any:
    return p.tlag


def test_a_dosing_says_something_and_holds_functions() -> None:
    with pytest.raises(DeclarationError, match=r"says nothing\. Give one of 'lag', 'bioavail"):
        Dosing()
    with pytest.raises(DeclarationError, match=r"lag= wants a function of \(p, c\), found 0\.5"):
        Dosing(lag=0.5)  # type: ignore[arg-type]
