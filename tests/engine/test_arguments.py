"""What a solve refuses, and how it says so."""

import subprocess
import sys
from typing import Any

import numpy as np
import pytensor.tensor as pt
import pytest
from pytensor.compile.maker import function

from bnode_nlme.dynamics import MLP, System
from bnode_nlme.engine import SolverOptions, SundialsUnavailableError, simulate, solve, sundials
from bnode_nlme.study.errors import TableError
from tests.engine.compartments import ONE, one_compartment
from tests.engine.tables import dose, observe, study_of

STUDY = study_of([dose(0, 10), observe(1)], [dose(0, 10), observe(1)])
NET = MLP("uptake", inputs=1, hidden=(2,))
LEARNED = System(
    states=("x",),
    parameters=("k",),
    networks=(NET,),
    covariates=("WT",),
    rhs=lambda t, y, p, nn, c: {"x": -p.k * y.x * nn.uptake(c.WT)},
)
WEIGHED = study_of([dose(0, 10), observe(1)], covariates={"WT": [70.0]})
BOTH = pytest.mark.parametrize("call", [simulate, solve])


@BOTH
@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"ka": 1.0, "CL": 1.0}, r"parameters= wants exactly 'ka', 'CL', 'V'; missing 'V'"),
        (ONE | {"Cl": 1.0}, r"wants exactly 'ka', 'CL', 'V'; unknown 'Cl'"),
        ({"ka": 1, "V": 1, "Cl": 1}, r"missing 'CL'; unknown 'Cl'"),
        (ONE | {"V": [1.0, 2.0, 3.0]}, r"parameters\['V'\] wants .* the 2 subjects; found shape"),
        (ONE | {"V": [[1.0, 2.0]]}, r"parameters\['V'\] wants .* the 2 subjects; found shape"),
        (ONE | {"V": "wide"}, r"parameters\['V'\] wants .*found 'wide'"),
        ([1.0, 2.0, 3.0], r"parameters= wants a dict by name.*found a list"),
        (None, r"parameters= wants exactly 'ka', 'CL', 'V'; missing"),
    ],
)
def test_parameters(call: Any, parameters: Any, message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        call(one_compartment, STUDY, parameters)


@BOTH
@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (None, r"weights= wants exactly 'uptake'; missing 'uptake'"),
        ({"intake": np.zeros(7)}, r"missing 'uptake'; unknown 'intake'"),
        ({"uptake": np.zeros(6)}, r"weights\['uptake'\] wants one flat vector of length 7"),
        ({"uptake": np.zeros((1, 7))}, r"weights\['uptake'\] wants one flat vector of length 7"),
        (np.zeros(7), r"weights= wants a dict by name.*found a ndarray"),
    ],
)
def test_weights(call: Any, weights: Any, message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        call(LEARNED, WEIGHED, {"k": 1.0}, weights)


@BOTH
def test_missing_covariates(call: Any) -> None:
    with pytest.raises(
        ValueError,
        match=r"covariate 'WT'.*holds none.*covariates=\['WT'\], or give Study.from_regimen covariates=\{'WT'",
    ):
        call(LEARNED, STUDY, {"k": 1.0}, {"uptake": np.zeros(7)})


@BOTH
def test_doses_into_unknown_compartments(call: Any) -> None:
    study = study_of([dose(0, 1), dose(1, 1, into="gut"), observe(2)], [dose(0, 1, into="3")])
    with pytest.raises(TableError, match="a state of the system") as caught:
        call(one_compartment, study, ONE)
    assert [(p.row, p.subject, p.found) for p in caught.value.problems] == [
        (2, 1, "'gut'"),
        (4, 2, "'3'"),
    ]
    assert "1 'depot', 2 'central'" in str(caught.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "rk4"}, r"method= wants one of 'auto', 'tsit5', 'bdf', 'adams'; found 'rk4'"),
        ({"method": None}, r"method= wants one of"),
        ({"rtol": 0}, r"rtol= wants a positive number; found 0"),
        ({"rtol": -1e-6}, "rtol= wants a positive number"),
        ({"rtol": True}, "rtol= wants a positive number; found True"),
        ({"atol": np.nan}, "atol= wants a positive number; found nan"),
        ({"atol": np.inf}, "atol= wants a positive number"),
        ({"atol": "small"}, "atol= wants a positive number; found 'small'"),
        ({"adjoint_rtol": 0.0}, "adjoint_rtol= wants a positive number"),
        ({"adjoint_atol": [1e-8]}, "adjoint_atol= wants a positive number"),
        ({"max_steps": 0}, "max_steps= wants a positive integer; found 0"),
        ({"max_steps": True}, "max_steps= wants a positive integer; found True"),
        ({"max_steps": 1e4}, "max_steps= wants a positive integer"),
    ],
)
def test_options(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        solve(one_compartment, STUDY, ONE, **options)
    if not any(name.startswith("adjoint") for name in options):
        with pytest.raises(ValueError, match=message):
            simulate(one_compartment, STUDY, ONE, **options)


def test_numbers_of_numpy_are_numbers() -> None:
    options = SolverOptions(rtol=np.float32(0.001), max_steps=np.int64(7))  # type: ignore[arg-type]
    assert (options.rtol, options.max_steps) == (float(np.float32(0.001)), 7)
    assert options.adjoint_tolerances == (options.rtol, 0.01 * options.rtol)
    assert SolverOptions(adjoint_rtol=1e-9, adjoint_atol=1e-3).adjoint_tolerances == (1e-9, 1e-3)


def test_lengths_known_only_at_run_time_are_checked_there() -> None:
    V = pt.vector("V")
    w = pt.vector("w")
    by_subject = function([V], solve(one_compartment, STUDY, ONE | {"V": V}).outputs["cp"])
    assert by_subject(np.array([30.0, 31.0])).shape == (2,)
    learned = solve(LEARNED, WEIGHED, {"k": 1.0}, {"uptake": w}).states["x"]
    by_weights = function([w], learned)
    assert by_weights(np.zeros(7)).shape == (1,)
    for wrong in (np.full(3, 30.0), np.full(1, 30.0), np.empty(0)):
        with pytest.raises(ValueError, match=r"parameters\['V'\] wants .* over the 2 subjects"):
            by_subject(wrong)
    for wrong in (np.zeros(6), np.zeros(8), np.empty(0)):
        with pytest.raises(Exception, match=r"(?i)shape|dim|length|mismatch"):
            by_weights(wrong)


def test_without_sundials_the_error_names_the_cure() -> None:
    # In a process of its own: what a process has loaded stays loaded.
    script = """
import sys
sys.modules["sundials4py"] = None
from bnode_nlme.engine import SundialsUnavailableError, simulate
from tests.engine.compartments import ONE, one_compartment
from tests.engine.tables import dose, observe, study_of
study = study_of([dose(0, 10), observe(1)])
assert simulate(one_compartment, study, ONE).cp.notnull().all()  # the lanes do without
try:
    simulate(one_compartment, study, ONE, method="bdf")
except SundialsUnavailableError as error:
    sys.stdout.write(str(error))
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script], capture_output=True, text=True, check=True
    )
    assert "sundials4py cannot be imported" in done.stdout
    assert "pip install sundials4py" in done.stdout


def test_a_library_without_symbols_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llvmlite.binding.address_of_symbol", lambda name: 0)
    sundials.load.cache_clear()
    with pytest.raises(SundialsUnavailableError, match=r"does not export SUNContext_Create.*WSL"):
        sundials.load()
    monkeypatch.undo()
    sundials.load.cache_clear()
    sundials.load()
