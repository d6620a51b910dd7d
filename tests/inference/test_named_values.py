"""Values by name, also of what is sampled as a logarithm or logit."""

from __future__ import annotations

import numpy as np
import pymc as pm
import pytest

import bnode_nlme as bn
from bnode_nlme.inference.named_values import free_values
from bnode_nlme.nlme import LogitNormal, LogNormal
from tests.nlme.declarations import bolus_nlme, small_study


def model_of_three() -> pm.Model:
    with pm.Model() as model:
        LogNormal(3.0, 1.0).variable("CL")
        LogitNormal(0.5, 1.0, lower=-1.0, upper=4.0).variable("F")
        pm.HalfNormal("sigma")
    return model


def test_values_become_those_of_what_is_sampled() -> None:
    model = model_of_three()
    found = free_values(model, {"CL": 2.0, "F": 1.5, "sigma": 0.3}, ("CL_log", "F_logit", "sigma"))
    by_name = {variable.name: value for variable, value in found.items()}
    np.testing.assert_allclose(by_name["CL_log"], np.log(2.0))
    np.testing.assert_allclose(by_name["F_logit"], 0.0, atol=1e-12)  # the middle of -1 to 4
    np.testing.assert_allclose(by_name["sigma"], 0.3)


def test_faulty_values_are_refused() -> None:
    model = model_of_three()
    with pytest.raises(ValueError, match=r"start=. wants values of 'CL', 'F', 'sigma'; found 'V'"):
        free_values(model, {"V": 2.0})
    with pytest.raises(ValueError, match="wants values of 'CL'; found none"):
        free_values(model, {}, ("CL_log",))
    with pytest.raises(ValueError, match="'F' wants values between -1 and 4; found 5"):
        free_values(model, {"F": 5.0})


def test_a_slip_is_told_with_what_a_user_may_give() -> None:
    nlme = bolus_nlme(bn.Individual(bn.LogNormal(4.0, 1.0)))
    with pytest.raises(ValueError, match=r"^fit\(start=\) wants values of ") as caught:
        free_values(nlme.build(small_study()), {"CL": 3.0, "omgea": 0.2, "unlike": 1.0})
    text = str(caught.value)
    assert "did you mean 'CL_pop' for 'CL'?; did you mean 'omega' for 'omgea'?" in text
    assert "eta_z" not in text
    assert "cholesky" not in text
