"""Random effects that a measurement determines so steeply that rounding loses the others."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy import stats

import bnode_nlme as bn
from bnode_nlme.results.effect_importance import weighted_effects
from bnode_nlme.results.effect_modes import effect_modes
from bnode_nlme.results.individual_likelihood import IndividualLikelihood
from bnode_nlme.results.population_draws import population_draws
from tests.discovery.patients import patient
from tests.distributions.problems import one_compartment
from tests.results.made_fits import made_fit


def nearly_zero() -> IndividualLikelihood:
    """A level far above one that is predicted near 0, with a proportional error: one direction."""
    nlme = bn.NLME(
        one_compartment,
        {
            "CL": bn.Individual(bn.LogNormal(4.0, 0.3), effect=bn.HalfNormal(0.5)),
            "V": bn.Individual(bn.LogNormal(20.0, 0.3), effect=bn.HalfNormal(0.5)),
        },
        error=bn.Proportional(0.1),
        solver={"rtol": 1e-8, "atol": 1e-30},
    )
    shape = (1, 3)
    population: dict[str, Any] = {
        "CL_pop": ((), np.full(shape, 4.0)),
        "V_pop": ((), np.full(shape, 20.0)),
        "omega": (("effect",), np.full((*shape, 2), 0.05)),
    }
    study = patient({200.0: 1e-2})
    fit = made_fit(nlme, study, population, eta=np.zeros((*shape, 1, 2)))
    return IndividualLikelihood(nlme, study, population_draws(fit, np.arange(3)))


def test_a_level_predicted_near_0_under_a_proportional_error_is_no_singular_matrix() -> None:
    likelihood = nearly_zero()
    _, _, raw = likelihood.curvature(np.zeros((3, 1, 2)), np.arange(3))
    assert raw.max() > 1e17, "control: this is the case"
    assert np.linalg.det(raw[0, 0]) < 0.5 * np.trace(raw[0, 0]), "control: the identity is lost"
    modes = effect_modes(likelihood, np.random.default_rng(1))
    eigenvalues = np.linalg.eigvalsh(modes.curvature)
    assert np.all(eigenvalues > 0.9)
    weighted = weighted_effects(likelihood, 20, np.random.default_rng(1))
    assert np.isfinite(weighted.log_proposal).all()
    assert np.isfinite(weighted.log_evidence).all()


class Line:
    """Measurements y = a.z + noise of one subject: everything is known."""

    def __init__(self, direction: Any, y: float, sd: float) -> None:
        self.direction, self.y, self.sd = np.asarray(direction), y, sd
        self.space = SimpleNamespace(size=self.direction.size)
        self.study = SimpleNamespace(n_subjects=1)
        self.draws = 2

    def log_likelihood(self, z: Any, draws: Any) -> Any:
        return stats.norm.logpdf(self.y, z @ self.direction, self.sd)

    def curvature(self, z: Any, draws: Any) -> Any:
        rest = (self.y - z @ self.direction) / self.sd**2
        size = self.direction.size
        value = self.log_likelihood(z, draws) - 0.5 * np.sum(z**2, axis=-1)
        gradient = rest[..., None] * self.direction - z
        own = np.eye(size) + np.outer(self.direction, self.direction) / self.sd**2
        return value, gradient, np.broadcast_to(own, (*z.shape, size)).copy()


@pytest.mark.parametrize("sd", [0.1, 1e-5, 1e-6, 3e-7])
def test_the_density_of_a_precise_measurement_is_the_closed_form(sd: float) -> None:
    line: Any = Line([0.6, 0.3, -0.7], 0.8, sd)
    weighted = weighted_effects(line, 4000, np.random.default_rng(2))
    exact = stats.norm.logpdf(0.8, 0.0, np.hypot(np.linalg.norm(line.direction), sd))
    np.testing.assert_allclose(weighted.log_evidence, exact, atol=0.12)


def test_a_curvature_that_is_not_finite_leaves_the_population_part() -> None:
    line: Any = Line([0.6, 0.3], 0.8, 0.1)
    broken: Any = Line([0.6, 0.3], 0.8, 0.1)

    def curvature(z: Any, draws: Any) -> Any:
        value, gradient, own = line.curvature(z, draws)
        own[-1] = np.inf
        return value, gradient, own

    broken.curvature = curvature
    modes = effect_modes(broken, np.random.default_rng(3))
    assert np.isfinite(modes.curvature).all()
    assert np.isfinite(modes.z).all()
