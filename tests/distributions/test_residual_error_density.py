from __future__ import annotations

from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
import pytest
import scipy.stats
from pymc.logprob.utils import ParameterValueError
from pytensor.compile.maker import function
from pytensor.gradient import grad

import bnode_nlme as bn
from bnode_nlme.distributions.measurement import measurement

F = np.array([3.0, 0.2, -1.5, 40.0, 1e-3])
Y = np.array([2.5, 0.3, -1.0, 55.0, 2.0])

MODELS: dict[str, tuple[Any, ...]] = {
    "additive": (bn.Additive, (0.7,), lambda y, f, s: scipy.stats.norm.logpdf(y, f, s)),
    "proportional": (
        bn.Proportional,
        (0.3,),
        lambda y, f, s: scipy.stats.norm.logpdf(y, f, s * np.abs(f)),
    ),
    "combined": (
        bn.Combined,
        (0.5, 0.2),
        lambda y, f, a, b: scipy.stats.norm.logpdf(y, f, np.sqrt(a**2 + (b * f) ** 2)),
    ),
    "combined sd": (
        lambda a, b: bn.Combined(a, b, form="sd"),
        (0.5, 0.2),
        lambda y, f, a, b: scipy.stats.norm.logpdf(y, f, a + b * np.abs(f)),
    ),
    "log-normal": (
        bn.LogNormalError,
        (0.4,),
        lambda y, f, s: scipy.stats.lognorm.logpdf(y, s, scale=f),
    ),
}
each_model = pytest.mark.parametrize("model", MODELS)


def variable(error: Any, prediction: Any) -> Any:
    return measurement(error.family, prediction, *error.parameters.values())


def density(error: Any, prediction: Any, value: Any) -> Any:
    return pm.logp(variable(error, prediction), value).eval()


@each_model
def test_density_is_scipys(model):
    make, parameters, reference = MODELS[model]
    f, y = (np.abs(F), np.abs(Y)) if model == "log-normal" else (F, Y)
    np.testing.assert_allclose(density(make(*parameters), f, y), reference(y, f, *parameters))


@each_model
def test_parameters_may_differ_between_measurements(model):
    make, parameters, reference = MODELS[model]
    f, y = np.abs(F), np.abs(Y)
    vectors = [p * np.linspace(0.5, 2.0, F.size) for p in parameters]
    np.testing.assert_allclose(density(make(*vectors), f, y), reference(y, f, *vectors))


@pytest.mark.parametrize("form", ["variance", "sd"])
def test_combined_with_one_part_zero_is_the_other(form):
    np.testing.assert_allclose(
        density(bn.Combined(0.7, 0.0, form=form), F, Y), density(bn.Additive(0.7), F, Y)
    )
    np.testing.assert_allclose(
        density(bn.Combined(0.0, 0.3, form=form), F, Y), density(bn.Proportional(0.3), F, Y)
    )


def test_the_forms_of_combined_differ():
    either = [density(bn.Combined(0.5, 0.2, form=form), F, Y) for form in ("variance", "sd")]
    assert np.all(np.abs(either[0] - either[1]) > 1e-4)


@pytest.mark.parametrize("sigma", [-1.0, 0.0, np.nan, np.inf, [0.2, -0.1]])
def test_a_number_that_is_no_standard_deviation_is_refused(sigma):
    with pytest.raises(ValueError, match=r"Additive: sigma= wants a positive number"):
        bn.Additive(sigma)
    with pytest.raises(ValueError, match=r"Combined: proportional= wants a positive number"):
        bn.Combined(0.1, -1.0)


def test_form_of_combined_is_checked():
    with pytest.raises(ValueError, match=r"form= wants 'variance' or 'sd'; found 'both'"):
        bn.Combined(1.0, 1.0, form="both")  # type: ignore[arg-type]


@each_model
@pytest.mark.parametrize("prediction", [np.nan, np.inf, -np.inf])
def test_impossible_prediction_has_no_density_and_a_finite_gradient(model, prediction):
    make, parameters, _ = MODELS[model]
    f = pt.vector("f")
    symbols = [pt.scalar(f"p{i}") for i in range(len(parameters))]
    values = np.array([1.1, 0.9, 2.0])
    terms = pm.logp(variable(make(*symbols), f), values)
    gradient: Any = grad(terms.sum(), [f, *symbols])
    compiled = function([f, *symbols], [terms, *gradient])
    logp, to_f, *to_parameters = compiled(np.array([1.0, prediction, 3.0]), *parameters)
    assert logp[1] == -np.inf
    assert np.isfinite(logp[[0, 2]]).all()
    assert to_f[1] == 0.0
    assert np.isfinite([*to_f, *to_parameters]).all()
    # The possible ones have the gradient that they have alone.
    alone = compiled(np.array([1.0, 1.0, 3.0]), *parameters)
    np.testing.assert_allclose(to_f[[0, 2]], alone[1][[0, 2]])


@each_model
def test_gradient_is_the_densitys(model):
    make, parameters, reference = MODELS[model]
    f = pt.vector("f")
    symbols = [pt.scalar(f"p{i}") for i in range(len(parameters))]
    at, y, h = np.array([2.0, 0.4]), np.array([1.5, 0.6]), 1e-6
    total = pm.logp(variable(make(*symbols), f), y).sum()
    gradient = function([f, *symbols], grad(total, [f, *symbols]))(at, *parameters)

    def difference(shift_f, shift_p):
        up = reference(y, at + shift_f, *(np.array(parameters) + shift_p)).sum()
        down = reference(y, at - shift_f, *(np.array(parameters) - shift_p)).sum()
        return (up - down) / (2 * h)

    nothing = np.zeros(len(parameters))
    np.testing.assert_allclose(
        gradient[0], [difference(h * row, nothing) for row in np.eye(2)], rtol=1e-6
    )
    np.testing.assert_allclose(
        gradient[1:],
        [difference(np.zeros(2), h * row) for row in np.eye(len(parameters))],
        rtol=1e-6,
    )


def test_prediction_of_zero():
    zero, value = np.array([0.0]), np.array([0.1])
    assert density(bn.Proportional(0.2), zero, value) == -np.inf
    assert density(bn.LogNormalError(0.2), zero, value) == -np.inf
    np.testing.assert_allclose(
        density(bn.Combined(0.5, 0.2), zero, value), scipy.stats.norm.logpdf(0.1, 0.0, 0.5)
    )


@pytest.mark.parametrize(("prediction", "value"), [(-1.0, 1.0), (1.0, -1.0), (1.0, 0.0)])
def test_log_normal_has_no_density_beside_the_positive_numbers(prediction, value):
    assert density(bn.LogNormalError(0.2), np.array([prediction]), np.array([value])) == -np.inf


@pytest.mark.parametrize(
    ("error", "wanted"),
    [
        (bn.Additive(pt.constant(0.0)), "sigma > 0"),
        (bn.Additive(pt.constant(-1.0)), "sigma > 0"),
        (bn.Proportional(pt.constant(-0.1)), "sigma > 0"),
        (bn.LogNormalError(pt.constant(-0.1)), "sigma > 0"),
        (
            bn.Combined(pt.constant(-0.1), pt.constant(0.2)),
            "additive >= 0, proportional >= 0, and one of them > 0",
        ),
        (bn.Combined(pt.constant(0.1), pt.constant(-0.2), form="sd"), "additive >= 0"),
        (bn.Combined(pt.constant(0.0), pt.constant(0.0)), "one of them > 0"),
    ],
)
def test_invalid_parameters_are_refused_as_pymc_does(error, wanted):
    with pytest.raises(ParameterValueError, match=wanted):
        density(error, F, Y)


def test_invalid_parameters_are_rejected_points_inside_a_model():
    with pm.Model() as model:
        sigma = pm.Normal("sigma")
        model.register_rv(variable(bn.Additive(sigma), F), "y", observed=Y)
    logp = model.compile_logp()
    assert logp({"sigma": np.array(-1.0)}) == -np.inf
    assert np.isfinite(logp({"sigma": np.array(1.0)}))
