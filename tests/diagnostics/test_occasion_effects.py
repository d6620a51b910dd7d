"""Effects of occasions in the diagnostics of a fit: drawn, so that their shrinkage is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from pytensor.configdefaults import config
from scipy import stats

import bnode_nlme as bn
from bnode_nlme.inference import Fit
from tests.nlme.declarations import bolus
from tests.results.made_fits import CHAINS, DRAWS, around, made_fit

SUBJECTS, OCCASIONS = 16, 3
OMEGA = np.array([0.3, 0.5])
"""Of the effects of occasions on CL and V."""


@pytest.fixture(autouse=True)
def compile_in_python():
    with config.change_flags(mode="FAST_COMPILE"):
        yield


def occasion_study() -> bn.Study:
    """A bolus and two measurements on each occasion of each subject."""
    rng = np.random.default_rng(1)
    rows = []
    for subject in range(1, SUBJECTS + 1):
        for occasion in range(1, OCCASIONS + 1):
            at = 100.0 * (occasion - 1)
            same = {"ID": subject, "OCC": occasion}
            rows.append(same | {"TIME": at, "AMT": 100.0, "EVID": 1, "DV": "."})
            rows += [
                same | {"TIME": at + t, "AMT": ".", "EVID": 0, "DV": 4.0 + rng.uniform()}
                for t in (1.0, 3.0)
            ]
    return bn.read_nonmem(pd.DataFrame(rows))


def occasion_fit(*, subject_effects: bool = True, lost: float = 0.36) -> Fit:
    """Of the variance of the effects of occasions, the share `lost` is not seen in the data."""
    nlme = bn.NLME(
        bolus,
        {
            "CL": bn.Individual(bn.LogNormal(4.0, 1.0), effect=subject_effects, occasion=True),
            "V": bn.Individual(
                bn.Normal(20.0, 5.0), distribution="normal", effect=False, occasion=True
            ),
        },
        error=bn.Additive(0.3),
    )
    study = occasion_study()
    rng = np.random.default_rng(2)
    count = SUBJECTS * OCCASIONS
    seen = stats.zscore(rng.standard_normal((count, 2)), ddof=1)
    unseen = rng.standard_normal((CHAINS, DRAWS, count, 2))
    unseen -= unseen.mean(axis=(0, 1))  # posterior means are exactly what was seen
    kappa = OMEGA * (np.sqrt(1.0 - lost) * seen + np.sqrt(lost) * unseen)
    population = {
        "CL_pop": ((), around(4.0, 0.05, rng)),
        "V_pop": ((), around(20.0, 0.05, rng)),
        "omega_occasion": (("occasion_effect",), np.tile(OMEGA, (CHAINS, DRAWS, 1))),
    }
    if not subject_effects:
        return with_kappa(made_fit(nlme, study, population), kappa)
    population |= {"omega": (("effect",), around([0.2], 0.1, rng))}
    eta = 0.2 * rng.standard_normal((CHAINS, DRAWS, SUBJECTS, 1))
    return with_kappa(made_fit(nlme, study, population, eta=eta), kappa)


def with_kappa(fit: Fit, kappa: np.ndarray) -> Fit:
    tree = fit.data.copy()
    assert fit.study is not None
    posterior = fit.posterior.assign(
        kappa=(("chain", "draw", "occasion", "occasion_effect"), kappa)
    )
    tree["posterior"] = xr.DataTree(
        posterior.assign_coords(
            occasion=fit.study.coords["occasion"], occasion_effect=list(fit.nlme.occasion_effects)
        )
    )
    return replace(fit, data=tree)


@pytest.fixture(scope="module")
def fit() -> Fit:
    return occasion_fit()


def test_shrinkage_of_occasions_is_that_of_the_closed_form(fit):
    table = bn.shrinkage(fit)
    assert table["kappa_sd"].dims == ("occasion_effect",)
    assert table["occasion_effect"].to_numpy().tolist() == ["CL", "V"]
    assert table["effect"].to_numpy().tolist() == ["CL"]
    np.testing.assert_allclose(table["kappa_variance"], 0.36, atol=1e-12)
    np.testing.assert_allclose(table["kappa_sd"], 0.2, atol=1e-12)
    np.testing.assert_allclose(table["kappa_pooling"], 0.36, atol=0.03)
    assert {"sd", "variance", "pooling", "epsilon", "kappa_sd_interval"} <= set(table.data_vars)


def test_random_effects_of_occasions_have_their_own_dimensions(fit):
    table = bn.random_effects(fit)
    assert table["kappa_sd"].sizes == {"quantile": 3, "occasion_effect": 2}
    np.testing.assert_allclose(table["kappa_sd"].sel(quantile=0.5), OMEGA, rtol=0.03)
    single = table["kappa_individual_mean"]
    assert single.sizes == {"occasion": SUBJECTS * OCCASIONS, "occasion_effect": 2}
    np.testing.assert_allclose(single.std("occasion", ddof=1), 0.8 * OMEGA, rtol=1e-12)
    own = single.where(single["subject_of_occasion"] == 7, drop=True)
    assert own["occasion"].to_numpy().tolist() == ["7:1", "7:2", "7:3"]
    assert table["individual_mean"].dims == ("subject", "effect")


def test_parameter_table_has_variability_and_shrinkage_between_occasions(fit):
    table = bn.parameter_table(fit).loc["random effect"]
    assert table.index.tolist() == ["omega[CL]", "omega_occasion[CL]", "omega_occasion[V]"]
    between = table.loc["omega_occasion[CL]"]
    assert between["cv"] == pytest.approx(100.0 * np.sqrt(np.expm1(OMEGA[0] ** 2)))
    assert between["shrinkage"] == pytest.approx(20.0)
    # That of the subjects' effect on CL is another, and a normal parameter has no %CV.
    own = 100.0 * float(bn.shrinkage(fit)["sd"].sel(effect="CL"))
    assert table.loc["omega[CL]", "shrinkage"] == pytest.approx(own)
    assert np.isnan(table["cv"].to_dict()["omega_occasion[V]"])
    assert table.loc["omega_occasion[V]", "shrinkage"] == pytest.approx(20.0)


def test_effects_of_occasions_alone_are_enough():
    fit = occasion_fit(subject_effects=False)
    assert "sd" not in bn.shrinkage(fit)
    assert "individual_mean" not in bn.random_effects(fit)
    shares = bn.parameter_table(fit).loc["random effect"]["shrinkage"]
    assert shares.to_dict() == pytest.approx(
        {"omega_occasion[CL]": 20.0, "omega_occasion[V]": 20.0}
    )
    labels = [text.get_text() for text in bn.plot_shrinkage(fit).axes[0].get_yticklabels()]
    assert labels == ["κ CL", "κ V", "ε cp"]
    assert len(bn.plot_random_effects(fit).axes) == 2
    with pytest.raises(ValueError, match="wants random effects of subjects; this model has those"):
        bn.plot_covariates(fit, {"WT": np.arange(SUBJECTS)})
    none = replace(fit, nlme=without_effects(fit.nlme))
    with pytest.raises(ValueError, match="shrinkage wants a model with random effects, of subj"):
        bn.shrinkage(none)


def without_effects(nlme: bn.NLME) -> bn.NLME:
    known = {name: bn.Individual(1.0, effect=False) for name in nlme.parameters}
    return bn.NLME(nlme.system, known, error=bn.Additive(0.3))


def test_plots_show_both_levels(fit):
    (axes,) = bn.plot_shrinkage(fit).axes
    labels = [text.get_text() for text in axes.get_yticklabels()]
    assert labels == ["η CL", "κ CL", "κ V", "ε cp"]
    drawn = {line.get_label(): np.asarray(line.get_xdata()) for line in axes.lines}
    np.testing.assert_allclose(drawn["η, κ: standard deviation"][1:], 20.0)
    panels = bn.plot_random_effects(fit).axes
    assert [axes.get_xlabel() for axes in panels] == [
        "random effect on CL",
        "random effect on CL, by occasion",
        "random effect on V, by occasion",
    ]
    assert panels[1].get_title() == "ω = 0.30, shrinkage 20 %"
    rows = bn.plot_parameter_table(fit).axes[0]
    assert "omega_occasion[V]" in [text.get_text() for text in rows.get_yticklabels()]
