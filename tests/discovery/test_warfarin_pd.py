"""Warfarin's inhibition of prothrombin synthesis, learned, beside the published Emax curve.

Concentrations and activity are fitted together, as the published model was, with a network in the
place of Emax. The sensitivity of subjects varies, as the published EC50 does: a subject's network is
given the concentration over a factor whose typical value is 1.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import bnode_nlme as bn

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::bnode_nlme.inference.ConvergenceWarning"),
]

EMAX, EC50 = 0.999, 1.1609
"""Published: ../shared/reference/published.md, PKPD, FOCEI (nlmixr2 5.0 through OpenPKPD)."""
FORMS = (
    bn.Form("constant", "a"),
    bn.Form("linear", "k*x"),
    bn.Form("Emax", "Emax*x/(EC50 + x)"),
    bn.Form("complete inhibition", "x/(EC50 + x)"),
    bn.Form("sigmoid Emax", "Emax*x**h/(EC50**h + x**h)"),
    bn.Form("power", "a*x**b"),
    bn.Form("saturating exponential", "a*(1 - exp(-k*x))"),
)
inhibition = bn.MLP(
    "inhibition", 1, (3,), output="monotone", anchor=0.0, upper=1.0, scale=2.0, logarithmic=True
)


@pytest.fixture(autouse=True)
def compile_in_python() -> None:
    """Not here: long runs want the compiled model."""


learned = bn.System(
    states=("depot", "gut", "central", "activity"),
    parameters=("ktr", "ka", "CL", "V", "kout", "E0", "factor"),
    networks=(inhibition,),
    rhs=lambda t, y, p, nn, c: {
        "depot": -p.ktr * y.depot,
        "gut": p.ktr * y.depot - p.ka * y.gut,
        "central": p.ka * y.gut - p.CL / p.V * y.central,
        "activity": p.kout
        * (p.E0 * (1.0 - nn.inhibition(y.central / p.V / p.factor)) - y.activity),
    },
    initial={"activity": lambda p, c: p.E0},
    outputs={
        "cp": lambda t, y, p, nn, c: y.central / p.V,
        "pca": lambda t, y, p, nn, c: y.activity,
    },
)
MEDIANS = {"ktr": 1.0, "ka": 1.0, "CL": 0.1, "V": 10.0, "kout": 0.05, "E0": 100.0}
VARYING = ("CL", "V", "kout", "E0")


@pytest.fixture(scope="module")
def fit() -> bn.Fit:
    individual = {
        name: bn.Individual(
            bn.LogNormal(median, 1.0), effect=bn.HalfNormal(0.5) if name in VARYING else False
        )
        for name, median in MEDIANS.items()
    }
    nlme = bn.NLME(
        learned,
        individual | {"factor": bn.Individual(1.0, effect=bn.HalfNormal(0.5))},
        error={
            "cp": bn.Combined(bn.HalfNormal(0.5), bn.HalfNormal(1.0)),
            "pca": bn.Additive(bn.HalfNormal(10.0)),
        },
        solver={"rtol": 1e-5, "atol": 1e-5},
    )
    return bn.fit(
        nlme, bn.datasets.warfarin_pkpd(), draws=600, tune=800, chains=2, cores=1, seed=1,
        target_accept=0.95, progress=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def found(fit: bn.Fit) -> bn.Discovery:
    return bn.discover(fit, forms=FORMS, keep=4, sparse=False, draws=20, loo_draws=100, seed=1)


def published(x: Any) -> Any:
    return EMAX * x / (EC50 + x)


def test_the_band_contains_the_published_curve_where_data_lie(fit: bn.Fit) -> None:
    function = bn.learned_function(fit, names=["concentration (mg/L)"])
    table = function.data.where(~function.data["extrapolated"], drop=True)
    low, high = (table["band"].sel(quantile=q) for q in (0.05, 0.95))
    curve = published(table["x"])
    assert float(table["r_hat"].max()) < 1.1, repr(function)
    shown = np.round(np.stack([table["x"], low, curve, high])[:, ::5], 3)
    # What a band of 90 % at each point promises; the published curve is an estimate itself.
    assert float(((low <= curve) & (curve <= high)).mean()) >= 0.9, shown
    # The control: the band is narrow enough to tell an EC50 half as large, or twice.
    for wrong in (0.5 * EC50, 2.0 * EC50):
        other = EMAX * table["x"] / (wrong + table["x"])
        assert float(((low <= other) & (other <= high)).mean()) < 0.5


def test_candidates_are_ranked(found: bn.Discovery) -> None:
    assert found["linear"].refuted, repr(found)
    assert found["without the term"].refuted
    assert not found["network"].refuted
    assert found.first.kind == "form"
    emax = found["Emax"]
    assert emax.is_judged, repr(found)
    assert emax.elpd > found["linear"].elpd + 30.0, repr(found)
    # The published Emax is 0.999, all but complete.
    complete = found["complete inhibition"].constants
    assert complete["EC50"].low < EC50 < complete["EC50"].high
    # Whether Emax is refuted beside the sigmoid form is for the data to say, not for this test.
    assert found["sigmoid Emax"].is_judged, repr(found)
    order = [own.name for own in found.candidates]
    assert order.index("sigmoid Emax") < order.index("linear") < order.index("without the term")


def test_candidates_are_compared_under_ten_daily_doses(found: bn.Discovery) -> None:
    regimen = bn.Regimen(10.0, "depot", every=24.0, additional=9)
    times = np.arange(0.0, 337.0, 12.0)
    predicted = found.predict(regimen, times=times, draws=50)
    figure = bn.plot_extrapolation(
        found, predicted, output="pca", xlabel="time (h)", ylabel="prothrombin complex activity (%)"
    )
    assert len(figure.axes[0].lines) == predicted.sizes["candidate"] >= 2
    nadir = predicted["pca"].median("sample").min("observation")
    # At low concentrations, where a single dose spends little time, candidates may part; all lie
    # between no inhibition and a complete one.
    assert bool(((nadir > 0.0) & (nadir < 100.0)).all())
