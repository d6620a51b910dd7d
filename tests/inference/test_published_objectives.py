"""The objective function at published estimates, against what nlmixr2's FOCEI reports there."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest

from bnode_nlme.inference import fit, laplace_objective
from tests.published.warfarin_and_theophylline import (
    Published,
    theophylline,
    warfarin_pk,
    warfarin_pkpd,
)

# The estimates are printed with three to four digits, and the objective with two decimals.
ROUNDING = 0.05


@pytest.mark.parametrize(
    "declare",
    [theophylline, warfarin_pk, pytest.param(warfarin_pkpd, marks=pytest.mark.slow)],
)
def test_objective_at_the_published_estimates(declare: Callable[[], Published]) -> None:
    published = declare()
    found = laplace_objective(published.nlme, published.study, published.values)
    assert found.form == "focei"
    np.testing.assert_allclose(found.value, published.objective, atol=ROUNDING)


def test_the_observed_curvature_is_not_taken_for_the_expected_one() -> None:
    published = theophylline()
    found = laplace_objective(published.nlme, published.study, published.values, form="laplace")
    assert abs(found.value - published.objective) > 1.0


@pytest.mark.slow
def test_the_published_optimum_of_the_pkpd_model_is_none() -> None:
    published = warfarin_pkpd()
    found = laplace_objective(published.nlme, published.study, published.better)
    assert found.value < published.objective - 9.0


@pytest.mark.slow
@pytest.mark.parametrize("declare", [theophylline, warfarin_pk, warfarin_pkpd])
def test_its_own_optimum_is_no_worse(declare: Callable[[], Published]) -> None:
    """From the priors' medians, which are orders of magnitude."""
    published = declare()
    # The likelihood of the PKPD model rises up to the bound of Emax, where it is flat: no maximum,
    # and a slope that dies out slowly.
    expected: Any = nullcontext()
    options: dict[str, Any] = {}
    if declare is warfarin_pkpd:
        options = {"tolerance": 0.1}
        expected = pytest.warns(UserWarning, match="curvature of the marginal is not positive")
    with expected:
        result = fit(
            published.nlme,
            published.study,
            "laplace",
            priors=False,
            draws=100,
            progress=False,
            **options,
        )
    assert result.attrs["converged"]
    assert result.attrs["objective"] <= published.objective + ROUNDING
