"""Log-probabilities of the noise in the far tails, against 50-digit references."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
import pytensor.gradient
import pytensor.tensor as pt
import pytest
import scipy.stats
from pytensor.compile.maker import function

from bnode_nlme.distributions.noise import NormalNoise, StudentTNoise, log_probability_between

grad: Any = pytensor.gradient.grad  # whose annotation leaves open what it returns

Z = np.array([-1e6, -300.0, -40.0, -9.0, -1.5, -1.0, -0.3, 0.0, 1e-9, 0.4, 1.0, 3.0, 8.0, 50.0])
NU = (0.7, 1.0, 4.0, 30.0, 500.0, 1e5)


def log_normal_cdf(z: float) -> float:
    with mpmath.workdps(50):
        return float(mpmath.log(mpmath.erfc(-mpmath.mpf(z) / mpmath.sqrt(2)) / 2))


def log_t_cdf(z: float, nu: float) -> float:
    """From the incomplete beta function."""
    with mpmath.workdps(50):
        z, nu = mpmath.mpf(z), mpmath.mpf(nu)
        tail = mpmath.betainc(nu / 2, 0.5, 0, nu / (nu + z * z), regularized=True) / 2
        return float(mpmath.log(tail if z < 0 else 1 - tail))


def test_normal_log_cdf():
    z = pt.vector("z")
    value = NormalNoise().log_cdf(z)
    logs, slopes = function([z], [value, grad(value.sum(), z)])(Z)
    # Near 0 what is left of 1 is itself the number: half of what double precision has.
    np.testing.assert_allclose(logs, [log_normal_cdf(x) for x in Z], rtol=1e-13, atol=1e-16)
    hazard = np.exp(scipy.stats.norm.logpdf(Z) - scipy.stats.norm.logcdf(Z))
    np.testing.assert_allclose(slopes[1:], hazard[1:], rtol=1e-9, atol=1e-300)
    np.testing.assert_allclose(slopes[0], 1e6, rtol=1e-9)


@pytest.mark.parametrize("nu", NU)
def test_student_log_cdf_and_its_derivatives(nu):
    z, df = pt.vector("z"), pt.scalar("nu")
    value = StudentTNoise().log_cdf(z, df)
    both = function([z, df], [value, *grad(value.sum(), [z, df])])
    logs, slopes, _ = both(Z, nu)
    wanted = np.array([log_t_cdf(x, nu) for x in Z])
    np.testing.assert_allclose(logs, wanted, rtol=1e-9, atol=1e-13)
    hazard = np.exp(scipy.stats.t.logpdf(Z, nu) - wanted)
    np.testing.assert_allclose(slopes, hazard, rtol=1e-8, atol=1e-300)
    for x in (-300.0, -9.0, -0.3, 1.0):
        h = 1e-4 * nu
        by_nu = both(np.array([x]), nu)[2]
        difference = (log_t_cdf(x, nu + h) - log_t_cdf(x, nu - h)) / (2 * h)
        np.testing.assert_allclose(by_nu, difference, rtol=1e-5, atol=1e-11)


INTERVALS = [
    (-np.inf, -3.0),
    (-np.inf, 60.0),
    (2.0, np.inf),
    (-1.0, 2.0),
    (40.0, 41.0),
    (-41.0, -40.0),
    (-1e-3, 2e-3),
    (5.0, 5.0001),
]


@pytest.mark.parametrize(("lower", "upper"), INTERVALS)
def test_probability_of_an_interval(lower, upper):
    location, scale = 0.3, 1.7
    with mpmath.workdps(400):
        ends = [(mpmath.mpf(x) - location) / scale for x in (lower, upper)]
        p = mpmath.ncdf(ends[1]) - mpmath.ncdf(ends[0])
        wanted = float(mpmath.log(p))
    mu: Any = pt.scalar("mu")
    value = log_probability_between(NormalNoise(), np.array(lower), np.array(upper), mu, scale)
    found, slope = function([mu], [value, grad(value, mu)])(location)
    np.testing.assert_allclose(found, wanted, rtol=1e-10, atol=1e-15)
    assert np.isfinite(slope)


@pytest.mark.parametrize("noise", [(NormalNoise(), ()), (StudentTNoise(), (3.5,))])
def test_upper_quantile(noise):
    kind, parameters = noise
    p = np.array([1e-100, 1e-12, 0.01, 0.3, 0.5, 0.8, 0.999])
    law = scipy.stats.t(*parameters) if parameters else scipy.stats.norm
    quantiles = kind.upper_quantile(pt.constant(p), *parameters).eval()
    np.testing.assert_allclose(quantiles, -law.ppf(p), rtol=1e-9, atol=1e-12)
