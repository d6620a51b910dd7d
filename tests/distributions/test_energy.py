"""Loose tolerances do not cost acceptance: the gradient is that of the value computed.

Leapfrog trajectories with fixed momenta and a fixed step, from points of the posterior. An exact
gradient makes their energy error that of the leapfrog alone, whatever the tolerance; the gradient
of a continuous adjoint belongs to another value than that computed, and adds to it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bnode_nlme.cli.theophylline import classical_model, learned_model
from bnode_nlme.datasets import theophylline

Array = NDArray[np.float64]
Density = Callable[[Array], tuple[float, Array]]

LOOSE = {"method": "tsit5", "rtol": 1e-4, "atol": 1e-3}
TIGHT = {"method": "tsit5", "rtol": 1e-8, "atol": 1e-7}
# The same tolerances as LOOSE for the solution and for its gradient.
CONTINUOUS = {"method": "bdf", "rtol": 1e-4, "atol": 1e-3, "adjoint_rtol": 1e-4}
MODELS = {"classical": classical_model, "learned": learned_model}


# Of the posterior, roughly: masses of the trajectories.
SD: dict[str, Any] = {
    "eta": np.tile([0.2, 0.1, 0.06], 12),
    "eta_sd_log__": 0.25,
    "log_ka": 0.2,
    "log_CL": 0.1,
    "log_V": 0.05,
    "sigma_log__": 0.07,
    "absorption_scale_log__": 0.5,
    "absorption_z": 0.9,
    "absorption_contrast": 0.2,
}


def density_of(name: str, solver: dict) -> tuple[Density, Array, Array]:
    model = MODELS[name](theophylline(), solver).model
    initial = [np.ravel(model.initial_point()[v.name]) for v in model.value_vars]
    sd = np.concatenate(
        [np.full(x.size, SD[v.name]) for x, v in zip(initial, model.value_vars, strict=True)]
    )
    density = model.logp_dlogp_function(ravel_inputs=True)
    # Away from weights that are all 0, where the contrast has no direction.
    return density, np.concatenate(initial) + 0.3 * sd * np.cos(np.arange(sd.size)), sd


def trajectory(density: Density, x: Array, p: Array, sd: Array, step: float, steps: int):
    """Ends of a leapfrog trajectory, with masses 1/sd², and the change of its energy."""
    value, gradient = density(x)
    before = -value + 0.5 * np.sum(p**2)
    for _ in range(steps):
        p = p + 0.5 * step * sd * gradient
        x = x + step * sd * p
        value, gradient = density(x)
        p = p + 0.5 * step * sd * gradient
    return x, -value + 0.5 * np.sum(p**2) - before


def posterior_points(density: Density, x: Array, sd: Array, count: int) -> Array:
    """Every tenth point of a Hamiltonian Monte Carlo run, after its warm-up."""
    rng = np.random.default_rng(1)
    points = []
    for iteration in range(100 + 10 * count):
        momentum, step = rng.normal(size=x.size), rng.uniform(0.05, 0.15)
        end, error = trajectory(density, x, momentum, sd, step, 10)
        if np.log(rng.uniform()) < -error:
            x = end
        if iteration >= 100 and iteration % 10 == 0:
            points.append(x)
    return np.array(points)


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_energy_error_at_loose_tolerance_is_that_at_tight_tolerance(name: str) -> None:
    density, x, sd = density_of(name, LOOSE)
    points = posterior_points(density, x, sd, 24)
    densities = {"loose": density}
    densities["tight"], _, _ = density_of(name, TIGHT)
    densities["continuous"], _, _ = density_of(name, CONTINUOUS)
    momenta = np.random.default_rng(5).normal(size=points.shape)

    def errors(which: str, step: float, steps: int) -> Array:
        return np.array(
            [
                trajectory(densities[which], point, momentum, sd, step, steps)[1]
                for point, momentum in zip(points, momenta, strict=True)
            ]
        )

    def acceptance(error: Array) -> float:
        return float(np.exp(np.minimum(0.0, -error)).mean())

    # Steps as NUTS takes them.
    loose, tight = errors("loose", 0.1, 20), errors("tight", 0.1, 20)
    assert np.median(np.abs(loose)) <= 1.05 * np.median(np.abs(tight))
    assert acceptance(loose) >= acceptance(tight) - 0.005
    assert acceptance(tight) < 0.99  # or there would be nothing to compare

    # A tenth of that: what is left is mostly the change of the steps of the solver, too small to
    # be felt. Here the control must fail: the gradient of a continuous adjoint is another one.
    loose, control = errors("loose", 0.01, 50), errors("continuous", 0.01, 50)
    assert acceptance(loose) > 0.99
    assert np.median(np.abs(control)) > 2.0 * np.median(np.abs(loose))
