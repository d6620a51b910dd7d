"""Each covariate model is its closed form, in the model's graph and at draws of a posterior."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pymc as pm
import pytest
import xarray as xr

import bnode_nlme as bn
from tests.nlme.declarations import SEXES, WEIGHTS, bolus_nlme, small_study

declare: Any = bn  # for arguments of the wrong type

NETWORK = bn.MLP("shape", inputs=2, hidden=(3,), anchor=(70.0, 0.0), scale=(20.0, 1.0))
PRIOR = bn.Normal(0.0, 0.02)
CHANGE = WEIGHTS - 65.0
INDICATOR = np.array([[1.0, 0.0], [0.0, 0.0], [0.0, 1.0]])

# Model, and the term of its coefficient b on a scale that is not the log.
MODELS: dict[str, tuple[Any, Any]] = {
    "power": (bn.Power("WT", 65.0, bn.Normal(1.0, 0.3)), lambda b: b * np.log(WEIGHTS / 65.0)),
    "known power": (bn.Power("WT", 65.0, 0.75), lambda b: 0.75 * np.log(WEIGHTS / 65.0)),
    "exponential": (bn.Exponential("WT", 65.0, PRIOR), lambda b: b * CHANGE),
    "linear": (bn.Linear("WT", 65.0, PRIOR), lambda b: b * CHANGE),
    "known linear": (bn.Linear("WT", 65.0, 0.01), lambda b: 0.01 * CHANGE),
    "categorical": (bn.Categorical("SEX", (0, 1, 2), reference=1), lambda b: INDICATOR @ b),
    "network": (
        bn.CovariateNetwork(NETWORK, ("WT", "SEX")),
        lambda b: NETWORK.evaluate(b, np.column_stack([WEIGHTS, SEXES])),
    ),
}
SCALES: dict[str, tuple[Any, Any]] = {
    "lognormal": ({"typical": bn.LogNormal(4.0, 0.5)}, lambda pop, term: pop * np.exp(term)),
    "normal": ({"typical": bn.Normal(4.0, 0.5)}, lambda pop, term: pop + term),
    "logitnormal": (
        {"typical": bn.LogitNormal(4.0, 0.5, 1.0, 9.0), "bounds": (1.0, 9.0)},
        lambda pop, term: 1.0 + 8.0 / (1.0 + (9.0 - pop) / (pop - 1.0) * np.exp(-term)),
    ),
}


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("name", MODELS)
def test_closed_form(name, scale):
    covariate_model, term = MODELS[name]
    given, combine = SCALES[scale]
    declared = bn.Individual(distribution=scale, effect=0.1, covariates=[covariate_model], **given)
    study = small_study()
    nlme = bolus_nlme(declared)
    model = nlme.build(study)
    coefficient = f"CL_{covariate_model.label}"
    known = coefficient not in model.named_vars
    assert known == name.startswith("known")
    names = ["CL", "CL_pop", "eta", *([] if known else [coefficient])]
    draws = dict(zip(names, pm.draw([model[n] for n in names], 4, random_seed=1), strict=True))
    terms = np.array([term(None if known else draws[coefficient][i]) for i in range(4)])
    if scale == "lognormal" and "linear" in name:
        terms = np.log(1.0 + terms)
    wanted = combine(draws["CL_pop"][:, None], terms + draws["eta"][:, :, 0])
    np.testing.assert_allclose(draws["CL"], wanted, rtol=1e-12)

    dims = {n: ("sample", *model.named_vars_to_dims.get(n, ())) for n in names}
    values = xr.Dataset({n: (dims[n], draws[n]) for n in names if n != "CL"})
    values = values.assign_coords(subject=study.subjects, effect=["CL"])
    found = nlme.individual_parameters(values, study)
    assert found.CL.dims == ("sample", "subject")
    np.testing.assert_allclose(found.CL, draws["CL"], rtol=1e-12)


def test_covariates_multiply_and_the_reference_has_the_typical_value():
    covariates = [MODELS[name][0] for name in ("power", "categorical", "network")]
    nlme = bolus_nlme(bn.Individual(bn.LogNormal(4.0, 0.5), effect=False, covariates=covariates))
    study = small_study(WT=np.array([65.0, 70.0, 91.0]), SEX=np.array([1.0, 0.0, 2.0]))
    model = nlme.build(study)
    names = ["CL", "CL_pop", "CL_WT", "CL_SEX", "CL_shape"]
    CL, pop, power, sex, shape = pm.draw([model[n] for n in names], random_seed=3)
    network = NETWORK.evaluate(shape, np.array([[65.0, 1.0], [70.0, 0.0], [91.0, 2.0]]))
    assert network[1] == 0.0
    wanted = pop * np.array(
        [
            np.exp(network[0]),
            (70 / 65) ** power * np.exp(sex[0]),
            (91 / 65) ** power * np.exp(sex[1] + network[2]),
        ]
    )
    np.testing.assert_allclose(CL, wanted, rtol=1e-12)
    np.testing.assert_array_equal(model.coords["CL_SEX_level"], (0.0, 2.0))


def test_a_linear_factor_below_zero_is_impossible():
    nlme = bolus_nlme(
        bn.Individual(4.0, effect=False, covariates=[bn.Linear("WT", 65.0, bn.Normal(0.0, 1.0))])
    )
    model = nlme.build(small_study())
    logp = model.compile_logp()
    assert np.isfinite(logp({"CL_WT": np.array(0.01)}))
    assert logp({"CL_WT": np.array(-0.5)}) == -np.inf


def test_default_slopes_have_the_scale_of_the_covariate():
    for kind in (bn.Exponential, bn.Linear):
        nlme = bolus_nlme(bn.Individual(4.0, effect=False, covariates=[kind("WT", 65.0)]))
        (slope,) = nlme.build(small_study()).free_RVs
        np.testing.assert_allclose(slope.owner.inputs[3].eval(), 1.0 / WEIGHTS.std())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: bn.Power("WT", 0.0), "center= wants a positive number; found 0.0"),
        (lambda: declare.Power("WT", 70.0, "a"), "exponent= wants a prior.*found 'a'"),
        (lambda: bn.Exponential("WT", np.nan), "center= wants a number; found nan"),
        (lambda: bn.Linear("WT", 70.0, True), "slope= wants a prior.*found True"),
        (lambda: bn.Categorical("SEX", (0,)), "two or more distinct"),
        (lambda: bn.Categorical("SEX", (0, 1), reference=2), r"levels \(0.0, 1.0\); found 2"),
        (
            lambda: declare.Categorical("SEX", (0, 1), coefficient_prior=1.0),
            "wants a prior; found 1.0",
        ),
        (lambda: declare.CovariateNetwork(3, ("WT",)), "network= wants an MLP; found 3"),
        (
            lambda: bn.CovariateNetwork(NETWORK, ("WT",)),
            r"names= wants 2 distinct covariates.*found \('WT',\)",
        ),
        (
            lambda: bn.CovariateNetwork(bn.MLP("n", inputs=1), ("WT",)),
            r"with an anchor.*anchor=\(",
        ),
        (
            lambda: bn.CovariateNetwork(bn.MLP("n", inputs=1, output="positive"), ("WT",)),
            "found output='positive' with 1",
        ),
    ],
)
def test_faulty_covariate_models(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    ("covariate_model", "changes", "message"),
    [
        (bn.Power("AGE", 40.0), {}, r"'AGE', which the study 'table' does not hold.*\['AGE'\]"),
        (bn.Power("WGT", 70.0), {}, r"\)\. Did you mean 'WT'\? If not, read the table with"),
        (
            bn.Power("WT", 70.0),
            {"WT": np.array([70.0, -99.0, 60.0])},
            r"found -99 in subject 2\. If that stands for a missing value.*bn\.Exponential",
        ),
        (
            bn.Power("WT", 70.0),
            {"WT": np.array([70.0, 0.0, 60.0])},
            r"Power\('WT'\) wants positive values; found 0 in subject 2.*bn\.Exponential",
        ),
        (
            bn.Categorical("SEX", (0, 1)),
            {},
            "knows the levels 0, 1; found 2 in subject 3. Add it to levels=",
        ),
    ],
)
def test_studies_that_do_not_fit(covariate_model, changes, message):
    nlme = bolus_nlme(bn.Individual(4.0, covariates=[covariate_model]))
    with pytest.raises(ValueError, match=message):
        nlme.build(small_study(**changes))


def test_a_covariate_that_varies_is_refused_with_the_cure():
    study = small_study()
    varying = WEIGHTS[study.records.subject].copy()
    varying[3] += 1.0
    nlme = bolus_nlme(bn.Individual(4.0, covariates=[bn.Power("WT", 70.0)]))
    changing = replace(study, varying={"WT": varying})
    with pytest.raises(ValueError, match=r"varies within a subject.*To follow .*") as refusal:
        nlme.build(changing)
    # Both ways round it are written out, and work as they stand.
    formula = re.search(r"outputs (p\.CL .*) for p\.CL,", str(refusal.value))
    declared = re.search(r"'b': (bn\..*'normal'\))\}", str(refusal.value))
    baseline = re.search(r"(dataclasses\.replace\(.*\))\.$", str(refusal.value))
    assert formula is not None
    assert declared is not None
    assert baseline is not None
    known = {"bn": bn, "dataclasses": dataclasses, "study": changing}
    first = eval(baseline[1], known)
    np.testing.assert_array_equal(first.covariates["WT"], WEIGHTS)
    assert "CL_WT" in nlme.build(first).named_vars
    clearance = eval(f"lambda p, c: {formula[1]}")
    system = bn.System(
        states=("central",),
        parameters=("CL", "V", "b"),
        covariates=("WT",),
        rhs=lambda t, y, p, nn, c: {"central": -clearance(p, c) / p.V * y.central},
        outputs={"cp": lambda t, y, p, nn, c: y.central / p.V},
    )
    own = dict(nlme.individual) | {
        "CL": bn.Individual(4.0, effect=False),
        "b": eval(declared[1], known),
    }
    assert "b_pop" in bn.NLME(system, own, error=bn.Additive(0.3)).build(changing).named_vars
