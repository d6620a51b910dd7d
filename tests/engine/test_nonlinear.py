"""`simulate` against SciPy's Radau and DOP853 on classical problems; errors follow the tolerance."""

from typing import Any

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from bnode_nlme.dynamics import System
from bnode_nlme.engine import simulate
from tests.engine.nonlinear import (
    TARGET_MEDIATED,
    lotka_volterra,
    robertson,
    target_mediated,
    van_der_pol,
)
from tests.engine.tables import Row, dose, observe, study_of


def largest_error(
    system: System, rows: list[Row], parameters: Any, wanted: Any, rtol: float, method: Any
) -> float:
    """Largest error over the observations, relative to each state's largest value."""
    solved = simulate(
        system,
        study_of(rows),
        parameters,
        method=method,
        rtol=rtol,
        atol=rtol * 1e-4,
        max_steps=100_000,
    )
    assert (solved.status == 0).all(), solved.message.values
    found = np.array([solved[name].to_numpy() for name in system.states])
    return float((np.abs(found - wanted) / np.abs(wanted).max(axis=1, keepdims=True)).max())


@pytest.mark.parametrize("method", ["tsit5", "bdf", "adams"])
def test_lotka_volterra(method: str) -> None:
    times = np.linspace(0.5, 20, 40)
    a, b, c, d, x, y = values = (1.5, 1.0, 3.0, 1.0, 10.0, 5.0)
    exact = solve_ivp(
        lambda t, z: [a * z[0] - b * z[0] * z[1], -c * z[1] + d * z[0] * z[1]],
        (0, 20),
        [x, y],
        t_eval=times,
        method="DOP853",
        rtol=1e-13,
        atol=1e-14,
    ).y
    rows = [observe(0.0), *map(observe, times)]
    wanted = np.column_stack([[x, y], exact])
    parameters = dict(zip(lotka_volterra.parameters, values, strict=True))
    errors = [
        largest_error(lotka_volterra, rows, parameters, wanted, rtol, method)
        for rtol in (1e-5, 1e-7, 1e-9, 1e-11)
    ]
    # Four cycles and the growth of the phase error multiply the local error by some thousands.
    for error, rtol in zip(errors, (1e-5, 1e-7, 1e-9, 1e-11), strict=True):
        assert error < 5000 * rtol
    # Steps of 100 in the tolerance: the error follows by 10 at the very least.
    assert errors[1] < 0.1 * errors[0]
    assert errors[3] < 1e-3 * errors[1]


def test_van_der_pol_with_mu_1000() -> None:
    times = np.array([1.0, 100.0, 500.0, 800.0, 1200.0, 1500.0])
    exact = solve_ivp(
        lambda t, z: [z[1], 1000 * (1 - z[0] ** 2) * z[1] - z[0]],
        (0, 1500),
        [2.0, 0.0],
        t_eval=times,
        method="Radau",
        rtol=1e-12,
        atol=1e-14,
        jac=lambda t, z: [[0, 1], [-2000 * z[0] * z[1] - 1, 1000 * (1 - z[0] ** 2)]],
    ).y
    rows = [observe(0.0), *map(observe, times)]
    wanted = np.column_stack([[2.0, 0.0], exact])
    for rtol in (1e-6, 1e-8, 1e-10):
        error = largest_error(van_der_pol, rows, {"mu": 1000.0, "start": 2.0}, wanted, rtol, "bdf")
        assert error < 3000 * rtol  # 800 is shortly before the jump


def test_robertson_over_eleven_decades() -> None:
    times = 4.0 * 10.0 ** np.arange(-1, 9)
    exact = solve_ivp(
        lambda t, z: [
            -0.04 * z[0] + 1e4 * z[1] * z[2],
            0.04 * z[0] - 1e4 * z[1] * z[2] - 3e7 * z[1] ** 2,
            3e7 * z[1] ** 2,
        ],
        (0, times[-1]),
        [1.0, 0.0, 0.0],
        t_eval=times,
        method="Radau",
        rtol=1e-12,
        atol=1e-18,
    ).y
    # Published values at t = 40 (Hindmarsh and Serban, CVODES user guide, example cvsRoberts_dns).
    np.testing.assert_allclose(exact[:, 2], [7.158e-01, 9.185e-06, 2.842e-01], rtol=1e-3)
    parameters = {"slow": 0.04, "fast": 3e7, "middle": 1e4}
    rows = [observe(0.0), *map(observe, times)]
    wanted = np.column_stack([[1.0, 0.0, 0.0], exact])
    for rtol in (1e-5, 1e-7, 1e-9):
        assert largest_error(robertson, rows, parameters, wanted, rtol, "bdf") < 100 * rtol


def test_target_mediated_disposition_with_doses() -> None:
    kel, kon, koff, ksyn, kdeg, kint = TARGET_MEDIATED.values()

    def rhs(t: float, z: Any) -> list[float]:
        L, R, LR = z
        bound = kon * L * R - koff * LR
        return [-kel * L - bound, ksyn - kdeg * R - bound, bound - kint * LR]

    state = np.array([50.0, ksyn / kdeg, 0.0])
    wanted = []
    now = 0.0
    for time in (0.01, 0.5, 5.0, 24.0, 48.0, 160.0):
        state = solve_ivp(rhs, (now, time), state, method="Radau", rtol=1e-12, atol=1e-13).y[:, -1]
        now = time
        wanted.append(state.copy())
        if time == 24.0:
            state[0] += 30.0
    rows = [dose(0, 50), *map(observe, (0.01, 0.5, 5.0, 24.0))]
    rows += [dose(24, 30), observe(48), observe(160)]
    for rtol in (1e-5, 1e-7, 1e-9):
        error = largest_error(
            target_mediated, rows, TARGET_MEDIATED, np.transpose(wanted), rtol, "bdf"
        )
        assert error < 30 * rtol


def test_twenty_states() -> None:
    # A chain of transit compartments: the gamma function's density, and the chain's last state.
    from scipy.stats import gamma

    n, rate = 20, 3.0
    names = tuple(f"a{i}" for i in range(n))
    chain = System(
        states=names,
        parameters=("k",),
        rhs=lambda t, y, p, nn, c: {
            name: p.k * ((y[names[i - 1]] if i else 0.0) - y[name]) for i, name in enumerate(names)
        },
    )
    times = np.linspace(0.5, 12, 24)
    wanted = np.array([gamma.pdf(times, i + 1, scale=1 / rate) / rate for i in range(n)])
    study = study_of([dose(0, 1.0), *map(observe, times)])
    methods: list[Any] = ["tsit5", "bdf", "adams"]
    for method in methods:
        solved = simulate(chain, study, {"k": rate}, method=method, rtol=1e-9, atol=1e-11)
        found = np.array([solved[name].to_numpy() for name in names])
        np.testing.assert_allclose(found, wanted, atol=2e-9)
