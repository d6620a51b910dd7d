"""Residuals under a model whose posterior is known in closed form."""

from __future__ import annotations

import numpy as np
import pytest

from bnode_nlme.diagnostics import epsilon_shrinkage, goodness_of_fit, weighted_residuals


def test_the_table_is_what_its_columns_say() -> None:
    individual = np.array([[1.0, 2.0, 4.0], [3.0, 2.0, 2.0]])
    sd = np.array([[1.0, 1.0, 2.0], [2.0, 1.0, 4.0]])
    table = goodness_of_fit(
        [0.0, 1.0, 0.0], ["a", "a", "b"], [2.0, np.nan, 6.0],
        population=[1.0, 1.0, 3.0], individual=individual, sd=sd, npde=[0.1, np.nan, 0.3],
    )  # fmt: skip
    np.testing.assert_array_equal(table.pred, [1.0, 1.0, 3.0])
    np.testing.assert_array_equal(table.ipred, [2.0, 2.0, 3.0])
    np.testing.assert_array_equal(table.population_residual, [1.0, np.nan, 3.0])
    np.testing.assert_array_equal(table.individual_residual, [0.0, np.nan, 3.0])
    np.testing.assert_allclose(table.iwres, [0.25, np.nan, 1.0])  # (1 - 1/2)/2, (1 + 1)/2
    assert float(table.iwres_sampled[0]) in (1.0, -0.5)
    assert float(table.iwres_sampled[2]) == 1.0
    np.testing.assert_array_equal(table.npde, [0.1, np.nan, 0.3])
    frame = table.to_dataframe()
    assert {"time", "subject", "observed", "iwres"} <= set(frame.columns)


def test_means_over_draws_shrink_and_single_draws_do_not() -> None:
    # y = b + e, two measurements a subject, b and e standard normal: b given y is normal with mean
    # (y1 + y2)/3 and variance 1/3.
    rng = np.random.default_rng(0)
    subject = np.repeat(np.arange(2000), 2)
    effect = rng.normal(size=2000)
    measured = effect[subject] + rng.normal(size=4000)
    mean = measured.reshape(-1, 2).sum(axis=1) / 3.0
    draws = mean + rng.normal(scale=3.0**-0.5, size=(400, 2000))
    table = goodness_of_fit(
        np.zeros(4000), subject, measured,
        population=np.zeros(4000), individual=draws[:, subject], sd=np.ones((1, 4000)),
    )  # fmt: skip
    # (2 y1 - y2)/3 has the variance (4·2 + 2 - 4)/9, as y has variance 2 and covariance 1.
    assert np.isclose(float(table.iwres.var()), 6.0 / 9.0, atol=0.03)
    assert np.isclose(epsilon_shrinkage(table.iwres), 1.0 - (6.0 / 9.0) ** 0.5, atol=0.03)
    assert np.isclose(float(table.iwres_sampled.var()), 1.0, atol=0.06)
    assert abs(epsilon_shrinkage(table.iwres_sampled)) < 0.03


def test_what_is_given_wrongly_is_named() -> None:
    with pytest.raises(ValueError, match="found 1 of 2 that are not"):
        weighted_residuals([1.0, 2.0], [1.0, 2.0], [0.0, 1.0])
    with pytest.raises(ValueError, match=r"Wanted `individual` of shape \(2,\) .* found \(3,\)"):
        goodness_of_fit([0, 1], [0, 0], [1, 2], population=[1, 2], individual=[1, 2, 3], sd=[1, 1])
    with pytest.raises(ValueError, match="two or more weighted residuals; found 1"):
        epsilon_shrinkage([1.0, np.nan])
