"""Subjects left out by fitting again: as exact, as the fit was, and each for itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr
from scipy.special import logsumexp

import bnode_nlme as bn
from bnode_nlme.diagnostics.of_fit.loo import subject_log_likelihood
from bnode_nlme.discovery import left_out_subjects as module
from bnode_nlme.discovery.compare_subjects import comparison_of
from bnode_nlme.discovery.left_out_subjects import left_out_subjects, settings_of
from tests.results.linear_model import line_nlme, line_population, line_study
from tests.results.made_fits import CHAINS, DRAWS, made_fit

VALUES = {
    1: {1.0: 11.6, 3.0: 13.9},
    2: {1.0: 9.4, 3.0: 11.2},
    3: {1.0: 12.2, 3.0: 14.8},
    4: {1.0: 60.0, 3.0: 20.0},  # an outlier, whose Pareto k is large
    5: {1.0: 10.4, 3.0: 12.7},
}


@pytest.fixture(scope="module")
def fit() -> bn.Fit:
    eta = np.random.default_rng(4).standard_normal((CHAINS, DRAWS, len(VALUES), 2))
    return made_fit(line_nlme(), line_study(VALUES), line_population(), eta=eta)


@pytest.fixture
def others(fit: bn.Fit, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Refits replaced by a known posterior of the others; what they were asked for."""
    asked = []

    def again(nlme: Any, study: bn.Study, **options: Any) -> bn.Fit:
        asked.append({"subjects": study.subjects.tolist(), **options})
        eta = np.zeros((CHAINS, DRAWS, study.n_subjects, 2))
        return made_fit(nlme, study, line_population(seed=8), eta=eta)

    monkeypatch.setattr(module, "fit_model", again)
    return asked


def test_a_subject_with_a_large_k_is_foretold_by_the_fit_without_it(
    fit: bn.Fit, others: list[dict[str, Any]]
) -> None:
    found = left_out_subjects(fit, refits=1, seed=3)
    worst = int(found["pareto_k"].to_numpy().argmax())
    assert found["subject"][worst] == 4
    assert float(found["pareto_k"][worst]) > 0.7
    assert found["refitted"].to_numpy().tolist() == [False, False, False, True, False]
    assert not bool(found["doubtful"][worst])
    assert others[0]["subjects"] == [1, 2, 3, 5]
    study = line_study(VALUES).select(subjects=[1, 2, 3, 5])
    again = made_fit(
        line_nlme(), study, line_population(seed=8), eta=np.zeros((CHAINS, DRAWS, 4, 2))
    )
    own = line_study(VALUES).select(subjects=[4])
    density = subject_log_likelihood(again, own, seed=3)["log_likelihood"].to_numpy()
    exact = logsumexp(density) - np.log(density.size)
    assert float(found["elpd"][worst]) == pytest.approx(exact)
    without = left_out_subjects(fit, refits=0, seed=3)
    assert (without["elpd"] < without["fitted"]).all()
    assert bool(without["doubtful"][worst])
    assert float(without["elpd"][worst]) != pytest.approx(exact, abs=1e-3)


def test_a_refit_is_sampled_as_the_fit_was(fit: bn.Fit, others: list[dict[str, Any]]) -> None:
    left_out_subjects(fit, refits=1)
    assert {name: others[0][name] for name in ("method", "draws", "chains")} == {
        "method": "nuts", "draws": DRAWS, "chains": CHAINS,
    }  # fmt: skip
    tree = fit.data.copy()
    tree.attrs = dict(fit.attrs) | {
        "asked": '{"method": "nuts", "draws": 70, "tune": 90, "chains": 3, "target_accept": 0.97, '
        '"seed": 5, "logp": [1.0]}'
    }
    kept = bn.Fit(tree, fit.study, fit.nlme)
    wanted = {"method": "nuts", "draws": 70, "tune": 90, "chains": 3, "target_accept": 0.97}
    assert settings_of(kept) == wanted
    left_out_subjects(kept, refits=1, refit_options={"tune": 10}, seed=2)
    others[1].pop("subjects")
    assert others[1] == wanted | {"tune": 10, "seed": 2, "progress": False}
    left_out_subjects(kept, refits=1, refit_options={"method": "laplace"})
    assert "tune" not in others[2]


def test_a_refit_whose_chains_disagree_leaves_its_subject_doubtful(
    fit: bn.Fit, monkeypatch: pytest.MonkeyPatch
) -> None:
    def apart(nlme: Any, study: bn.Study, **_: Any) -> bn.Fit:
        again = made_fit(
            nlme, study, line_population(seed=8), eta=np.zeros((CHAINS, DRAWS, study.n_subjects, 2))
        )
        again.posterior["base_pop"][0] += 5.0
        return again

    monkeypatch.setattr(module, "fit_model", apart)
    found = left_out_subjects(fit, refits=1).sel(subject=4)
    assert bool(found["refitted"])
    assert bool(found["doubtful"])
    assert str(found["reason"].item()).startswith("the fit without it: chains disagree (R-hat")
    assert str(found["reason"].item()).endswith("of base_pop)")


def _compared(first: xr.Dataset, second: xr.Dataset) -> xr.Dataset:
    pair = [own if "unsettled" in own else own.assign(unsettled="") for own in (first, second)]
    return xr.concat(pair, xr.DataArray(["a", "b"], dims="model", name="model"))


def test_the_failure_of_one_subject_is_told_and_leaves_the_others(
    fit: bn.Fit, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any, **__: Any) -> bn.Fit:
        raise np.linalg.LinAlgError("Singular matrix")

    monkeypatch.setattr(module, "fit_model", fails)
    found = left_out_subjects(fit, refits=1)
    assert bool(found["doubtful"].sel(subject=4))
    assert found["reason"].sel(subject=4) == "the fit without it failed: Singular matrix"
    assert np.isfinite(found["elpd"]).all()
    pair = _compared(found, found)
    text = str(comparison_of(pair, ("a", "b"), {"confidence": 0.9, "worthwhile": 4.0}))
    assert "    4: the fit without it failed: Singular matrix" in text


def test_a_subject_without_a_density_is_doubtful_and_the_rest_is_compared(
    fit: bn.Fit, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*given: Any, **options: Any) -> xr.Dataset:
        density = subject_log_likelihood(*given, **options)
        density["log_likelihood"].loc[{"subject": 2, "chain": 0, "draw": 3}] = -np.inf
        return density

    whole = left_out_subjects(fit, refits=0)
    monkeypatch.setattr(module, "subject_log_likelihood", broken)
    found = left_out_subjects(fit, refits=0)
    assert bool(found["doubtful"].sel(subject=2))
    assert found["reason"].sel(subject=2) == "its measurements have no density at some draw"
    kept = [1, 3, 4, 5]
    np.testing.assert_allclose(found["elpd"].sel(subject=kept), whole["elpd"].sel(subject=kept))
    pair = _compared(found, whole)
    compared = comparison_of(pair, ("a", "b"), {"confidence": 0.9, "worthwhile": 4.0})
    assert compared.outcome == "no better"
    assert compared.difference.subjects == 4
    assert compared.difference.difference == pytest.approx(0.0, abs=1e-9)
    assert "the same without the doubtful subjects" in str(compared)


def test_an_uncertain_integral_leaves_its_subject_doubtful(
    fit: bn.Fit, others: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def vague(*given: Any, **options: Any) -> xr.Dataset:
        found = subject_log_likelihood(*given, **options)
        places = {"subject": [name for name in (2, 4) if name in found["subject"]]}
        found["error"].loc[places] = 5.0
        return found

    monkeypatch.setattr(module, "subject_log_likelihood", vague)
    found = left_out_subjects(fit, refits=1)
    assert bool(found["refitted"].sel(subject=4))
    for subject in (2, 4):
        assert bool(found["doubtful"].sel(subject=subject))
        assert "the integral over its random effects is uncertain (standard error" in str(
            found["reason"].sel(subject=subject).item()
        )
    assert not found["doubtful"].sel(subject=[1, 3, 5]).any()


def test_chains_that_disagree_decide_nothing(fit: bn.Fit) -> None:
    found = left_out_subjects(fit, refits=0).assign(doubtful=("subject", [False] * 5))
    base = found["elpd"].to_numpy()
    settled = [found.assign(unsettled=""), found.assign(elpd=("subject", base - 9.0), unsettled="")]
    rule = {"confidence": 0.9, "worthwhile": 4.0}
    assert comparison_of(_compared(*settled), ("a", "b"), rule).outcome == "better"
    apart = [settled[0], settled[1].assign(unsettled="chains disagree (R-hat 1.40 of base_pop)")]
    compared = comparison_of(_compared(*apart), ("a", "b"), rule)
    assert compared.outcome == "undecided"
    text = str(compared)
    assert text.startswith("whether a or b foretells better is undecided")
    assert "    not decided by draws that are not to be relied upon: b" in text
    assert "  b: chains disagree (R-hat 1.40 of base_pop). Fit longer chains" in text
    assert "would show it" not in text
