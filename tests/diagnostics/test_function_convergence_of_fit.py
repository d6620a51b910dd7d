"""Learned functions of a fit: judged where the data are, chain against chain."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import bnode_nlme as bn
from bnode_nlme.diagnostics.of_fit.visited_inputs import visited_inputs
from bnode_nlme.inference import Fit
from tests.nlme.declarations import WEIGHTS, bolus, small_study
from tests.results.made_fits import CHAINS, DRAWS, around, made_fit

ELIMINATION = bn.MLP("elimination", inputs=1, hidden=(3,), output="positive")
BOTH = bn.MLP("both", inputs=2, hidden=(2,), scale=(5.0, 70.0))
OF_WEIGHT = bn.MLP("size", inputs=1, hidden=(2,), anchor=(70.0,), scale=(20.0,))

learned = bn.System(
    states=("central",),
    parameters=("V",),
    networks=(ELIMINATION, BOTH),
    covariates=("WT",),
    rhs=lambda t, y, p, nn, c: {
        "central": -nn.elimination(y.central / p.V)
        * (1.0 + 0.01 * nn.both(y.central / p.V, c.WT))
        * y.central
    },
    outputs={"cp": lambda t, y, p, nn, c: y.central / p.V},
)


def learned_fit(shift: float = 0.0) -> Fit:
    """Draws of weights around one vector; the second chain's last bias is shifted."""
    rng = np.random.default_rng(2)
    study = small_study()
    nlme = bn.NLME(learned, {"V": bn.Individual(bn.LogNormal(20.0, 1.0))}, error=bn.Additive(0.1))
    population = {
        "V_pop": ((), around(20.0, 0.1, rng)),
        "omega": (("effect",), around([0.2], 0.1, rng)),
    }
    for net in (ELIMINATION, BOTH):
        w = rng.standard_normal(net.size) + 0.1 * rng.standard_normal((CHAINS, DRAWS, net.size))
        w[1, :, -1] += shift
        population[net.name] = ((f"{net.name}_weight",), w)
    return made_fit(nlme, study, population, eta=0.2 * rng.standard_normal((CHAINS, DRAWS, 3, 1)))


@pytest.fixture(scope="module")
def fit():
    return learned_fit()


def test_values_are_those_of_the_network_at_every_draw(fit):
    table = bn.function_convergence(fit, "elimination", inputs=[0.0, 2.0, 5.0], mass=0.5)
    values = ELIMINATION.evaluate(fit.posterior["elimination"].to_numpy(), [[0.0], [2.0], [5.0]])
    wanted = np.quantile(values, [0.25, 0.5, 0.75], axis=1)
    np.testing.assert_allclose(table["value"].transpose("quantile", "chain", "point"), wanted)
    np.testing.assert_array_equal(table["inputs"], [[0.0], [2.0], [5.0]])
    assert float(table["r_hat"].max()) < 1.05
    assert table["ess_bulk"].dims == ("point",)


def test_chains_that_learned_different_functions_are_found():
    table = bn.function_convergence(learned_fit(shift=1.0), "elimination")
    assert float(table["r_hat"].min()) > 1.2


def test_inputs_are_those_that_the_solutions_gave(fit):
    found = visited_inputs(fit, fit.study, BOTH, draws=5)
    predicted = bn.predict(fit, draws=5)
    wt = WEIGHTS[fit.study.records.subject[fit.study.observations]]
    wanted = np.stack([predicted["cp"].to_numpy(), np.tile(wt, (5, 1))], axis=-1)
    np.testing.assert_allclose(found, wanted.reshape(-1, 2), rtol=1e-12)
    table = bn.function_convergence(fit, "both")
    assert table["inputs"].shape == (50, 2)
    concentrations = bn.predict(fit, draws=20)["cp"].to_numpy()
    assert np.isin(table["inputs"][:, 0], concentrations).all()
    ends = bn.function_convergence(fit, "elimination")["inputs"].to_numpy()[[0, -1], 0]
    np.testing.assert_allclose(ends, np.quantile(concentrations, [0.01, 0.99]), rtol=1e-12)


def test_a_network_of_covariates_is_judged_at_the_subjects_values():
    nlme = bn.NLME(
        bolus,
        {
            "CL": bn.Individual(
                bn.LogNormal(2.0, 1.0), covariates=[bn.CovariateNetwork(OF_WEIGHT, ("WT",))]
            ),
            "V": bn.Individual(20.0, effect=False),
        },
        error=bn.Additive(0.1),
    )
    rng = np.random.default_rng(3)
    population = {
        "CL_pop": ((), around(2.0, 0.1, rng)),
        "CL_size": (("CL_size_weight",), rng.standard_normal((CHAINS, DRAWS, OF_WEIGHT.size))),
        "omega": (("effect",), around([0.2], 0.1, rng)),
    }
    fit = made_fit(nlme, small_study(), population, eta=np.zeros((CHAINS, DRAWS, 3, 1)))
    table = bn.function_convergence(fit)
    assert table.attrs["network"] == "CL_size"
    assert table["input"].to_numpy().tolist() == ["WT"]
    np.testing.assert_array_equal(table["inputs"][:, 0], np.sort(WEIGHTS))
    # At the anchor every draw is 0: neither converged nor not.
    np.testing.assert_array_equal(np.isnan(table["r_hat"]), np.sort(WEIGHTS) == 70.0)
    assert len(bn.plot_function_convergence(table, xlabel="weight (kg)").axes) == 3


def test_what_cannot_be_judged(fit):
    with pytest.raises(ValueError, match="wants one of 'elimination', 'both'; found none"):
        bn.function_convergence(fit)
    with pytest.raises(ValueError, match="wants one of 'elimination', 'both'; found 'uptake'"):
        bn.function_convergence(fit, "uptake")
    with pytest.raises(ValueError, match=r"of shape \(points, 2\); found shape \(3,\)"):
        bn.function_convergence(fit, "both", inputs=[1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="stored without its study; give inputs="):
        bn.function_convergence(replace(fit, study=None), "both")
    plain = bn.NLME(
        bolus,
        {"CL": bn.Individual(2.0, effect=True), "V": bn.Individual(20.0, effect=False)},
        error=bn.Additive(0.1),
    )
    with pytest.raises(ValueError, match=r"wants a model with a network; found none.*bn\.param"):
        bn.function_convergence(replace(fit, nlme=plain))
