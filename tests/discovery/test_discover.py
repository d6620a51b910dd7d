"""What eliminates a drug, found from a fit: the mechanism that simulated the data."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import sympy

import bnode_nlme as bn
from bnode_nlme.discovery.form_fit import FormFit
from bnode_nlme.discovery.form_library import RATE_CONSTANT_LIBRARY
from bnode_nlme.discovery.replacing import with_form, without_term
from bnode_nlme.discovery.visited import Visited
from tests.discovery.small_ude import (
    design,
    linear_nlme,
    michaelis_menten,
    small_nlme,
    small_ude,
)

VISITED = Visited(np.linspace(0.0, 20.0, 200)[:, None])


def form_fit(name: str, constants: dict[str, float]) -> FormFit:
    form = next(own for own in RATE_CONSTANT_LIBRARY if own.name == name)
    values = np.array([constants[own] for own in form.constants])
    return FormFit(form, values, np.tile(values, (10, 1)), 0.0, 1.0, values)


def test_a_form_in_the_networks_place_solves_as_written_by_hand() -> None:
    nlme = with_form(
        small_nlme(), "elimination", form_fit("Michaelis-Menten", {"Vmax": 2.0, "Km": 3.0}), VISITED
    )
    assert nlme.system.parameters == ("V", "elimination_Km", "elimination_Vmax")
    assert not nlme.system.networks
    declared = nlme.individual["elimination_Km"]
    assert declared.typical == bn.LogNormal(3.0, 1.0)
    assert declared.effect_sd is None
    by_hand = bn.System(
        states=("central",),
        parameters=("V", "Vmax", "Km"),
        rhs=lambda t, y, p, nn, c: {"central": -p.Vmax * y.central / (p.Km + y.central / p.V)},
        outputs={"cp": lambda t, y, p, nn, c: y.central / p.V},
    )
    values = {"V": 1.1, "elimination_Km": 3.0, "elimination_Vmax": 2.0}
    found = bn.simulate(nlme.system, design(), values, rtol=1e-9, atol=1e-12)
    values = {"V": 1.1, "Km": 3.0, "Vmax": 2.0}
    wanted = bn.simulate(by_hand, design(), values, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found["cp"], wanted["cp"], rtol=1e-7)


@pytest.mark.parametrize("name", ["Hill", "power", "saturating exponential", "zero order"])
def test_forms_that_are_not_finite_at_zero_can_be_solved_before_the_first_dose(name: str) -> None:
    constants = {"Vmax": 2.0, "Km": 3.0, "h": 0.7, "a": 1.0, "b": 0.8, "k": 0.3, "R": 1.0}
    nlme = with_form(small_nlme(), "elimination", form_fit(name, constants), VISITED)
    late = bn.Study.from_regimen(bn.Regimen(10.0, "central", start=2.0), times=[1.0, 3.0, 5.0])
    values = {f"elimination_{n}": v for n, v in constants.items()}
    solved = bn.simulate(nlme.system, late, {n: values.get(n, 1.0) for n in nlme.system.parameters})
    cp = solved["cp"].to_numpy()
    assert cp[0] == 0.0
    assert 0.0 < cp[2] < cp[1] < 10.0


def test_without_the_term_nothing_is_eliminated() -> None:
    nlme = without_term(small_nlme(), "elimination")
    solved = bn.simulate(nlme.system, design(), {"V": 2.0})
    doses = np.repeat([2.5, 5.0, 10.0, 20.0] * 2, 7)
    np.testing.assert_allclose(solved["cp"], doses / 2.0)


@pytest.fixture(scope="module")
def fit() -> bn.Fit:
    with warnings.catch_warnings():
        # Too narrow for a network's weights; how near candidates are to each other does not matter.
        warnings.simplefilter("ignore", bn.ApproximationWarning)
        return bn.fit(
            small_nlme(), small_ude(1), method="pathfinder", draws=200, paths=2, progress=False
        )


@pytest.fixture(scope="module")
def found(fit: bn.Fit) -> bn.Discovery:
    return bn.discover(
        fit,
        rate_constant=True,
        forms=[f for f in RATE_CONSTANT_LIBRARY if f.name in ("linear", "Michaelis-Menten")],
        sparse=False,
        draws=15,
        loo_draws=50,
        paths=2,
        seed=1,
    )


def test_the_mechanism_is_first_and_the_linear_one_refuted(found: bn.Discovery) -> None:
    assert found.first.name == "Michaelis-Menten"
    vmax, km = (found.first.constants[name] for name in ("Vmax", "Km"))
    assert vmax.low < 2.0 < vmax.high
    assert km.low < 3.0 < km.high
    assert found["linear"].refuted
    assert found["without the term"].refuted
    assert found["linear"].behind < -10.0
    x = sympy.Symbol("x", nonnegative=True)
    assert found.first.expression.has(x)
    assert "Linear is refuted" in found.claims
    assert "Michaelis-Menten with" in found.claims.splitlines()[0]
    assert found.table.loc["network", "complexity"] == 13
    assert sum(own.weight for own in found.candidates) == pytest.approx(1.0)
    assert str(found.first).startswith("Candidate: Michaelis-Menten with Km")
    assert len(str(found["linear"]).splitlines()) == 1
    assert str(found["linear"]).endswith("; refuted")
    assert "weight: of stacking" in str(found)
    with pytest.raises(KeyError, match="no candidate 'Gompertz'; there are 'Michaelis-Menten'"):
        found["Gompertz"]


def test_candidates_foretell_another_regimen(found: bn.Discovery) -> None:
    predicted = found.predict(
        bn.Regimen(10.0, "central", every=6.0, additional=5), times=[6.0, 24.0, 36.0], draws=20,
        refuted=True,
    )  # fmt: skip
    assert predicted["candidate"].to_numpy()[0] == "Michaelis-Menten"
    assert set(predicted["candidate"].to_numpy()) == {own.name for own in found.candidates}
    middle = predicted["cp"].median("sample")
    # Six hours after the last dose: saturated elimination has piled the drug up.
    last = middle.isel(observation=2)
    assert float(last.sel(candidate="Michaelis-Menten")) > float(last.sel(candidate="linear"))
    figure = bn.plot_extrapolation(found, predicted)
    assert len(figure.axes[0].lines) == predicted.sizes["candidate"]
    with pytest.raises(ValueError, match="found 'cp' and 99"):
        bn.plot_extrapolation(found, predicted, subject=99)
    with pytest.raises(ValueError, match=r"found 'conc' and 1\."):
        bn.plot_extrapolation(found, predicted, output="conc")


def test_where_the_network_extrapolates_is_told_and_drawn(found: bn.Discovery) -> None:
    """Three times the largest dose leaves what the network has seen; the control does not."""
    times = [0.1, 0.5, 24.0]
    told, drawn = [], []
    for dose in (60.0, 10.0):
        predicted = found.predict(bn.Regimen(dose, "central"), times=times, draws=5, refuted=True)
        told.append(predicted["extrapolated"].to_numpy().reshape(-1, len(times)).mean(axis=0))
        legend = bn.plot_extrapolation(found, predicted).axes[0].get_legend()
        assert legend is not None
        drawn.append("network extrapolates" in [text.get_text() for text in legend.get_texts()])
    np.testing.assert_array_equal(told[0][:2], 1.0)
    assert told[0][2] < 0.5
    assert told[1].max() < 0.2
    assert drawn == [True, False]
    population = found.predict(
        bn.Regimen(60.0, "central"), times=times, draws=5, kind="population", refuted=True
    )
    assert "extrapolated" not in population


def test_the_plot_has_each_candidate(found: bn.Discovery) -> None:
    figure = bn.plot_discovery(found, reference=michaelis_menten)
    functions, differences = figure.axes
    legend = functions.get_legend()
    assert legend is not None
    labels = [text.get_text() for text in legend.get_texts()]
    assert labels == ["network, 90 % band", "Michaelis-Menten", "linear (refuted)", "truth"]
    assert len(differences.get_yticks()) == 4
    figure.draw_without_rendering()
    frame = differences.get_window_extent()
    for label in differences.texts:
        box = label.get_window_extent()
        assert frame.x0 < box.x0 < box.x1 < frame.x1, label.get_text()


def test_resemblance_alone_claims_nothing(fit: bn.Fit) -> None:
    found = bn.discover(fit, rate_constant=True, refit=False, draws=5, seed=1)
    assert all(own.fit is None for own in found.candidates)
    assert found.claims.startswith("Nothing may be claimed yet of 'elimination'")
    assert found.terms is not None
    assert 0.0 < found.terms.share <= 1.0
    with pytest.raises(ValueError, match="refit=True"):
        found.predict(design())
    with pytest.raises(ValueError, match="refit=True"):
        bn.plot_discovery(found)


def test_symbolic_regression_proposes_what_no_form_names(fit: bn.Fit) -> None:
    pytest.importorskip("pyoperon", reason="no wheel of Operon for this platform")
    linear = [form for form in RATE_CONSTANT_LIBRARY if form.name == "linear"]
    found = bn.discover(
        fit, forms=linear, rate_constant=True, sparse=False, symbolic=True, refit=False, draws=15,
        seed=1,
    )  # fmt: skip
    assert found["linear"].kind == "form"
    assert {own.kind for own in found.candidates if own.name != "linear"} == {"symbolic"}
    nearest = min(found.candidates, key=lambda own: own.misfit)
    assert nearest.name == f"symbolic: {nearest.form and nearest.form.expression}"
    assert nearest.misfit < 1.0 < found["linear"].misfit
    assert nearest.name in found.claims


def test_what_cannot_be_discovered(fit: bn.Fit) -> None:
    two = bn.Form("two", "a*x1*x2", inputs=2)
    with pytest.raises(ValueError, match="has 1 inputs; forms= has 'two'"):
        bn.discover(fit, forms=[two])
    with pytest.raises(TypeError, match=r"such as bn\.Form\(.*found 'a\*x' in it"):
        bn.discover(fit, forms=["a*x"])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="names that differ; found 'MM' more than once"):
        bn.discover(fit, forms=[bn.Form("MM", "a*x/(K + x)"), bn.Form("MM", "a*x")])
    with pytest.raises(ValueError, match="keep= wants 1 or more"):
        bn.discover(fit, keep=0)
    without = bn.Fit(fit.data, fit.study, linear_nlme())
    with pytest.raises(ValueError, match="discover wants a fit with a network in its system"):
        bn.discover(without)
