"""When a candidate's fit is repeated, and what goes with a term that is taken away."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr

import bnode_nlme as bn
from bnode_nlme.discovery import refitting
from bnode_nlme.discovery.form_fit import FormFit
from bnode_nlme.discovery.refit_convergence import agreement
from bnode_nlme.discovery.replacing import warm_start, with_form, without_term
from bnode_nlme.discovery.visited import Visited


def chains(apart: float, *, lp_apart: float = 0.0, draws: int = 200) -> Any:
    """A fit by NUTS of one parameter, whose second chain is elsewhere."""
    rng = np.random.default_rng(1)
    noise = rng.standard_normal((2, 2, draws))
    shift = np.array([0.0, 1.0])[:, None]
    tree = xr.DataTree.from_dict(
        {
            "posterior": xr.Dataset({"k_pop": (("chain", "draw"), noise[0] + apart * shift)}),
            "sample_stats": xr.Dataset({"lp": (("chain", "draw"), noise[1] + lp_apart * shift)}),
        }
    )
    tree.attrs["method"] = "nuts"
    return bn.Fit(tree)


def test_chains_are_judged_by_their_agreement() -> None:
    fine = agreement(chains(0.0))
    assert fine.r_hat < 1.05
    assert fine.ess > 100.0
    assert fine.unsettled == ""
    assert "of k_pop" in agreement(chains(3.0)).unsettled
    assert "of log-posterior" in agreement(chains(0.0, lp_apart=3.0)).unsettled


def test_a_laplace_fit_without_curvature_is_not_settled() -> None:
    fit = chains(0.0)
    fit.data.attrs.update({"method": "laplace", "repaired_curvature": 0})
    assert agreement(fit).unsettled == ""
    fit.data.attrs["repaired_curvature"] = 1
    assert "no positive definite curvature" in agreement(fit).unsettled


@pytest.mark.parametrize(("apart", "wanted"), [((0.0,), 1), ((3.0, 0.0), 2), ((3.0, 1.5), 2)])
def test_a_fit_is_repeated_for_its_chains_alone(
    apart: tuple[float, ...], wanted: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[dict[str, Any]] = []

    def fit(*given: Any) -> Any:
        tried.append(given[3])
        return chains(apart[len(tried) - 1])

    monkeypatch.setattr(refitting, "_fit", fit)
    asked = {"seed": 1, "tune": 300, "draws": 250}
    nothing: Any = None
    own, found = refitting._settled_fit(nothing, nothing, {}, asked)
    assert len(tried) == wanted
    assert [one["draws"] for one in tried] == [250, 500][:wanted]
    # The last is the one that agrees best, and it is kept whether or not it agrees.
    assert own.posterior.equals(chains(apart[-1]).posterior)
    assert bool(found.unsettled) == (apart[-1] > 0.0)


EFFECT = bn.MLP("effect", inputs=1, hidden=(2,), output="positive")
response = bn.System(
    states=("central", "activity"),
    parameters=("V", "kout", "factor"),
    covariates=("WT",),
    networks=(EFFECT,),
    rhs=lambda t, y, p, nn, c: {
        "central": -0.1 * y.central,
        "activity": p.kout * (nn.effect(y.central / p.V / p.factor / c.WT) - y.activity),
    },
    outputs={"pca": lambda t, y, p, nn, c: y.activity + 0.0 * y.central / p.V},
)


def declared() -> bn.NLME:
    return bn.NLME(
        response,
        {name: bn.Individual(bn.LogNormal(1.0, 0.5)) for name in response.parameters},
        omega=bn.Omega(("kout", "factor")),
        error={"pca": bn.Additive(bn.HalfNormal(1.0))},
    )


def form(expression: str, **constants: float) -> FormFit:
    values = np.array([constants[name] for name in sorted(constants)])
    return FormFit(bn.Form("f", expression), values, np.tile(values, (5, 1)), 0.0, 1.0, values)


def test_parameters_of_the_networks_arguments_go_with_the_term() -> None:
    without = without_term(declared(), "effect")
    assert without.system.parameters == ("V", "kout")
    assert without.system.covariates == ()
    assert set(without.individual) == {"V", "kout"}
    assert not without.blocks("subject")
    study = bn.Study.from_regimen(bn.Regimen(1.0, "central"), times=[1.0, 2.0])
    solved = bn.simulate(without.system, study, {"V": 1.0, "kout": 0.5})
    np.testing.assert_allclose(solved["pca"], 0.0)
    means = {
        "omega": xr.DataArray(
            [0.1, 0.2, 0.3], dims="effect", coords={"effect": ["V", "kout", "factor"]}
        ),
        "V_pop": xr.DataArray(2.0),
    }
    start = warm_start(without, means, None, "effect")
    np.testing.assert_array_equal(start["omega"], [0.1, 0.2])


def test_a_constant_needs_no_arguments_and_other_forms_keep_them() -> None:
    visited = Visited(np.linspace(0.0, 5.0, 50)[:, None])
    flat = with_form(declared(), "effect", form("a", a=1.0), visited)
    assert flat.system.parameters == ("V", "kout", "effect_a")
    line = with_form(declared(), "effect", form("a*x", a=1.0), visited)
    assert line.system.parameters == ("V", "kout", "factor", "effect_a")
    assert line.system.covariates == ("WT",)
    assert len(line.blocks("subject")) == 1


def test_a_replacement_that_leaves_a_parameter_unused_is_an_error_unless_asked_for() -> None:
    with pytest.raises(bn.DeclarationError, match="'factor' declared, but neither"):
        response.with_function("effect", lambda p, x: 1.0)
    with pytest.raises(bn.DeclarationError, match=r"'new'.* declared, but neither"):
        response.with_function("effect", lambda p, x: 1.0, ("new",), drop_unused=True)
