"""Between-occasion effects: ``CL = typical * exp(eta[subject] + kappa[occasion])``."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pymc as pm
import pytest
import scipy.stats

import bnode_nlme as bn
from tests.nlme.declarations import bolus, small_study

TIMES = (1.0, 4.0, 10.0)


def occasion_study() -> bn.Study:
    """Three subjects with a bolus and three measurements on each of 2, 2 and 1 occasions."""
    rows: list[dict[str, Any]] = []
    rng = np.random.default_rng(1)
    for subject, count in ((1, 2), (2, 2), (3, 1)):
        for occasion in range(1, count + 1):
            at = (occasion - 1) * 24.0
            same = {"ID": subject, "OCC": occasion}
            rows.append(same | {"TIME": at, "AMT": 100.0, "EVID": 1, "DV": "."})
            rows += [
                same | {"TIME": at + t, "AMT": ".", "EVID": 0, "DV": 2.0 + rng.uniform()}
                for t in TIMES
            ]
    return bn.read_nonmem(pd.DataFrame(rows))


def occasion_nlme() -> bn.NLME:
    return bn.NLME(
        bolus,
        {
            "CL": bn.Individual(bn.LogNormal(4.0, 1.0), occasion=True),
            "V": bn.Individual(bn.LogNormal(20.0, 1.0), effect=False, occasion=0.2),
        },
        omega=bn.Omega(("CL", "V"), level="occasion"),
        error=bn.Additive(0.3),
        solver={"rtol": 1e-10, "atol": 1e-12},
    )


def test_values_names_and_dims():
    study = occasion_study()
    model = occasion_nlme().build(study)
    dims = model.named_vars_to_dims
    assert dims["CL"] == dims["V"] == ("occasion",)
    assert dims["kappa"] == ("occasion", "occasion_effect")
    assert dims["eta"] == ("subject", "effect")
    assert list(model.coords["occasion"]) == ["1:1", "1:2", "2:1", "2:2", "3:1"]
    names = ["CL", "V", "CL_pop", "V_pop", "eta", "kappa", "omega_occasion"]
    CL, V, CL_pop, V_pop, eta, kappa, omega = pm.draw([model[n] for n in names], random_seed=1)
    subject = [0, 0, 1, 1, 2]
    np.testing.assert_allclose(CL, CL_pop * np.exp(eta[subject, 0] + kappa[:, 0]))
    np.testing.assert_allclose(V, V_pop * np.exp(kappa[:, 1]))
    assert omega[1] == 0.2


def test_likelihood_is_that_of_the_closed_form():
    study = occasion_study()
    model = occasion_nlme().build(study)
    rng = np.random.default_rng(2)
    point = {n: v + 0.3 * rng.normal(size=np.shape(v)) for n, v in model.initial_point().items()}
    (terms,) = model.compile_logp(vars=[model["cp"]], sum=False)(point)
    CL, V = model.compile_fn(model.replace_rvs_by_values([model["CL"], model["V"]]))(point)
    wanted = []
    for first, count in ((0, 2), (2, 2), (4, 1)):
        amount = 0.0
        for occasion in range(first, first + count):
            k, volume = CL[occasion] / V[occasion], V[occasion]
            amount += 100.0
            wanted += [amount * np.exp(-k * t) / volume for t in TIMES]
            amount *= np.exp(-k * 24.0)
    values = study.records.value[study.observations]
    np.testing.assert_allclose(terms, scipy.stats.norm.logpdf(values, wanted, 0.3), rtol=1e-7)


def test_a_study_without_occasions_is_refused():
    with pytest.raises(ValueError, match=r"Between-occasion effects \(CL, V\).*a column OCC"):
        occasion_nlme().build(small_study())
