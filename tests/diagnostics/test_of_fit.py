"""The diagnostics of a fit: what they say of models that are right, and of one that is not."""

from __future__ import annotations

from dataclasses import replace

import arviz as az
import numpy as np
import pytest
import xarray as xr
from pytensor.configdefaults import config
from scipy import stats

import bnode_nlme as bn
from bnode_nlme.diagnostics import elpd_subjects, eta_shrinkage
from bnode_nlme.diagnostics.of_fit import integrated_likelihood as integration
from bnode_nlme.diagnostics.of_fit.loo import loo_by_subject
from bnode_nlme.diagnostics.of_fit.quantification_limits import limits_of_quantification
from bnode_nlme.inference import Fit
from bnode_nlme.results.population_draws import population_draws
from tests.results.linear_model import exact, line_fit, line_nlme, line_population, line_study
from tests.results.made_fits import theophylline_fit

TIMES = (1.0, 2.0, 4.0, 7.0)


@pytest.fixture(autouse=True)
def compile_in_python():
    with config.change_flags(mode="FAST_COMPILE"):
        yield


def measured_lines(subjects: int, seed: int) -> dict[int, dict[float, float]]:
    """Measurements from the middle of the made-up population."""
    rng = np.random.default_rng(seed)
    base = 10.0 + 2.0 * rng.standard_normal(subjects)
    slope = 1.0 + 0.4 * (0.4 * (base - 10.0) / 2.0 + np.sqrt(1 - 0.16) * rng.normal(size=subjects))
    return {
        subject + 1: {
            t: float(base[subject] + slope[subject] * t + 0.5 * rng.standard_normal())
            for t in TIMES
        }
        for subject in range(subjects)
    }


@pytest.fixture(scope="module")
def lines():
    return measured_lines(30, 8)


@pytest.fixture(scope="module")
def fit(lines):
    return line_fit(line_study(lines))


@pytest.fixture(scope="module")
def theophylline():
    return theophylline_fit()


def test_vpc_of_the_right_model_covers_and_of_a_wrong_one_does_not(fit, lines):
    table = bn.vpc(fit, replicates=400, seed=2)
    assert table.attrs["output"] == "y"
    assert table.attrs["replicates"] == 400
    low, high = (table["simulated"].isel(quantile=q) for q in (0, 2))
    inside = (table["observed"] >= low) & (table["observed"] <= high)
    assert inside.sel(percentile=50.0).all()
    shifted = {s: {t: y + 3.0 for t, y in own.items()} for s, own in lines.items()}
    wrong = bn.vpc(replace(fit, study=line_study(shifted)), replicates=400, seed=2)
    low, high = (wrong["simulated"].isel(quantile=q) for q in (0, 2))
    outside = (wrong["observed"] < low) | (wrong["observed"] > high)
    assert outside.sel(percentile=50.0).all()


def test_typical_point_gives_narrower_intervals(fit):
    widths = {}
    for parameters in ("draws", "mean"):
        table = bn.vpc(fit, replicates=600, parameters=parameters)
        width = table["simulated"].isel(quantile=2) - table["simulated"].isel(quantile=0)
        widths[parameters] = float(width.sel(percentile=50.0).mean())
    assert widths["mean"] < 0.95 * widths["draws"]


def test_percentiles_of_replicates_are_those_of_the_normal_population(fit):
    table = bn.vpc(fit, replicates=1500, parameters="mean", percentiles=(50.0,))
    population = {name: np.mean(v, axis=(0, 1)) for name, (_, v) in line_population().items()}
    middle = table["simulated"].sel(percentile=50.0, quantile=0.5).to_numpy()[0]
    wanted = population["base_pop"] + population["slope_pop"] * np.array(TIMES)
    np.testing.assert_allclose(middle, wanted, atol=0.15)


def test_vpc_corrected_stratified_and_against_time_after_dose(theophylline):
    with pytest.warns(UserWarning, match="12 of 132 measurements have a prediction at the lower"):
        table = bn.vpc(theophylline, replicates=100, corrected=True, against="time_after_dose")
    assert table.attrs["corrected"] == 1
    assert table.attrs["against"] == "time_after_dose"
    WT = theophylline.study.covariates["WT"]
    halves = bn.vpc(theophylline, replicates=50, stratify=np.where(WT > 70, "heavy", "light"))
    assert halves["stratum"].to_numpy().tolist() == ["heavy", "light"]
    with pytest.raises(ValueError, match=r"few groups; 'WT' has 11 values\. Give a label"):
        bn.vpc(theophylline, stratify="WT")
    with pytest.raises(ValueError, match="'AGE' is no covariate of the study; it has 'WT'"):
        bn.vpc(theophylline, stratify="AGE")
    with pytest.raises(ValueError, match="a label for each of the 12 subjects"):
        bn.vpc(theophylline, stratify=["a", "b"])
    with pytest.raises(ValueError, match="against= wants 'time' or 'time_after_dose'"):
        bn.vpc(theophylline, against="dose")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="output= wants one of 'cp'; found 'ca'"):
        bn.vpc(theophylline, "ca")


def test_edges_of_a_vpc_that_leave_rows_out_are_refused(theophylline):
    with pytest.raises(
        ValueError,
        match=r"12 of 132 lie outside 0 to 20: row 12 of the table \(subject 1\) at 24\.37",
    ):
        bn.vpc(theophylline, edges=[0.0, 2.0, 20.0])
    table = bn.vpc(theophylline, replicates=20, edges=[0.0, 2.0, 20.0, np.inf])
    assert table["count"].to_numpy()[0, -1] == 12


def test_npde_are_standard_normal_and_of_a_wrong_model_not(fit, lines):
    table = bn.npde(fit, replicates=1000, seed=1)
    assert stats.kstest(table["npde"], "norm").pvalue > 1e-3
    assert float(table["calibrated"].sel(test="global")) > 0.01
    assert table["observation"].to_numpy().tolist() == (
        fit.study.records.row[~np.isnan(fit.study.records.value)].tolist()
    )
    wilder = {s: {t: y + (-1) ** s * 3.0 for t, y in own.items()} for s, own in lines.items()}
    wrong = bn.npde(replace(fit, study=line_study(wilder)), replicates=1000, seed=1)
    assert float(wrong["calibrated"].sel(test="variance")) < 0.02


def test_goodness_of_fit_is_what_the_draws_say(fit):
    table = bn.goodness_of_fit(fit)
    posterior = fit.posterior.stack(sample=("chain", "draw"), create_index=False)
    records = fit.study.records
    rows = np.flatnonzero(~np.isnan(records.value))
    t, s = records.time[rows], records.subject[rows]
    eta = posterior["eta"].transpose("sample", "subject", "effect").to_numpy()[:, s]
    base = posterior["base_pop"].to_numpy()[:, None] + eta[..., 0]
    slope = posterior["slope_pop"].to_numpy()[:, None] + eta[..., 1]
    ipred = base + slope * t
    np.testing.assert_allclose(table["ipred"], ipred.mean(axis=0), rtol=1e-5)
    iwres = (records.value[rows] - ipred) / posterior["y_sigma"].to_numpy()[:, None]
    np.testing.assert_allclose(table["iwres"], iwres.mean(axis=0), rtol=1e-3, atol=1e-4)
    found = bn.shrinkage(fit)
    np.testing.assert_allclose(found["epsilon"], 1.0 - iwres.mean(axis=0).std(ddof=1), rtol=1e-3)
    wanted = eta_shrinkage(fit.posterior["eta"], fit.posterior["omega"])
    np.testing.assert_array_equal(found["sd"], wanted["sd"])


def test_counts_have_npd_and_no_npde(fit):
    counts = bn.NLME(fit.nlme.system, fit.nlme.individual, omega=fit.nlme.omega, error=bn.Poisson())
    records = fit.study.records
    rows = fit.study.observations[~np.isnan(records.value[fit.study.observations])]
    drawn = np.random.default_rng(6).poisson(10.0 + records.time[rows]).astype(float)
    study = line_study(
        {
            int(s): dict(zip(records.time[rows][own], drawn[own], strict=True))
            for s in fit.study.subjects
            for own in [fit.study.subjects[records.subject[rows]] == s]
        }
    )
    table = bn.npde(replace(fit, nlme=counts, study=study), replicates=200)
    assert np.isfinite(table["npd"]).all()
    for name in ("npde", "pde", "residual"):
        assert np.isnan(table[name]).all()
    assert not {"p_value", "calibrated", "simulated"} & set(table.data_vars)
    with pytest.raises(ValueError, match=r"plot_npde wants npde.*Counts and categories have npd"):
        bn.plot_npde(table)


def test_yes_or_no_is_compared_by_proportions_and_counts_by_percentiles(fit):
    for error, first in ((bn.Bernoulli("logit"), 0.0), (bn.Poisson(), None)):
        nlme = bn.NLME(fit.nlme.system, fit.nlme.individual, omega=fit.nlme.omega, error=error)
        records = fit.study.records
        value = np.where(np.isnan(records.value), np.nan, (records.value > 14.0) * 1.0)
        study = replace(fit.study, records=replace(records, value=value))
        table = bn.vpc(replace(fit, nlme=nlme, study=study), replicates=30)
        if first is None:
            assert "percentile" in table.dims
            continue
        assert table["category"].to_numpy().tolist() == [0.0, 1.0]
        np.testing.assert_allclose(table["observed"].sum("category"), 1.0)
        with pytest.raises(ValueError, match="'y' is in categories"):
            bn.vpc(replace(fit, nlme=nlme, study=study), replicates=30, corrected=True)


def of_method(fit: Fit, method: str, **attributes: float) -> Fit:
    """The same draws, as if another method had made them."""
    tree = fit.data.copy()
    tree.attrs = {"method": method, "seed": 0} | attributes
    return replace(fit, data=tree)


# ArviZ warns of draws that were made up, not fitted.
@pytest.mark.filterwarnings("ignore:Estimated shape parameter of Pareto")
@pytest.mark.parametrize(
    ("method", "attributes", "words"),
    [
        ("laplace", {}, "by laplace are of an approximation, while"),
        ("laplace", {"pareto_k": 0.3, "importance_resampled": 0}, r"\(Pareto k .* 0\.30\)"),
        ("advi", {"pareto_k": 0.9, "importance_resampled": 0}, r"by advi .*weights 0\.90\)"),
        ("pathfinder", {"pareto_k": 0.75, "importance_resampled": 0}, "by pathfinder are of an"),
    ],
)
def test_loo_of_an_approximation_says_so(fit, method, attributes, words):
    small = replace(fit, study=fit.study.select(subjects=[1, 2]))
    with pytest.warns(UserWarning, match=words):
        bn.loo(of_method(small, method, **attributes), draws=60)


@pytest.mark.filterwarnings("ignore:Estimated shape parameter of Pareto")
def test_loo_of_draws_of_the_posterior_says_nothing(fit):
    small = replace(fit, study=fit.study.select(subjects=[1, 2]))
    bn.loo(small, draws=60)
    bn.loo(of_method(small, "advi", pareto_k=0.4, importance_resampled=1), draws=60)


def with_student_t(fit: Fit, nu: np.ndarray) -> Fit:
    """The same draws, and degrees of freedom, of a model with Student-t errors."""
    nlme = bn.NLME(
        fit.nlme.system,
        fit.nlme.individual,
        omega=fit.nlme.omega,
        error=bn.StudentT(bn.Additive(), bn.LogNormal(5.0, 0.5)),
    )
    tree = fit.data.copy()
    tree["posterior"] = xr.DataTree(fit.posterior.assign(y_nu=(("chain", "draw"), nu)))
    return replace(fit, data=tree, nlme=nlme)


def test_student_t_residuals_shrink_against_their_own_standard_deviation(fit):
    shape = fit.posterior["y_sigma"].shape
    nu = np.random.default_rng(5).uniform(2.5, 6.0, size=shape)
    heavy = with_student_t(fit, nu)
    found = float(bn.shrinkage(heavy)["epsilon"].sel(output="y"))
    # The same residuals of a normal error with that standard deviation.
    wider = fit.posterior["y_sigma"] * np.sqrt(nu / (nu - 2.0))
    tree = fit.data.copy()
    tree["posterior"] = xr.DataTree(fit.posterior.assign(y_sigma=wider))
    wanted = float(bn.shrinkage(replace(fit, data=tree))["epsilon"].sel(output="y"))
    assert found == pytest.approx(wanted, rel=1e-10)
    assert found > float(bn.shrinkage(fit)["epsilon"].sel(output="y")) + 0.1
    table = bn.parameter_table(heavy)
    beside = table.xs("residual error")["shrinkage"].to_dict()
    assert beside["y_sigma"] == pytest.approx(100.0 * wanted, rel=1e-10)
    assert np.isnan(beside["y_nu"])


def test_without_a_standard_deviation_residuals_have_no_shrinkage(fit):
    nu = np.full(fit.posterior["y_sigma"].shape, 4.0)
    nu[0, 3] = 2.0
    heavy = with_student_t(fit, nu)
    assert np.isnan(bn.shrinkage(heavy)["epsilon"]).all()
    assert np.isfinite(bn.goodness_of_fit(heavy)["iwres"]).all()


def test_goodness_of_fit_before_the_dose_and_on_logarithms(theophylline):
    nlme = bn.NLME(
        theophylline.nlme.system,
        theophylline.nlme.individual,
        omega=theophylline.nlme.omega,
        error=bn.LogNormalError(0.2),
    )
    table = bn.goodness_of_fit(replace(theophylline, nlme=nlme), draws=20)
    before = table["time"].to_numpy() == 0.0
    assert np.isnan(table["iwres"].to_numpy()[before]).all()
    assert np.isfinite(table["iwres"].to_numpy()[~before]).all()
    later = table.isel(observation=~before)
    # One draw of each subject: the logarithm of the ratio in standard deviations, about.
    rough = np.log(later["observed"] / later["ipred"]) / 0.2
    assert np.corrcoef(rough, later["iwres"])[0, 1] > 0.95


# ArviZ warns of draws that were made up, not fitted.
@pytest.mark.filterwarnings("ignore:Estimated shape parameter of Pareto")
def test_loo_by_subject_integrates_random_effects_out(fit, lines):
    small = replace(fit, study=fit.study.select(subjects=[1, 2, 3, 4, 5]))
    found = bn.loo(small, "subject", draws=100)
    shape = (2, 50)
    density = np.stack([exact(fit, lines[s]).log_evidence for s in range(1, 6)], axis=-1)
    density = density.reshape(2, 150, 5)[:, np.arange(50) * 150 // 50]
    assert density.shape == (*shape, 5)
    wanted = elpd_subjects(
        xr.DataArray(density, dims=("chain", "draw", "subject"), coords={"subject": range(1, 6)})
    )
    assert found.elpd == pytest.approx(wanted.elpd, abs=0.15)
    np.testing.assert_allclose(found.elpd_i, wanted.elpd_i, atol=0.08)
    misses = (found.elpd_i - wanted.elpd_i) / found.elpd_i["integration_error"]
    assert np.abs(misses).max() < 4.0
    assert 0.001 < float(found.elpd_i["integration_error"].max()) < 0.1


def test_integrals_over_random_effects_are_made_precise(fit, lines, monkeypatch):
    small = fit.study.select(subjects=[1, 2, 3])
    indices = np.arange(0, 300, 10)
    values = population_draws(fit, indices)
    density = np.stack([exact(fit, lines[s]).log_evidence[indices] for s in (1, 2, 3)], axis=-1)
    monkeypatch.setattr(integration, "_PRECISE", 0.03)
    found = integration.integrated_likelihood(fit.nlme, small, values, (2, 15), 0)
    assert (found["points"] > 40).all()
    error = found["error"].to_numpy().reshape(30, 3)
    assert (np.sqrt((error**2).mean(axis=0)) <= 0.03).all()
    misses = (found["log_likelihood"].to_numpy().reshape(30, 3) - density) / error
    assert np.sqrt((misses**2).mean()) == pytest.approx(1.0, abs=0.3)
    monkeypatch.setattr(integration, "_MOST", 40)
    with pytest.warns(UserWarning, match=r"3 subjects \(1, 2, 3\) has .* 3% after 40 points"):
        integration.warn_of_integral(
            integration.integrated_likelihood(fit.nlme, small, values, (2, 15), 0), "loo"
        )


@pytest.mark.filterwarnings("ignore:Estimated shape parameter of Pareto")
def test_few_points_do_not_makeloo_by_subject_less_probable():
    rng = np.random.default_rng(3)
    dims = ("chain", "draw", "subject")
    # Estimates of one likelihood of 1 with a relative error of 0.3, that of 40 points of spread.
    weights = rng.gamma(1.0 / (0.3**2 * 40), 0.3**2 * 40, size=(4, 500, 50, 40))
    estimate = weights.mean(axis=-1)
    error = weights.std(axis=-1, ddof=1) / estimate / np.sqrt(40)
    table = xr.Dataset({"log_likelihood": (dims, np.log(estimate)), "error": (dims, error)})
    table = table.assign_coords(subject=np.arange(50))
    plain = float(elpd_subjects(table["log_likelihood"]).elpd) / 50
    corrected = float(loo_by_subject(table).elpd) / 50
    assert plain < -0.07
    assert abs(corrected) < 0.25 * abs(plain)


@pytest.mark.filterwarnings("ignore:Estimated shape parameter of Pareto")
def test_loo_by_observation_is_that_of_the_normal_density(fit):
    found = bn.loo(fit, draws=200)
    posterior = fit.posterior.isel(draw=np.arange(100) * 150 // 100)
    records = fit.study.records
    rows = np.flatnonzero(~np.isnan(records.value))
    eta = posterior["eta"].to_numpy()[:, :, records.subject[rows]]
    base = posterior["base_pop"].to_numpy()[..., None] + eta[..., 0]
    slope = posterior["slope_pop"].to_numpy()[..., None] + eta[..., 1]
    sigma = posterior["y_sigma"].to_numpy()[..., None]
    density = stats.norm(base + slope * records.time[rows], sigma).logpdf(records.value[rows])
    tree = xr.DataTree.from_dict(
        {"log_likelihood": xr.Dataset({"y": (("chain", "draw", "obs"), density)})}
    )
    plain = az.loo(tree, pointwise=True, reff=1.0)
    # Relative efficiencies change the smoothing of weights a little.
    assert found.elpd == pytest.approx(plain.elpd, rel=0.05)
    with pytest.raises(ValueError, match="by= wants 'observation' or 'subject'"):
        bn.loo(fit, "study")  # type: ignore[arg-type]


def test_parameter_table_knows_the_roles(theophylline):
    table = bn.parameter_table(theophylline, units={"CL_pop": "L/h"})
    assert table.loc[("typical value", "CL_pop"), "unit"] == "L/h"
    roles = table.index.get_level_values("role").value_counts().to_dict()
    assert roles == {
        "typical value": 3,
        "random effect": 2,
        "correlation": 1,
        "residual error": 2,
        "other": 1,
    }
    wanted = float(bn.shrinkage(theophylline)["sd"].sel(effect="V"))
    assert table.loc[("random effect", "omega[V]"), "shrinkage"] == pytest.approx(100 * wanted)


def test_a_mode_has_estimates_and_no_spread(theophylline):
    tree = xr.DataTree.from_dict({"posterior": theophylline.posterior.isel(chain=[0], draw=[0])})
    tree.attrs = {"method": "map"}
    mode = Fit(tree, theophylline.study, theophylline.nlme, None)
    table = bn.parameter_table(mode)
    assert table.loc[("typical value", "CL_pop"), "estimate"] == pytest.approx(
        float(mode.posterior["CL_pop"].item())
    )
    assert table[["sd", "r_hat"]].isna().all(axis=None)
    assert np.isfinite(bn.random_effects(mode)["individual_mean"]).all()
    assert bn.vpc(mode, replicates=30).attrs["replicates"] == 30


def test_random_effects_with_covariates(theophylline):
    table = bn.random_effects(theophylline)
    assert table["covariate"].to_numpy().tolist() == ["WT"]
    assert table["sd"].sizes == {"quantile": 3, "effect": 2}


def test_prior_posterior_compares_what_the_model_declares(fit):
    table = bn.prior_posterior(fit, draws=1500)
    assert {"base_pop", "slope_pop", "omega", "y_sigma"} <= set(table.data_vars)
    # Normal(10, 3) against draws with standard deviation 0.5.
    shrunk = float(table["base_pop"].sel(measure="contraction"))
    assert shrunk == pytest.approx(1 - 0.25 / 9, abs=0.01)


def test_a_coefficient_whose_name_ends_like_a_logarithm_is_compared(lines):
    nlme = bn.NLME(
        line_nlme().system,
        {
            "base": bn.Individual(bn.Normal(10.0, 3.0), distribution="normal", effect=False),
            "slope": bn.Individual(
                bn.Normal(1.0, 1.0),
                distribution="normal",
                covariates=[bn.Linear("WT_log", 0.0, bn.Normal(0.0, 1.0))],
            ),
        },
        error=bn.Additive(bn.HalfNormal(1.0)),
    )
    study = line_study(lines)
    weight = np.linspace(-1.0, 1.0, study.n_subjects)
    study = replace(study, covariates={"WT_log": weight})
    posterior = line_fit(study).posterior[["base_pop", "slope_pop", "y_sigma"]]
    drawn = 0.1 * np.random.default_rng(2).standard_normal(posterior["y_sigma"].shape)
    tree = xr.DataTree.from_dict(
        {"posterior": posterior.assign(slope_WT_log=(("chain", "draw"), drawn))}
    )
    tree.attrs = {"method": "nuts"}
    table = bn.prior_posterior(Fit(tree, study, nlme, None), draws=1500)
    contraction = float(table["slope_WT_log"].sel(measure="contraction"))
    assert contraction == pytest.approx(0.99, abs=0.01)


def test_loaded_without_what_is_needed(fit):
    with pytest.raises(ValueError, match="stored without its study"):
        bn.vpc(replace(fit, study=None))
    with pytest.raises(ValueError, match=r"npde wants a fit of a bn\.NLME"):
        bn.npde(replace(fit, nlme=None))
    counts = bn.NLME(
        line_nlme().system,
        line_nlme().individual,
        omega=line_nlme().omega,
        error=bn.Poisson(),
    )
    with pytest.raises(ValueError, match="Weighted residuals want a continuous measurement"):
        bn.goodness_of_fit(replace(fit, nlme=counts))


def below_limits(lines, limits) -> bn.Study:
    """The lines with what lies below its subject's limit censored there."""
    study = line_study(lines)
    records = study.records
    limit = np.array([limits(s) for s in records.subject])
    below = records.value < limit
    return replace(
        study,
        records=replace(
            records,
            value=np.where(below, limit, records.value),
            censoring=below.astype(np.int64),
        ),
    )


def test_every_measurement_has_its_own_limit():
    value = np.array([2.0, 5.0, 1.0, 9.0, 4.0, 0.5, 3.0, 0.8])
    censoring = np.array([1, 0, 1, 0, 0, 0, 0, 0])
    subject = np.array([0, 0, 0, 0, 1, 1, 0, 0])
    time = np.array([0.0, 1.0, 8.0, 9.0, 0.0, 1.0, 2.0, 1.5])
    found = limits_of_quantification("vpc", "lloq", None, value, censoring, subject, time)
    # Nearest in time of the subject; of subject 1 the least strict; no measured value lies below.
    np.testing.assert_array_equal(found, [2.0, 2.0, 1.0, 1.0, 1.0, np.nan, 2.0, np.nan])
    mirrored = limits_of_quantification("vpc", "uloq", None, -value, -censoring, subject, time)
    np.testing.assert_array_equal(mirrored, -np.asarray(found))
    assert limits_of_quantification("vpc", "uloq", None, value, censoring, subject, time) is None


def test_censored_measurements_are_compared_as_censored(lines):
    nlme = bn.NLME(
        line_nlme().system,
        line_nlme().individual,
        omega=line_nlme().omega,
        error=bn.Additive(blq="M3"),
    )
    study = below_limits(lines, lambda s: 11.0)
    fit = replace(line_fit(line_study(lines)), nlme=nlme, study=study)
    table = bn.vpc(fit, replicates=300)
    assert table.attrs["lloq"] == 11.0
    share = np.mean([[y < 11.0 for y in own.values()] for own in lines.values()], axis=0)
    np.testing.assert_allclose(table["observed_below"].to_numpy()[0], share)
    low, _, high = table["simulated_below"].transpose("quantile", "stratum", "bin").to_numpy()
    assert np.all((low[0] <= share) & (share <= high[0]))
    censored = study.records.censoring[study.observations] == 1
    residuals = bn.goodness_of_fit(fit)["iwres"].to_numpy()
    measured = ~np.isnan(study.records.value[study.observations])
    np.testing.assert_array_equal(np.isnan(residuals), censored[measured])
    assert np.isfinite(bn.npde(fit, replicates=1000, calibrate=0)["npde"]).all()
    several = replace(fit, study=below_limits(lines, lambda s: 11.0 + s % 2))
    found = bn.vpc(several, replicates=300)
    assert found.attrs["lloq"] == [11.0, 12.0]
    # A subject's rows have that subject's limit, whether censored or measured.
    own = np.array([y < 11.0 + (s - 1) % 2 for s, ys in lines.items() for y in ys.values()])
    share = own.reshape(-1, len(TIMES)).mean(axis=0)
    np.testing.assert_allclose(found["observed_below"].to_numpy()[0], share)
    low, _, high = found["simulated_below"].transpose("quantile", "stratum", "bin").to_numpy()
    assert np.all((low[0] <= share) & (share <= high[0]))
    assert (
        len([line for line in bn.plot_vpc(found).axes[0].lines if line.get_linestyle() == ":"]) == 2
    )
    each = np.repeat(11.0 + np.arange(len(lines)) % 2, len(TIMES))
    given = bn.vpc(several, replicates=20, lloq=each)
    np.testing.assert_allclose(given["observed_below"].to_numpy()[0], share)
    for too_low in (11.0, np.where(each == 12.0, 11.5, each)):
        with pytest.raises(ValueError, match=r"vpc: lloq= lies below the limit of \d+ censored"):
            bn.vpc(several, lloq=too_low)
    with pytest.raises(
        ValueError, match=r"one for each of the 120 measurements; found shape \(3,\)"
    ):
        bn.npde(several, lloq=[1.0, 2.0, 3.0])
    # Residuals are compared with no replicates: any number of limits will do.
    table = bn.goodness_of_fit(several, draws=20)
    assert table.attrs["limits"] == [11.0, 12.0]
    assert several.study is not None
    assert table.attrs["censored"] == int((several.study.records.censoring == 1).sum())
    assert np.isfinite(bn.shrinkage(several)["epsilon"]).all()
    above = bn.plot_goodness_of_fit(table).axes[0]
    dashed = [line for line in above.lines if line.get_linestyle() == "--"]
    assert [float(np.asarray(line.get_ydata(), dtype=float)[0]) for line in dashed] == [11.0, 12.0]
    assert str(dashed[0].get_label()).endswith(f"({table.attrs['censored']} beyond, not drawn)")
    assert bn.vpc(several, replicates=20, lloq=12.0).attrs["lloq"] == 12.0
