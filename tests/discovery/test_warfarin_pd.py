"""Warfarin's inhibition of prothrombin synthesis, learned, beside the published Emax curve.

The pharmacokinetics are fixed, for speed: the modes of each subject's clearance and volume at the
published estimates. So the band knows nothing of their uncertainty, which is small beside that of
the effect. The sensitivity of subjects varies, as the published EC50 does: a subject's network is
given the concentration over a factor whose typical value is 1.
"""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import numpy as np
import pandas as pd
import pytest

import bnode_nlme as bn

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::bnode_nlme.inference.ConvergenceWarning"),
]

KTR, KA, CL, V = 1.0006, 1.0963, 0.1359, 8.0003
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


def pharmacokinetics(individual: tuple[str, ...], CL: Any, V: Any) -> bn.System:
    return bn.System(
        states=("depot", "gut", "central"),
        parameters=individual,
        rhs=lambda t, y, p, nn, c: {
            "depot": -KTR * y.depot,
            "gut": KTR * y.depot - KA * y.gut,
            "central": KA * y.gut - CL(p) / V(p) * y.central,
        },
        outputs={"cp": lambda t, y, p, nn, c: y.central / V(p)},
    )


pharmacodynamics = bn.System(
    states=("depot", "gut", "central", "activity"),
    parameters=("kout", "E0", "factor"),
    covariates=("CLI", "VI"),
    networks=(inhibition,),
    rhs=lambda t, y, p, nn, c: {
        "depot": -KTR * y.depot,
        "gut": KTR * y.depot - KA * y.gut,
        "central": KA * y.gut - c.CLI / c.VI * y.central,
        "activity": p.kout
        * (p.E0 * (1.0 - nn.inhibition(y.central / c.VI / p.factor)) - y.activity),
    },
    initial={"activity": lambda p, c: p.E0},
    outputs={"pca": lambda t, y, p, nn, c: y.activity},
)


def table() -> pd.DataFrame:
    return pd.read_csv(str(files("bnode_nlme.datasets") / "warfarin_pkpd.csv"))


def clearances_and_volumes() -> pd.DataFrame:
    """Of each subject: modes at the published estimates."""
    rows = table().query("EVID == 1 or DVID == 'cp'")
    study = bn.read_nonmem(rows[["ID", "TIME", "AMT", "EVID", "DV", "MDV"]].assign(CMT=1))
    nlme = bn.NLME(
        pharmacokinetics(("CL", "V"), lambda p: p.CL, lambda p: p.V),
        {
            "CL": bn.Individual(CL, effect=float(np.sqrt(0.0807))),
            "V": bn.Individual(V, effect=float(np.sqrt(0.0626))),
        },
        error={"cp": bn.Combined(0.1649, 0.4792)},
    )
    fit = bn.fit(nlme, study, method="map", progress=False)
    found = {name: fit.posterior[name].to_numpy().ravel() for name in ("CL", "V")}
    return pd.DataFrame({"ID": study.subjects, "CLI": found["CL"], "VI": found["V"]})


def responses() -> bn.Study:
    rows = table().query("EVID == 1 or DVID == 'pca'").merge(clearances_and_volumes(), on="ID")
    return bn.read_nonmem(
        rows[["ID", "TIME", "AMT", "EVID", "DV", "MDV", "CLI", "VI"]].assign(CMT=1),
        covariates=["CLI", "VI"],
    )


@pytest.fixture(scope="module")
def fit() -> bn.Fit:
    nlme = bn.NLME(
        pharmacodynamics,
        {
            "kout": bn.Individual(bn.LogNormal(0.05, 1.0), effect=bn.HalfNormal(0.5)),
            "E0": bn.Individual(bn.LogNormal(100.0, 1.0), effect=bn.HalfNormal(0.5)),
            "factor": bn.Individual(1.0, effect=bn.HalfNormal(0.5)),
        },
        error={"pca": bn.Additive(bn.HalfNormal(10.0))},
        solver={"rtol": 1e-5, "atol": 1e-5},
    )
    return bn.fit(
        nlme, responses(), draws=200, tune=400, chains=2, cores=1, seed=1, target_accept=0.8,
        progress=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def found(fit: bn.Fit) -> bn.Discovery:
    return bn.discover(fit, forms=FORMS, keep=2, sparse=False, draws=20, loo_draws=100, seed=1)


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


def test_candidates_are_ranked(found: bn.Discovery) -> None:
    assert found["linear"].refuted, repr(found)
    assert found["without the term"].refuted
    assert not found["network"].refuted
    assert found.first.kind == "form"
    emax = found["Emax"]
    assert emax.elpd is not None
    assert not emax.refuted, repr(found)
    constants = emax.constants
    assert constants["EC50"].low < EC50 < constants["EC50"].high


def test_candidates_are_compared_under_ten_daily_doses(found: bn.Discovery) -> None:
    regimen = bn.Regimen(10.0, "depot", every=24.0, additional=9)
    times = np.arange(0.0, 337.0, 12.0)
    predicted = found.predict(regimen, times=times, draws=50)
    figure = bn.plot_extrapolation(
        found, predicted, xlabel="time (h)", ylabel="prothrombin complex activity (%)"
    )
    assert len(figure.axes[0].lines) == predicted.sizes["candidate"] >= 2
    nadir = predicted["pca"].median("sample").min("observation")
    # At low concentrations, where a single dose spends little time, candidates may part; all lie
    # between no inhibition and a complete one.
    assert bool(((nadir > 0.0) & (nadir < 100.0)).all())
