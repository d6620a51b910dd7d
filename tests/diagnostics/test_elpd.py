"""Left-out observations and subjects of a model in which both are known exactly."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from numpy.typing import NDArray
from scipy import stats

from bnode_nlme.diagnostics import (
    elpd_observations,
    elpd_subjects,
    marginal_log_likelihood,
    sum_by_subject,
)

# y_ij = mu + b_i + e_ij with mu normal(0, 3), b normal(0, TAU) and e normal(0, SIGMA).
TAU, SIGMA, PRIOR = 0.8, 0.5, 3.0
SUBJECTS, EACH = 20, 4
OWNER = np.repeat(np.arange(SUBJECTS), EACH)


def _measured() -> NDArray[np.float64]:
    rng = np.random.default_rng(0)
    return (
        1.5 + rng.normal(scale=TAU, size=SUBJECTS)[OWNER] + rng.normal(scale=SIGMA, size=OWNER.size)
    )


def _covariance(owner: NDArray[np.int64]) -> NDArray[np.float64]:
    same = owner[:, None] == owner[None, :]
    return PRIOR**2 + TAU**2 * same + SIGMA**2 * np.eye(owner.size)


def _left_out(measured: NDArray[np.float64], groups: NDArray[np.int64]) -> NDArray[np.float64]:
    """Exact log p(y of a group | all other y), by the joint normal distribution."""
    everything = stats.multivariate_normal(cov=_covariance(OWNER)).logpdf(measured)
    result = []
    for group in np.unique(groups):
        rest = groups != group
        others = stats.multivariate_normal(cov=_covariance(OWNER[rest])).logpdf(measured[rest])
        result.append(everything - others)
    return np.array(result)


def _posterior(measured: NDArray[np.float64], draws: int) -> tuple[xr.DataArray, xr.DataArray]:
    """Exact draws of mu (chain, draw) and b (chain, draw, subject)."""
    design = np.column_stack([np.ones(OWNER.size), np.eye(SUBJECTS)[OWNER]])
    precision = np.diag([PRIOR**-2, *[TAU**-2] * SUBJECTS]) + design.T @ design / SIGMA**2
    mean = np.linalg.solve(precision, design.T @ measured / SIGMA**2)
    factor = np.linalg.cholesky(np.linalg.inv(precision))
    normal = np.random.default_rng(1).normal(size=(4, draws, SUBJECTS + 1))
    drawn = mean + normal @ factor.T
    return (
        xr.DataArray(drawn[..., 0], dims=("chain", "draw")),
        xr.DataArray(drawn[..., 1:, None], dims=("chain", "draw", "subject", "effect")),
    )


def test_observations_agree_with_the_exact_left_out_densities() -> None:
    measured = _measured()
    mu, effects = _posterior(measured, 1000)
    at = mu.to_numpy()[..., None] + effects.to_numpy()[..., OWNER, 0]
    log_likelihood = xr.DataArray(
        stats.norm(at, SIGMA).logpdf(measured), dims=("chain", "draw", "observation")
    )
    result = elpd_observations(log_likelihood)
    exact = _left_out(measured, np.arange(measured.size))
    np.testing.assert_allclose(result.elpd_i, exact, atol=0.15)
    assert np.isclose(result.elpd, exact.sum(), atol=0.7)
    assert result.pareto_k.dims == ("observation",)


@pytest.mark.parametrize("points", ["population", "proposal"])
def test_subjects_agree_with_the_exact_left_out_densities(points: str) -> None:
    measured = _measured()
    mu, effects = _posterior(measured, 150)
    count = 300 if points == "proposal" else 1000
    prior = stats.norm(0.0, TAU)
    log_weight = None
    if points == "proposal":
        own = effects[..., 0].to_numpy().reshape(-1, SUBJECTS)
        near = stats.t(5.0, own.mean(axis=0)[:, None], 1.2 * own.std(axis=0)[:, None])
        drawn = near.rvs((SUBJECTS, count), random_state=2)
        new = xr.DataArray(drawn, dims=("subject", "point"))
        log_weight = xr.DataArray(prior.logpdf(drawn) - near.logpdf(drawn), dims=new.dims)
    else:
        new = xr.DataArray(prior.rvs((SUBJECTS, count), random_state=2), dims=("subject", "point"))
    mean = mu + new
    log_likelihood = sum(
        -0.5 * ((y - mean) / SIGMA) ** 2 - np.log(SIGMA * np.sqrt(2 * np.pi))
        for y in (
            xr.DataArray(column, dims="subject") for column in measured.reshape(SUBJECTS, EACH).T
        )
    )
    integrated = marginal_log_likelihood(log_likelihood, log_weight)
    # The integral in closed form, at each draw of mu.
    own = TAU**2 + SIGMA**2 * np.eye(EACH)
    exact_integral = stats.multivariate_normal(cov=own).logpdf(
        measured.reshape(SUBJECTS, EACH) - mu.to_numpy()[..., None, None]
    )
    misses = np.abs(integrated.log_likelihood - exact_integral) / integrated.error
    assert float((misses < 4).mean()) > 0.98
    if points == "proposal":
        assert float(integrated.efficiency.mean()) > 0.5
        assert float(integrated.error.max()) < 0.2
    result = elpd_subjects(integrated.log_likelihood)
    exact = _left_out(measured, OWNER)
    np.testing.assert_allclose(result.elpd_i, exact, atol=0.25)
    assert np.isclose(result.elpd, exact.sum(), atol=0.8)
    assert float(result.pareto_k.max()) < 0.5


def test_conditional_likelihoods_of_subjects_are_found_out_by_pareto_k() -> None:
    measured = _measured()
    mu, effects = _posterior(measured, 500)
    at = mu.to_numpy()[..., None] + effects.to_numpy()[..., OWNER, 0]
    each = xr.DataArray(
        stats.norm(at, SIGMA).logpdf(measured), dims=("chain", "draw", "observation")
    )
    conditional = sum_by_subject(each, OWNER)
    np.testing.assert_allclose(
        conditional.isel(subject=3), each.isel(observation=OWNER == 3).sum("observation")
    )
    with pytest.warns(UserWarning, match="Estimated shape parameter of Pareto distribution"):
        result = elpd_subjects(conditional)
    assert result.warning
    assert float(result.pareto_k.median()) > 0.7


def test_what_is_given_wrongly_is_named() -> None:
    draws = xr.DataArray(np.zeros((2, 10, 3)), dims=("chain", "draw", "observation"))
    with pytest.raises(ValueError, match="subject missing"):
        elpd_subjects(draws)
    draws[1, 4, 2] = -np.inf
    with pytest.raises(ValueError, match=r"1 of 3 observations is not finite .* number 2"):
        elpd_observations(draws)
    with pytest.raises(ValueError, match="wants 25 draws or more, all chains together; found 20"):
        elpd_observations(xr.zeros_like(draws))
    with pytest.raises(ValueError, match=r"each of the 3 observations; found shape \(2,\)"):
        sum_by_subject(draws, [0, 1])
