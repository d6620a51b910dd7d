"""Individual parameters of known, new and typical subjects at draws of a posterior."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pymc as pm
import pytest
import scipy.stats
import xarray as xr

import bnode_nlme as bn
from tests.nlme.declarations import oral, small_study

NLME = bn.NLME(
    oral,
    {
        "ka": bn.Individual(bn.LogNormal(1.5, 0.3)),
        "CL": bn.Individual(bn.LogNormal(4.0, 0.3), covariates=[bn.Power("WT", 70.0)]),
        "V": bn.Individual(bn.LogNormal(20.0, 0.3)),
    },
    omega=bn.Omega(("V", "CL"), concentration=1.0),
    error=bn.Additive(),
)


@pytest.fixture(scope="module")
def posterior() -> xr.Dataset:
    """What `pymc.sample` would return: here, draws of the prior."""
    with NLME.build(small_study()):
        prior = pm.sample_prior_predictive(40, random_seed=3).prior
    return prior.to_dataset()


def test_known_subjects_have_the_parameters_of_the_model(posterior):
    found = NLME.individual_parameters(posterior, small_study())
    for name in ("ka", "CL", "V"):
        assert found[name].dims == ("chain", "draw", "subject")
        np.testing.assert_allclose(found[name], posterior[name], rtol=1e-12)
    part = NLME.individual_parameters(posterior, small_study().select(subjects=[3, 1]))
    np.testing.assert_allclose(part.CL, posterior.CL.sel(subject=[1, 3]), rtol=1e-12)
    np.testing.assert_array_equal(part.subject, [1, 3])


def test_other_covariates_of_a_known_subject(posterior):
    study = small_study(WT=np.array([100.0, 70.0, 50.0]))
    found = NLME.individual_parameters(posterior, study)
    ratio = (found.CL / posterior.CL).values
    weights = np.array([100.0, 70.0, 50.0]) / small_study().covariates["WT"]
    np.testing.assert_allclose(ratio, weights ** posterior.CL_WT.values[..., None])


def test_the_typical_subject(posterior):
    study = small_study(WT=np.full(3, 70.0))
    found = NLME.individual_parameters(posterior, study, NLME.zero_effects(study))
    for name in ("ka", "CL", "V"):
        wanted = np.repeat(posterior[f"{name}_pop"].values[..., None], 3, axis=-1)
        np.testing.assert_allclose(found[name], wanted, rtol=1e-12)


def new_subjects(count: int) -> bn.Study:
    records = small_study().records.keep(np.zeros(12, dtype=bool))
    ids = np.arange(101, 101 + count)
    covariates = {"WT": np.full(count, 70.0)}
    return replace(small_study(), subjects=ids, records=records, covariates=covariates)


def test_new_subjects_are_drawn_from_the_population(posterior):
    study = new_subjects(2000)
    drawn = NLME.new_effects(posterior, study, seed=1)
    assert drawn.eta.dims == ("chain", "draw", "subject", "effect")
    np.testing.assert_array_equal(drawn.subject, study.subjects)
    for draw in (0, 17):
        at = posterior.isel(chain=0, draw=draw)
        sd, correlation = at.omega.values, at.omega_correlation.values
        factor = np.linalg.cholesky(sd[:, None] * correlation * sd)
        white = np.linalg.solve(factor, drawn.eta.isel(chain=0, draw=draw).values.T)
        assert scipy.stats.kstest(white.ravel(), "norm").pvalue > 0.01
        np.testing.assert_allclose(np.corrcoef(white), np.eye(3), atol=0.08)
        # Without the correlation they would not be independent.
        plain = np.corrcoef((drawn.eta.isel(chain=0, draw=draw).values / sd).T)
        np.testing.assert_allclose(plain, correlation, atol=0.08)
    again = NLME.new_effects(posterior, study, seed=1)
    xr.testing.assert_equal(drawn, again)
    assert not np.any(NLME.new_effects(posterior, study, seed=2).eta == drawn.eta)
    found = NLME.individual_parameters(posterior, study, drawn)
    wanted = posterior.CL_pop * np.exp(drawn.eta.sel(effect="CL", drop=True))
    xr.testing.assert_allclose(found.CL, wanted.rename("CL").drop_vars("effect", errors="ignore"))


def test_any_dimensions_may_be_draws(posterior):
    stacked = posterior.stack(sample=("chain", "draw"), create_index=False)
    found = NLME.individual_parameters(stacked, small_study())
    assert found.CL.dims == ("sample", "subject")
    np.testing.assert_allclose(found.CL, posterior.CL.values[0])
    one = posterior.isel(chain=0, draw=5)
    np.testing.assert_allclose(NLME.individual_parameters(one, small_study()).CL, one.CL)


def test_what_is_missing_is_named(posterior):
    with pytest.raises(ValueError, match=r"no random effects of subject 101, 102\. .*new_effects"):
        NLME.individual_parameters(posterior, new_subjects(2))
    with pytest.raises(ValueError, match=r"The values hold no 'eta'.*zero_effects"):
        NLME.individual_parameters(posterior.drop_vars("eta"), small_study())
    with pytest.raises(ValueError, match=r"The values lack 'CL_pop'; they hold"):
        NLME.individual_parameters(posterior.drop_vars("CL_pop"), small_study())
