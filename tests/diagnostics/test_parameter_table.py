"""The table of parameters, number by number."""

from __future__ import annotations

import arviz as az
import numpy as np
import pytest
import xarray as xr

from bnode_nlme.diagnostics import format_parameter_table, parameter_table


def _posterior() -> xr.Dataset:
    rng = np.random.default_rng(0)
    size = (4, 500)
    correlation = np.broadcast_to(np.eye(2), (*size, 2, 2)).copy()
    correlation[..., 0, 1] = correlation[..., 1, 0] = rng.uniform(0.1, 0.5, size)
    effect = {"effect": ["CL", "V"], "effect_bis": ["CL", "V"]}
    return xr.Dataset(
        {
            "CL": (("chain", "draw"), np.exp(rng.normal(1.0, 0.05, size))),
            "omega": (("chain", "draw", "effect"), np.exp(rng.normal(-1.2, 0.1, (*size, 2)))),
            "corr": (("chain", "draw", "effect", "effect_bis"), correlation),
            "sigma": (("chain", "draw"), np.exp(rng.normal(-2.0, 0.1, size))),
        },
        coords=effect,
    )


def _table():
    return parameter_table(
        _posterior(), typical=["CL"], omegas=["omega"], correlations=["corr"], errors=["sigma"],
        distributions={"V": "normal"}, shrinkage={"CL": 0.12, "sigma": 0.05},
        units={"CL": "L/h"}, mass=0.9,
    )  # fmt: skip


def test_rows_are_the_elements_by_role() -> None:
    assert _table().index.tolist() == [
        ("typical value", "CL"),
        ("random effect", "omega[CL]"),
        ("random effect", "omega[V]"),
        ("correlation", "corr[CL, V]"),
        ("residual error", "sigma"),
    ]


def test_numbers_are_those_of_the_draws() -> None:
    posterior, table = _posterior(), _table()
    draws = posterior.CL.to_numpy().ravel()
    row = table.loc[("typical value", "CL")]
    assert np.isclose(row.estimate, np.median(draws))
    assert np.isclose(row.rse, 100 * draws.std(ddof=1) / draws.mean())
    np.testing.assert_allclose([row.lower, row.upper], np.quantile(draws, [0.05, 0.95]))
    assert row.unit == "L/h"
    assert np.isclose(row.r_hat, float(az.rhat(posterior[["CL"]])["CL"]))
    assert np.isclose(row.ess_bulk, float(az.ess(posterior[["CL"]], method="bulk")["CL"]))
    assert np.isclose(row.ess_tail, float(az.ess(posterior[["CL"]], method="tail")["CL"]))


def test_coefficients_of_variation_are_those_of_log_normals_only() -> None:
    posterior, table = _posterior(), _table()
    omega = posterior.omega.sel(effect="CL").to_numpy().ravel()
    cv = 100 * np.sqrt(np.exp(omega**2) - 1)
    row = table.loc[("random effect", "omega[CL]")]
    np.testing.assert_allclose(
        [row.cv_lower, row.cv, row.cv_upper], np.quantile(cv, [0.05, 0.5, 0.95])
    )
    # By simulation: sd over mean of the individual parameters at the first draw's omega.
    individual = np.exp(omega[0] * np.random.default_rng(1).normal(size=1_000_000))
    assert np.isclose(cv[0], 100 * individual.std() / individual.mean(), rtol=0.01)
    assert np.isnan(table.loc[("random effect", "omega[V]")].cv)
    assert np.isnan(table.loc[("typical value", "CL")].cv)
    assert row.shrinkage == 12.0
    assert np.isnan(table.loc[("typical value", "CL")].shrinkage)
    assert np.isclose(table.loc[("residual error", "sigma")].shrinkage, 5.0)


def test_the_text_rounds_to_significant_digits() -> None:
    table = _table()
    table.loc[("typical value", "CL"), ["estimate", "lower", "upper"]] = [2.7182, 0.01234, 1234.5]
    text = format_parameter_table(table)
    first = text.iloc[0]
    assert first["Parameter"] == "CL (L/h)"
    assert first["Estimate (interval)"] == "2.72 (0.0123 to 1230)"
    assert first["CV, %"] == "–"
    assert text.iloc[1]["Shrinkage, %"] == "12"


def test_what_is_missing_is_named() -> None:
    with pytest.raises(ValueError, match="has no 'V'; it has 'CL', 'omega', 'corr', 'sigma'"):
        parameter_table(_posterior(), typical=["CL", "V"])
    with pytest.raises(ValueError, match="has no variable that was named"):
        parameter_table(_posterior())
    with pytest.raises(ValueError, match="`CL` over chain, draw"):
        parameter_table(_posterior().mean("chain"), typical=["CL"])
