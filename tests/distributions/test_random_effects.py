from __future__ import annotations

import numpy as np
import pymc as pm
import pytest
import scipy.stats

import bnode_nlme as bn

COORDS = {"subject": [3, 5]}
DRAWS = 4000


def effects(names=("CL", "V"), **options):
    with pm.Model(coords=COORDS) as model:
        bn.RandomEffects("eta", names, **options)
    return model


def drawn(model, names):
    return pm.draw([model[name] for name in names], DRAWS, random_seed=11)


@pytest.mark.parametrize("centred", [False, True])
@pytest.mark.parametrize("names", [("CL", "V"), ("ka", "CL", "V")])
def test_correlated_effects_have_the_covariance_that_their_parts_say(names, centred):
    model = effects(names, centred=centred, scale=0.5)
    eta, sd, correlation = drawn(model, ["eta", "eta_sd", "eta_correlation"])
    assert eta.shape == (DRAWS, 2, len(names))
    np.testing.assert_allclose(np.einsum("dii->di", correlation), 1.0)
    covariance = sd[:, :, None] * correlation * sd[:, None, :]
    factor = np.linalg.cholesky(covariance)
    white = np.linalg.solve(factor, np.swapaxes(eta, 1, 2))
    assert scipy.stats.kstest(white.ravel(), "norm").pvalue > 0.01
    flat = white.reshape(DRAWS, -1)
    np.testing.assert_allclose(np.cov(flat.T), np.eye(flat.shape[1]), atol=0.07)
    # Whitened by another draw's covariance, the effects are not standard normal.
    wrong = np.linalg.solve(np.roll(factor, 1, axis=0), np.swapaxes(eta, 1, 2))
    assert scipy.stats.kstest(wrong.ravel(), "norm").pvalue < 0.01


@pytest.mark.parametrize("correlated", [False, True])
def test_centred_and_non_centred_effects_have_one_distribution(correlated):
    options = {"correlated": correlated, "scale": (0.3, 2.0), "concentration": 1.0}
    one = drawn(effects(**options), ["eta"])[0]
    other = drawn(effects(**options, centred=True), ["eta"])[0]
    for statistic in (
        lambda eta: eta[:, 0, 0],
        lambda eta: eta[:, 1, 1],
        lambda eta: eta[:, 0, 0] * eta[:, 0, 1],
        lambda eta: eta[:, 0, 1] * eta[:, 1, 1],
    ):
        assert scipy.stats.ks_2samp(statistic(one), statistic(other)).pvalue > 0.01


def test_independent_effects():
    eta, sd = drawn(effects(correlated=False), ["eta", "eta_sd"])
    z = (eta / sd[:, None, :]).reshape(DRAWS, -1)
    assert scipy.stats.kstest(z.ravel(), "norm").pvalue > 0.01
    np.testing.assert_allclose(np.corrcoef(z.T), np.eye(4), atol=0.07)


def test_scale_is_that_of_the_standard_deviations():
    (sd,) = drawn(effects(scale=(0.1, 3.0)), ["eta_sd"])
    for column, scale in zip(sd.T, (0.1, 3.0), strict=True):
        assert scipy.stats.kstest(column, scipy.stats.halfnorm(scale=scale).cdf).pvalue > 0.01


@pytest.mark.parametrize(("names", "concentration"), [(("a", "b"), 1.0), (("a", "b", "c"), 4.0)])
def test_concentration_is_lkjs(names, concentration):
    (correlation,) = drawn(effects(names, concentration=concentration), ["eta_correlation"])
    k = len(names)
    # A correlation of k effects is Beta(c + k/2 - 1, same), stretched to (-1, 1).
    shape = concentration + k / 2 - 1
    wanted = scipy.stats.beta(shape, shape, loc=-1, scale=2)
    np.testing.assert_allclose(wanted.var(), 1 / (2 * concentration + k - 1))
    for i in range(1, k):
        assert scipy.stats.kstest(correlation[:, i, i - 1], wanted.cdf).pvalue > 0.01


def test_prior_density_of_correlated_effects_is_the_multivariate_normals():
    model = effects(centred=True)
    eta = np.array([[0.3, -0.2], [0.1, 0.5]])
    point = model.initial_point() | {"eta": eta, "eta_sd_log__": np.log([0.5, 0.7])}
    (cholesky_value,) = [name for name in point if "cholesky" in name]
    point[cholesky_value] = np.array([0.8])
    (graph,) = model.replace_rvs_by_values([model["eta_correlation"]])
    correlation = model.compile_fn(graph)({cholesky_value: point[cholesky_value]})
    (terms,) = model.compile_logp(vars=[model["eta"]], sum=False)(point)
    sd = np.array([0.5, 0.7])
    assert 0.3 < abs(correlation[0, 1]) < 1.0
    wanted = scipy.stats.multivariate_normal(cov=sd[:, None] * correlation * sd).logpdf(eta)
    np.testing.assert_allclose(terms, wanted)


def test_dims_and_labels():
    model = effects()
    assert model.named_vars_to_dims["eta"] == ("subject", "eta_effect")
    assert model.named_vars_to_dims["eta_z"] == ("subject", "eta_effect")
    assert model.named_vars_to_dims["eta_sd"] == ("eta_effect",)
    assert model.coords["eta_effect"] == ("CL", "V")
    assert [v.name for v in model.free_RVs] == ["eta_sd", "eta_correlation_cholesky", "eta_z"]


def test_one_effect():
    model = effects("CL")
    assert [v.name for v in model.free_RVs] == ["eta_sd", "eta_z"]
    eta, sd = drawn(model, ["eta", "eta_sd"])
    assert eta.shape == (DRAWS, 2, 1)
    assert scipy.stats.kstest((eta / sd[:, None]).ravel(), "norm").pvalue > 0.01


def test_without_the_dimension_of_subjects():
    message = r"'subject'; found 'time'.*coords=study\.coords"
    with pm.Model(coords={"time": [1]}), pytest.raises(ValueError, match=message):
        bn.RandomEffects("eta", ("CL",))
    with pm.Model(), pytest.raises(ValueError, match="found no dimensions"):
        bn.RandomEffects("eta", ("CL",))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"names": ()}, r"effects= wants distinct names, at least one; found \(\)"),
        ({"names": ("CL", "CL")}, "effects= wants distinct names"),
        ({"scale": 0.0}, "scale= wants one positive number or 2; found 0.0"),
        ({"scale": (1.0, -1.0)}, "scale= wants one positive number or 2"),
        ({"scale": (1.0, 1.0, 1.0)}, "scale= wants one positive number or 2"),
        ({"scale": np.inf}, "scale= wants one positive number or 2; found inf"),
        ({"concentration": 0.0}, "concentration= wants one positive number; found 0.0"),
    ],
)
def test_faulty_arguments(given, message):
    with pytest.raises(ValueError, match=message):
        effects(**given)
