"""Sparse linear predictors: the term, the prior, and what a network's inputs are worth."""

from __future__ import annotations

import pickle

import numpy as np
import pymc as pm
import pytest
import xarray as xr

import bnode_nlme as bn
from tests.nlme.declarations import SEXES, WEIGHTS, bolus_nlme, small_study

STANDARDS = {"WT": (70.0, 15.0), "SEX": (1.0, 0.8)}
HORSESHOE = bn.Horseshoe(STANDARDS, relevant=0.5, spread=0.4, slab_scale=2.0, slab_df=6.0)


def _model():
    nlme = bolus_nlme(bn.Individual(4.0, effect=0.1, covariates=[HORSESHOE]))
    return nlme, nlme.build(small_study())


def test_the_term_is_a_weighted_sum_of_standardised_covariates():
    nlme, model = _model()
    names = ["CL", "CL_horseshoe", "eta"]
    CL, coefficient, eta = pm.draw([model[name] for name in names], 4, random_seed=1)
    x = np.stack([(WEIGHTS - 70.0) / 15.0, (SEXES - 1.0) / 0.8])
    np.testing.assert_allclose(CL, 4.0 * np.exp(coefficient @ x + eta[..., 0]), rtol=1e-12)
    assert list(model.coords["CL_horseshoe_covariate"]) == ["WT", "SEX"]

    # Another study has other means; a coefficient means what it did.
    other = small_study(WT=WEIGHTS + 30.0)
    values = xr.Dataset(
        {
            "CL_horseshoe": (("sample", "CL_horseshoe_covariate"), coefficient),
            "eta": (("sample", "subject", "effect"), np.zeros_like(eta)),
        },
        coords={"subject": other.subjects, "effect": ["CL"]},
    )
    moved = np.stack([(WEIGHTS - 40.0) / 15.0, (SEXES - 1.0) / 0.8])
    np.testing.assert_allclose(
        nlme.individual_parameters(values, other).CL, 4.0 * np.exp(coefficient @ moved), rtol=1e-12
    )


def test_the_coefficient_is_the_regularised_horseshoe():
    _, model = _model()
    parts = ["CL_horseshoe", *(f"CL_horseshoe_{part}" for part in ("z", "local", "tau", "slab"))]
    found, z, local, tau, slab = pm.draw([model[name] for name in parts], 50, random_seed=2)
    reach, slab = tau[:, None] * local, slab[:, None]
    # Piironen and Vehtari 2017, equation 2.8.
    shrunk = np.sqrt(slab**2 * local**2 / (slab**2 + tau[:, None] ** 2 * local**2))
    np.testing.assert_allclose(found, z * tau[:, None] * shrunk, rtol=1e-10)
    assert np.all(np.abs(found) <= np.abs(z) * np.minimum(reach, slab) * (1 + 1e-9))


def test_the_scale_of_the_global_shrinkage_is_that_of_the_paper():
    # Equation 3.12 with sigma = 0.4, p0 = 3 of D = 20, n = 100.
    twenty = bn.Horseshoe({f"X{j}": (0.0, 1.0) for j in range(20)}, relevant=3, spread=0.4)
    assert twenty.global_scale(100) == pytest.approx(3 / 17 * 0.4 / 10)
    # Equation 3.4: with n / sigma^2 = 100 / 0.16 and tau at that scale, local half-Cauchy, the
    # expected number of coefficients that are not shrunk is p0.
    local = np.abs(np.random.default_rng(3).standard_cauchy((4000, 20)))
    kept = 1.0 - 1.0 / (1.0 + 100 / 0.16 * (twenty.global_scale(100) * local) ** 2)
    assert kept.sum(axis=1).mean() == pytest.approx(3.0, rel=0.03)


def test_means_and_standard_deviations_of_a_study():
    made = bn.Horseshoe.of(small_study(), ["WT", "SEX"], relevant=1)
    assert made.standards["WT"] == (WEIGHTS.mean(), WEIGHTS.std())
    with pytest.raises(ValueError, match="does not hold the covariate 'AGE'; it holds 'WT', 'SEX'"):
        bn.Horseshoe.of(small_study(), ["AGE", "WT"], relevant=1)
    with pytest.raises(ValueError, match="'WT' is 70 in every subject"):
        bn.Horseshoe.of(small_study(WT=np.full(3, 70.0)), ["WT", "SEX"], relevant=1)


def test_print_shows_the_predictor_and_its_prior():
    nlme, _ = _model()
    text = repr(nlme)
    assert "CL = 4 * exp(CL_horseshoe . [(WT - 70) / 15, (SEX - 1) / 0.8]) * exp(eta_CL)" in text
    assert (
        "CL_horseshoe ~ RegularisedHorseshoe(0.5 of 2 expected to matter, spread 0.4, "
        "slab t(6) with scale 2)"
    ) in text
    assert r"\beta_{\mathrm{CL},\mathrm{horseshoe}}^\top" in nlme.to_latex()
    assert repr(pickle.loads(pickle.dumps(nlme.individual["CL"].covariates[0]))) == repr(HORSESHOE)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"standards": {"WT": (70.0, 15.0)}}, "two covariates or more.*bn.Horseshoe.of"),
        ({"standards": STANDARDS | {"AGE": (40.0, 0.0)}}, r"standards\['AGE'\].*found \(40.0, 0"),
        ({"relevant": 2}, "below that of the covariates, 2; found 2"),
        ({"spread": 0.0}, "spread= wants a positive number; found 0"),
        ({"slab_df": -1.0}, "slab_df= wants a positive number; found -1"),
    ],
)
def test_faulty_horseshoes(change, message):
    with pytest.raises(ValueError, match=message):
        bn.Horseshoe(**({"standards": STANDARDS, "relevant": 1} | change))


def test_relevance_multiplies_what_leaves_an_input():
    network = bn.MLP("shape", inputs=3, hidden=(4,))
    with pm.Model() as model:
        bn.NetworkWeights("shape", network, relevant=1)
    names = ["shape", "shape_relevance", "shape_z", "shape_scale", "shape_relevance_local",
             "shape_relevance_global"]  # fmt: skip
    weights, relevance, z, scale, local, overall = pm.draw([model[n] for n in names], random_seed=4)
    reach = local * overall
    np.testing.assert_allclose(relevance, reach / np.sqrt(1 + reach**2), rtol=1e-12)
    (W0, b0), (W1, b1) = network.unpack(weights)
    (Z0, c0), (Z1, c1) = network.unpack(z)
    np.testing.assert_allclose(W0, Z0 * scale[0] / np.sqrt(3) * relevance, rtol=1e-12)
    np.testing.assert_allclose(b0, c0 * scale[0], rtol=1e-12)
    np.testing.assert_allclose(W1, Z1 * scale[1] / 2.0, rtol=1e-12)
    np.testing.assert_allclose(b1, c1 * scale[1], rtol=1e-12)
    with pm.Model(), pytest.raises(ValueError, match="below that of the network's inputs, 3"):
        bn.NetworkWeights("shape", network, relevant=3)
