"""Networks of covariates are networks: their weights are nowhere taken for parameters."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from pytensor.configdefaults import config

import bnode_nlme as bn
from bnode_nlme.diagnostics.calibration.quantities import LOG_LIKELIHOOD, ranked_quantities
from bnode_nlme.inference import Fit
from bnode_nlme.inference.flat_model import flat_model
from tests.nlme.declarations import bolus, small_study
from tests.results.made_fits import CHAINS, DRAWS, around, made_fit

OF_WEIGHT = bn.MLP("size", inputs=1, hidden=(2,), anchor=(70.0,), scale=(20.0,))


@pytest.fixture(autouse=True)
def compile_in_python() -> Iterator[None]:
    with config.change_flags(mode="FAST_COMPILE"):
        yield


def declared() -> bn.NLME:
    return bn.NLME(
        bolus,
        {
            "CL": bn.Individual(
                bn.LogNormal(2.0, 1.0), covariates=[bn.CovariateNetwork(OF_WEIGHT, ("WT",))]
            ),
            "V": bn.Individual(20.0, effect=False),
        },
        error=bn.Additive(0.1),
    )


@pytest.fixture(scope="module")
def fit() -> Fit:
    rng = np.random.default_rng(3)
    population = {
        "CL_pop": ((), around(2.0, 0.1, rng)),
        "CL_size": (("CL_size_weight",), rng.standard_normal((CHAINS, DRAWS, OF_WEIGHT.size))),
        "omega": (("effect",), around([0.2], 0.1, rng)),
    }
    return made_fit(declared(), small_study(), population, eta=np.zeros((CHAINS, DRAWS, 3, 1)))


def test_the_declaration_names_all_of_them() -> None:
    assert declared().all_networks == {"CL_size": OF_WEIGHT}


def test_the_mean_of_their_weights_is_refused(fit: Fit) -> None:
    with pytest.raises(ValueError, match="wants a model without networks; found 'CL_size'"):
        bn.predict(fit, parameters="mean")


def test_prior_and_posterior_of_their_weights_are_not_compared(fit: Fit) -> None:
    assert set(bn.prior_posterior(fit, draws=50).data_vars) == {"CL_pop", "omega"}


def test_their_weights_are_not_in_the_table_of_parameters(fit: Fit) -> None:
    table = bn.parameter_table(fit)
    assert table.index.get_level_values("name").tolist() == ["CL_pop", "omega[CL]"]


def test_calibration_ranks_their_values_and_not_their_weights() -> None:
    nlme = declared()
    model = nlme.build(small_study())
    flat = flat_model(model)
    probes = 0.1 * np.random.default_rng(1).standard_normal((6, flat.size))
    found = ranked_quantities(
        flat, list(model.named_vars), nlme.all_networks, {"CL_size": [50.0, 90.0]}, probes
    )
    values = ("CL_size(50)", "CL_size(90)")
    assert not [n for n in found.names if n.startswith("CL_size") and n not in values]
    assert found.names[-3:] == (*values, LOG_LIKELIHOOD)
    weights = flat.expand(probes)["CL_size"]
    np.testing.assert_allclose(
        found.at(probes)[:, -3:-1], OF_WEIGHT.evaluate(weights, [[50.0], [90.0]])
    )
