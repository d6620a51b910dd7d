"""Random effects integrated out: exact where the model is linear, close to quadrature where not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pymc as pm
import pytest
from scipy import stats
from scipy.special import expit, logsumexp

import bnode_nlme as bn
from bnode_nlme.inference import fit
from bnode_nlme.inference.flat_model import flat_model
from bnode_nlme.inference.laplace import objective
from bnode_nlme.inference.laplace.individual_terms import individual_terms
from bnode_nlme.inference.laplace.laplace import _covariance, _drawn
from bnode_nlme.inference.laplace.marginal import Marginal, log_determinants
from bnode_nlme.inference.laplace.modes import ModeError, Modes, find_modes
from bnode_nlme.inference.lbfgs import minimise
from tests.distributions.problems import (
    DOSE,
    TIMES,
    V,
    bolus_study,
    clearance_model,
    concentration,
    one_compartment,
)
from tests.inference.linear_mixed import DATA, REPEATS, SIGMA, exact_objective, linear_mixed


@pytest.mark.parametrize(("form", "centred"), [("focei", False), ("laplace", True)])
def test_linear_models_are_exact(form: Any, centred: bool) -> None:
    found = objective(
        linear_mixed(omega=None, centred=centred), None, {"m": -0.5, "omega": 2.0}, form=form
    )
    np.testing.assert_allclose(found.value, exact_objective(-0.5, 2.0), atol=1e-6)
    assert found.subjects.shape == (5,)


def test_modes_of_a_linear_model_are_the_conditional_means() -> None:
    found = objective(linear_mixed(omega=None), None, {"m": 1.0, "omega": 0.6})
    shrinkage = 3 * 0.6 / (3 * 0.6**2 + 0.5**2)
    expected = shrinkage * (DATA.mean(axis=1) - 1.0)
    np.testing.assert_allclose(found.effects["z"], expected, rtol=1e-6)


def test_gradient_is_that_of_the_objective() -> None:
    """With a solve, an error that depends on the prediction, and effects that shift the modes."""
    study = bolus_study(n_subjects=3, noise=0.3)
    flat = flat_model(clearance_model(study, rtol=1e-10, atol=1e-12))
    terms = individual_terms(flat, study)
    x = np.zeros(flat.size)
    x[flat.slices["log_CL"]], x[flat.slices["sigma"]] = 1.2, -1.0
    for form in ("focei", "laplace"):
        marginal = Marginal(terms, form)

        def value(population: Any, marginal: Marginal = marginal) -> float:
            moved = x.copy()
            moved[terms.population] = population
            return float(marginal.subjects(marginal.modes(moved)).sum())

        at = x[terms.population]
        h = 1e-4
        numeric = [(value(at + h * e) - value(at - h * e)) / (2.0 * h) for e in np.eye(at.size)]
        gradient = marginal.gradient(marginal.modes(x))
        np.testing.assert_allclose(gradient, numeric, rtol=1e-4, atol=1e-4)


def test_focei_by_its_definition() -> None:
    """The objective spelled out with numbers, for a solved model with one effect a subject."""
    study = bolus_study(n_subjects=2, noise=0.3)
    found = objective(
        clearance_model(study, rtol=1e-10, atol=1e-12), study, {"log_CL": 1.2, "sigma": 0.4}
    )
    y = study.records.value[study.observations].reshape(2, 3)
    eta, omega, sigma = found.effects["eta"].to_numpy(), 0.1, 0.4
    t = np.array(TIMES)
    CL = np.exp(1.2 + eta)[:, None]
    f = DOSE / V * np.exp(-CL / V * t)
    slope = -f * CL * t / V
    residual = y - f
    # At the mode.
    np.testing.assert_allclose((slope * residual).sum(1) / sigma**2, eta / omega**2, rtol=1e-5)
    expected = (
        np.log(omega**2)
        + (eta / omega) ** 2
        + (np.log(sigma**2) + (residual / sigma) ** 2).sum(1)
        + np.log((slope**2).sum(1) / sigma**2 + omega**-2)
    )
    np.testing.assert_allclose(found.subjects, expected, rtol=1e-7)


def proportional() -> pm.Model:
    """y_ij ~ Normal(exp(m + w z_i), s exp(m + w z_i)): the spread moves with the effect."""
    y = np.array([[1.1, 0.8, 1.5], [2.9, 2.0, 2.2]])
    with pm.Model(coords={"subject": [1, 2], "visit": range(3)}) as model:
        m, w, s = pm.Normal("m"), pm.HalfNormal("w"), pm.HalfNormal("s")
        f = pm.math.exp(m + w * pm.Normal("z", dims="subject"))[:, None]
        pm.Normal("y", f, s * f, observed=y, dims=("subject", "visit"))
    return model


def test_interaction_is_counted() -> None:
    """With the spread proportional, the information is n (1/s^2 + 2) w^2 at any z."""
    found = objective(proportional(), None, {"m": 0.3, "w": 0.5, "s": 0.2})
    y = np.array([[1.1, 0.8, 1.5], [2.9, 2.0, 2.2]])
    z = found.effects["z"].to_numpy()
    f = np.exp(0.3 + 0.5 * z)[:, None]
    joint = (np.log((0.2 * f) ** 2) + ((y - f) / (0.2 * f)) ** 2).sum(1) + z**2
    information = 3 * (1.0 / 0.2**2 + 2.0) * 0.5**2
    np.testing.assert_allclose(found.subjects, joint + np.log(1.0 + information), rtol=1e-7)
    without = joint + np.log(1.0 + 3 * 0.5**2 / 0.2**2)  # FOCE's, for control
    assert np.all(np.abs(found.subjects - without) > 0.05)


ANSWERS = np.array([[1, 1, 0, 1, 1, 1], [0, 0, 1, 0, 0, 1], [1, 0, 1, 1, 0, 1]])


def binary() -> pm.Model:
    with pm.Model(coords={"subject": [1, 2, 3], "item": range(6)}) as model:
        m, w = pm.Normal("m"), pm.HalfNormal("w")
        logit = (m + w * pm.Normal("z", dims="subject"))[:, None] + np.zeros((3, 6))
        pm.Bernoulli("y", logit_p=logit, observed=ANSWERS, dims=("subject", "item"))
    return model


def test_laplace_of_binary_outcomes_is_close_to_quadrature() -> None:
    found = objective(binary(), None, {"m": 0.2, "w": 0.7})
    assert found.form == "laplace"
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    p = expit(0.2 + 0.7 * nodes)[:, None, None]
    log_p = (np.log(p) * ANSWERS + np.log1p(-p) * (1 - ANSWERS)).sum(axis=2)
    exact = logsumexp(log_p, b=(weights / np.sqrt(2.0 * np.pi))[:, None], axis=0)
    # Laplace's own error here; a missing term would cost log(2 pi) = 1.8. No constant is taken off.
    np.testing.assert_allclose(found.subjects, -2.0 * exact, atol=0.02)
    with pytest.raises(ValueError, match="form='focei' wants measurements that are normal"):
        objective(binary(), None, {"m": 0.2, "w": 0.7}, form="focei")


@pytest.mark.parametrize("nu", [None, 5.0])
def test_the_constant_is_taken_off_for_measured_rows_of_normal_noise_only(nu: float | None) -> None:
    """Against quadrature: subject 2 has a censored row; Student-t noise has no such constant."""
    limit, sigma = 2.5, 0.4
    values = np.array([4.3, 3.1, 2.6, 4.0, 3.4, limit])
    study = bolus_study().with_values(values, censoring=[0, 0, 0, 0, 0, 1])
    noise = bn.Additive(sigma, blq="M3")
    with pm.Model(coords=study.coords) as model:
        log_CL = pm.Normal("log_CL", 1.0, 1.0)
        eta = pm.Normal("eta", 0.0, 0.1, dims="subject")
        bn.NeuralODE(
            "cp",
            one_compartment,
            study,
            parameters={"CL": pm.math.exp(log_CL + eta), "V": V},
            error=noise if nu is None else bn.StudentT(noise, nu),
            rtol=1e-10,
            atol=1e-12,
        )
    found = objective(model, study, {"log_CL": 1.3})
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    f = concentration(np.exp(1.3 + 0.1 * nodes)[:, None, None], TIMES)
    law = stats.norm if nu is None else stats.t(nu)
    z = (values.reshape(2, 3) - f) / sigma
    log_p = law.logpdf(z) - np.log(sigma)
    log_p[:, 1, 2] = law.logcdf(z[:, 1, 2])
    exact = logsumexp(log_p.sum(axis=2), b=(weights / np.sqrt(2.0 * np.pi))[:, None], axis=0)
    normal = np.array([3, 2]) if nu is None else np.zeros(2)
    expected = -2.0 * exact - normal * np.log(2.0 * np.pi)
    np.testing.assert_allclose(found.subjects, expected, atol=0.02)


def test_maximum_likelihood_and_its_standard_errors() -> None:
    result = fit(
        linear_mixed(omega=None), method="laplace", priors=False, draws=4000, progress=False
    )

    def exact(u: Any) -> tuple[float, Any]:
        def value(v: Any) -> float:
            return exact_objective(v[0], np.exp(v[1]))

        h = 1e-5
        return value(u), np.array(
            [(value(u + h * e) - value(u - h * e)) / (2.0 * h) for e in np.eye(2)]
        )

    best = minimise(exact, np.array([1.0, -0.5]), tolerance=1e-6)
    np.testing.assert_allclose(result.attrs["objective"], best.value, atol=1e-4)
    assert result.attrs["converged"]
    at = result.posterior.isel(chain=0, draw=0)
    point = [at["m"].item(), np.log(at["omega"].item())]
    np.testing.assert_allclose(point, best.x, atol=2e-3)
    h = 1e-4
    hessian = np.array(
        [(exact(best.x + h * e)[1] - exact(best.x - h * e)[1]) / (2.0 * h) for e in np.eye(2)]
    )
    draws = np.stack([result.posterior["m"][0], np.log(result.posterior["omega"][0])])
    np.testing.assert_allclose(np.cov(draws), 2.0 * np.linalg.inv(hessian), rtol=0.15, atol=0.01)


PRECISION = np.array([[4.0, 1.0], [1.0, 2.0]])


class QuadraticGoal:
    """Minus twice the log of a normal density; modes are found within `reach` of its mean only."""

    def __init__(self, *reach: float) -> None:
        self._reach = np.array(reach)

    def known(self, population: Any) -> Any:
        if np.any(np.abs(population) > self._reach):
            raise ModeError("not found")
        return population @ PRECISION @ population, 2.0 * PRECISION @ population

    def value_and_gradient(self, population: Any) -> Any:
        try:
            return self.known(population)
        except ModeError:
            return np.inf, np.zeros(2)


def test_modes_that_are_not_found_beside_the_optimum_are_no_zero_gradients() -> None:
    near: Any = QuadraticGoal(np.inf, 1e-3)
    covariance, repaired = _covariance(near, np.zeros(2), ["a", "b"])
    np.testing.assert_allclose(covariance, np.linalg.inv(PRECISION), rtol=1e-8)
    assert not repaired
    nowhere: Any = QuadraticGoal(np.inf, 1e-6)
    with pytest.warns(
        UserWarning, match=r"not found for 1 of 2 .*\(b; steps of 0\.005 and 0\.0005"
    ):
        covariance, repaired = _covariance(nowhere, np.zeros(2), ["a", "b"])
    assert repaired
    assert covariance[0, 0] == pytest.approx(1.0 / PRECISION[0, 0])
    assert covariance[1, 1] > 1e4


class HeldMarginal(Marginal):
    """Modes are not found beside the first population parameter, m."""

    def shifted(self, modes: Modes, index: int, step: float) -> Modes:
        if index == self.terms.population[0]:
            raise ModeError("not found")
        return super().shifted(modes, index, step)


def test_modes_that_are_not_found_when_drawing_lose_no_optimum() -> None:
    flat = flat_model(linear_mixed(omega=None))
    terms = individual_terms(flat, None)
    omega = 0.6
    x = flat.vector({"m": 1.0, "omega_log__": np.log(omega), "z": np.zeros(5)})
    exact, held = Marginal(terms, "focei"), HeldMarginal(terms, "focei")
    modes = exact.modes(x)
    covariance = np.diag([0.04, 0.01])
    drawn, _ = _drawn(exact, modes, covariance, 50, np.random.default_rng(3))
    with pytest.warns(
        UserWarning, match=r"\(steps of 0\.001 .*not found for 1 of 2 .*\(m\); the opt"
    ):
        kept, _ = _drawn(held, modes, covariance, 50, np.random.default_rng(3))
    np.testing.assert_array_equal(kept[:, terms.population], drawn[:, terms.population])
    # Without the slope of z in m, which is known here, all else the same.
    slope = -REPEATS * omega / (REPEATS * omega**2 + SIGMA**2)
    shift = slope * (kept[:, flat.slices["m"]] - 1.0)
    z = flat.slices["z"]
    np.testing.assert_allclose(drawn[:, z] - kept[:, z], np.tile(shift, 5), atol=1e-5)


def test_errors_of_modes_name_the_subjects_by_their_ids() -> None:
    flat = flat_model(linear_mixed(omega=None))
    terms = individual_terms(flat, None)
    x = np.zeros(flat.size)
    x[terms.blocks[2]] = x[terms.blocks[4]] = np.nan
    with pytest.raises(ModeError, match=r"of 2 of 5 subjects is not finite: of 3, 5\."):
        find_modes(terms, x, "focei")
    with pytest.raises(ModeError, match="at the mode of subject Ann is not positive definite"):
        log_determinants([np.eye(1), -np.eye(1)], ["Bob", "Ann"])


@pytest.mark.parametrize("method", ["laplace", "map"])
def test_a_fit_that_has_not_converged_says_so(method: Any) -> None:
    words = f"{method}: not converged after 1 iterations; .* gradient is .* wanted was"
    with pytest.warns(UserWarning, match=words):
        found = fit(linear_mixed(omega=None), method=method, max_iterations=1, progress=False)
    assert not found.attrs["converged"]


def test_the_tolerance_is_what_convergence_is_judged_by() -> None:
    model = linear_mixed(omega=None)
    with pytest.warns(UserWarning, match=r"wanted was 1e-13 or less"):
        found = fit(model, method="laplace", tolerance=1e-13, progress=False)
    assert 1e-13 < found.attrs["largest_gradient"] < 0.1
    assert not found.attrs["converged"]


def test_models_that_cannot_be_split_are_refused() -> None:
    with pm.Model(coords={"subject": [1, 2]}) as without:
        pm.Normal("y", pm.Normal("m"), 1.0, observed=np.zeros(2), dims="subject")
    with pytest.raises(ValueError, match="wants a model with random effects"):
        fit(without, method="laplace", progress=False)
    with pm.Model(coords={"subject": [1, 2]}) as unknown:
        z = pm.Normal("z", dims="subject")
        pm.Normal("y", z[np.array([0, 0, 1])], 1.0, observed=np.zeros(3))
    with pytest.raises(ValueError, match="cannot tell the subjects of the measurements of 'y'"):
        fit(unknown, method="laplace", progress=False)
    with pm.Model(coords={"subject": [1, 2]}) as tied:
        z = pm.Normal("z", dims="subject")
        pm.Potential("tie", -((z[0] - z[1]) ** 2))
        pm.Normal("y", z, 1.0, observed=np.zeros(2), dims="subject")
    with pytest.raises(ValueError, match="'tie' depends on the random effects of all subjects"):
        fit(tied, method="laplace", progress=False)
    with pytest.raises(ValueError, match="wants values of 'm', 'omega'; found 'm'"):
        objective(linear_mixed(omega=None), None, {"m": 0.0})


def test_effects_are_drawn_with_the_curvature_of_their_population_parameters() -> None:
    """Given omega, z_i has the variance 1 / (1 + n omega^2 / sigma^2), another at each draw."""
    result = fit(linear_mixed(omega=None), method="laplace", draws=20_000, seed=4, progress=False)
    m, omega = (result.posterior[name].to_numpy()[0, 1:, None] for name in ("m", "omega"))
    z = result.posterior["z"].to_numpy()[0, 1:]
    precision = 1.0 + REPEATS * (omega / SIGMA) ** 2
    mean = REPEATS * omega / SIGMA**2 * (DATA.mean(axis=1) - m) / precision
    ratio = ((z - mean) ** 2 * precision).mean(axis=1)
    middle = float(np.median(omega))
    # Where omega is near its mode, modes are exact, and so must the spread around them be.
    for low, high in ((0.8, 0.95), (0.95, 1.05), (1.05, 1.25)):
        near = (omega[:, 0] > low * middle) & (omega[:, 0] < high * middle)
        assert near.sum() > 800
        assert ratio[near].mean() == pytest.approx(1.0, abs=0.05)
    # The control: with the curvature at the optimum everywhere, they would be off by a quarter.
    fixed = 1.0 + REPEATS * (middle / SIGMA) ** 2
    near = (omega[:, 0] > 1.05 * middle) & (omega[:, 0] < 1.25 * middle)
    assert (precision[near] / fixed).mean() > 1.15
