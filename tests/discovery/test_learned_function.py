"""Learned functions whose posterior is made up, so that every number is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import bnode_nlme as bn
from bnode_nlme.diagnostics.of_fit.visited_inputs import visited_inputs
from bnode_nlme.discovery import Visited
from bnode_nlme.inference import Fit
from tests.nlme.declarations import small_study
from tests.results.made_fits import CHAINS, DRAWS, around, made_fit

# Without hidden layers a network is a straight line, of which everything is known.
LINE = bn.MLP("line", inputs=1, hidden=())
BOTH = bn.MLP("both", inputs=2, hidden=(2,), scale=(5.0, 70.0))

system = bn.System(
    states=("central",),
    parameters=("V",),
    networks=(LINE, BOTH),
    covariates=("WT",),
    rhs=lambda t, y, p, nn, c: {
        "central": -0.05 * nn.line(y.central / p.V) * (1.0 + 0.01 * nn.both(y.central / p.V, c.WT))
    },
    outputs={"cp": lambda t, y, p, nn, c: y.central / p.V},
)


def made(shift: float = 0.0) -> Fit:
    rng = np.random.default_rng(2)
    nlme = bn.NLME(system, {"V": bn.Individual(bn.LogNormal(20.0, 1.0))}, error=bn.Additive(0.1))
    slope = 0.3 + 0.05 * rng.standard_normal((CHAINS, DRAWS))
    level = 1.0 + 0.1 * rng.standard_normal((CHAINS, DRAWS))
    level[1] += shift
    w = rng.standard_normal(BOTH.size) + 0.1 * rng.standard_normal((CHAINS, DRAWS, BOTH.size))
    population = {
        "V_pop": ((), around(20.0, 0.1, rng)),
        "omega": (("effect",), around([0.2], 0.1, rng)),
        "line": (("line_weight",), np.stack([slope, level], axis=-1)),
        "both": (("both_weight",), w),
    }
    eta = 0.2 * rng.standard_normal((CHAINS, DRAWS, 3, 1))
    return made_fit(nlme, small_study(), population, eta=eta)


@pytest.fixture(scope="module")
def fit() -> Fit:
    return made()


@pytest.fixture(scope="module")
def line(fit: Fit) -> bn.LearnedFunction:
    return bn.learned_function(fit, "line", names=["concentration"])


def test_values_bands_and_slopes_are_those_of_the_line(fit, line):
    w = fit.posterior["line"].to_numpy()
    x = line.data["x"].to_numpy()
    values = w[..., :1] * x + w[..., 1:]
    np.testing.assert_allclose(line.data["value"], values, rtol=1e-12)
    np.testing.assert_allclose(
        line.data["band"], np.quantile(values, [0.05, 0.25, 0.5, 0.75, 0.95], axis=(0, 1))
    )
    np.testing.assert_allclose(
        line.data["derivative"], np.broadcast_to(w[..., :1], values.shape), rtol=1e-9
    )
    np.testing.assert_allclose(line.evaluate([0.0, 2.0])[..., 1], values_at(w, 2.0))
    assert float(line.data["r_hat"].max()) < 1.05
    assert line.data["value"].dims == ("chain", "draw", "point")


def values_at(w, x):
    return w[..., 0] * x + w[..., 1]


def test_the_grid_is_where_the_data_lie_and_a_little_beyond(fit, line):
    visited = visited_inputs(fit, fit.study, LINE, draws=20)[:, 0]
    first, last = np.quantile(visited, [0.01, 0.99])
    x = line.data["x"].to_numpy()
    np.testing.assert_allclose(x[-1], last + 0.1 * (last - first))
    assert x[0] == max(0.0, first - 0.1 * (last - first))
    np.testing.assert_allclose(np.trapezoid(line.data["density"], x), 1.0, atol=0.2)
    near = np.abs(visited - x[:, None]) <= 0.1 * (last - first)
    np.testing.assert_array_equal(line.data["extrapolated"], near.mean(axis=1) < 0.01)
    outside = bn.learned_function(fit, "line", inputs=[0.5 * (first + last), 3.0 * last])
    assert outside.data["extrapolated"].to_numpy().tolist() == [False, True]


def test_a_gap_between_the_data_is_extrapolation_too():
    rng = np.random.default_rng(0)
    visited = Visited(np.concatenate([rng.uniform(0, 1, 500), rng.uniform(9, 10, 500)])[:, None])
    points = np.array([[0.5], [5.0], [9.5], [14.0]])
    assert visited.extrapolated(points).tolist() == [False, True, False, True]
    assert visited.density(0, points[:, 0])[1] < 1e-3 * visited.density(0, points[:, 0])[0]


def test_the_data_contract_the_prior(line):
    # The line's weights are standard normal times a half-normal scale: variance 1 each, before.
    x = line.data["x"].to_numpy()
    prior = line.data["prior_band"].sel(quantile=0.95) - line.data["prior_band"].sel(quantile=0.05)
    assert float(prior.min()) > 2.0
    wanted = 1.0 - (0.1**2 + (0.05 * x) ** 2) / (1.0 + x**2)
    np.testing.assert_allclose(line.data["contraction"], wanted, atol=0.01)


def test_chains_that_learned_different_functions_are_seen():
    found = bn.learned_function(made(shift=1.0), "line")
    assert float(found.data["r_hat"].min()) > 1.2
    assert "R-hat" in repr(found)


def test_several_inputs_have_slices_at_medians_and_surfaces(fit):
    found = bn.learned_function(fit, "both", names=["concentration", "weight"], points=9)
    assert found.visited is not None
    medians = found.visited.medians
    w = fit.posterior["both"].to_numpy()
    x = found.data["x"].sel(along="weight").to_numpy()
    points = np.stack([np.full(9, medians[0]), x], axis=1)
    values = BOTH.evaluate(w, points)
    np.testing.assert_allclose(found.data["value"].sel(along="weight"), values, rtol=1e-12)
    np.testing.assert_allclose(found.data["held"], medians)
    step = np.array([0.0, 0.01])
    slope = (BOTH.evaluate(w, points + step) - BOTH.evaluate(w, points - step)) / 0.02
    np.testing.assert_allclose(
        found.data["derivative"].sel(along="weight"), slope, rtol=1e-4, atol=1e-9
    )
    surface = found.surface("weight", "concentration", points=5)
    assert surface["band"].dims == ("quantile", "weight", "concentration")
    at = [[float(surface["concentration"][3]), float(surface["weight"][1])]]
    np.testing.assert_allclose(
        surface["band"].sel(quantile=0.5)[1, 3], np.median(BOTH.evaluate(w, at))
    )
    assert len(bn.plot_learned_function(found).get_axes()) >= 7


def test_given_points_of_several_inputs(fit):
    points = [[1.0, 60.0], [2.0, 80.0]]
    found = bn.learned_function(fit, "both", inputs=points)
    np.testing.assert_array_equal(found.data["inputs"], points)
    assert "derivative" not in found.data
    with pytest.raises(ValueError, match="draws over a grid"):
        bn.plot_learned_function(found)


def test_the_plot_shows_bands_density_and_extrapolation(line):
    figure = bn.plot_learned_function(line, reference=lambda x: 1.0 + 0.3 * x, ylabel="rate")
    value, slope, density = figure.axes
    np.testing.assert_allclose(
        np.asarray(value.lines[0].get_ydata()), line.data["band"].sel(quantile=0.5)
    )
    np.testing.assert_allclose(np.asarray(value.lines[3].get_ydata()), 1.0 + 0.3 * line.data["x"])
    assert value.get_ylabel() == "rate"
    assert density.get_xlabel() == "concentration"
    assert bool(line.data["extrapolated"].any()) == (len(slope.patches) > 0)


def test_what_cannot_be_asked(fit, line):
    with pytest.raises(ValueError, match="wants one of 'line', 'both'; found none"):
        bn.learned_function(fit)
    with pytest.raises(ValueError, match=r"names= wants 2 different names"):
        bn.learned_function(fit, "both", names=["one"])
    with pytest.raises(ValueError, match=r"of shape \(points, 2\); found shape \(3,\)"):
        bn.learned_function(fit, "both", inputs=[1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match=r"inputs= wants numbers.*'line'.*found \['a'\]"):
        bn.learned_function(fit, "line", inputs=["a"])
    with pytest.raises(ValueError, match="points= wants 2 or more; found 1"):
        bn.learned_function(fit, "line", points=1)
    with pytest.raises(ValueError, match="has 1 outputs, counted from 0; found output=1"):
        bn.learned_function(fit, "line", output=1)
    with pytest.raises(ValueError, match="stored without its study; give inputs="):
        bn.learned_function(replace(fit, study=None), "line")
    with pytest.raises(ValueError, match="two different inputs; found 0 twice"):
        line.surface(0, 0)
    with pytest.raises(ValueError, match="no input 'dose'; its inputs are 'concentration'"):
        line.surface("dose", 0)


def test_a_fit_whose_curvature_was_repaired_says_so(fit, line, caplog):
    assert "NOTE" not in str(line)
    tree = fit.data.copy()
    tree.attrs = dict(fit.attrs) | {"method": "laplace", "repaired_curvature": 1}
    with caplog.at_level("INFO"):
        found = bn.learned_function(replace(fit, data=tree), "line")
    assert "this band means nothing. Fit with method='nuts'" in str(found)
    assert not caplog.records, "nothing says 'Sampling' where nothing is fitted"
