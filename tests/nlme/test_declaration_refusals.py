from __future__ import annotations

from typing import Any

import pytest

import bnode_nlme as bn
from tests.distributions.problems import two_outputs
from tests.nlme.declarations import bolus, bolus_nlme, theophylline_nlme

declare: Any = bn  # for arguments of the wrong type

CL, V = bn.Individual(bn.LogNormal(4.0, 1.0)), bn.Individual(20.0, effect=False)


def declared(**changes: Any) -> bn.NLME:
    given: dict[str, Any] = {"individual": {"CL": CL, "V": V}, "error": bn.Additive()}
    return bn.NLME(bolus, **(given | changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"individual": {"CL": CL}}, r"individual= names parameters \('CL', 'V'\); missing 'V'"),
        ({"individual": {"CL": CL, "V": V, "ka": CL}}, "unknown 'ka'"),
        ({"individual": {"CL": CL, "V": 20.0}}, r"individual\['V'\] wants bn\.Individual.*20\.0"),
        ({"individual": [CL, V]}, "individual= wants a dict by name"),
        ({"omega": "CL"}, "wants an Omega or a list of them; found 'CL'"),
        (
            {"omega": bn.Omega(("CL", "V"))},
            r"omega= names 'V', which has no random effect of the subject; those that do are 'CL'",
        ),
        (
            {"omega": bn.Omega(("CL",), level="occasion")},
            "no random effect of the occasion; those that do are none.*occasion=True",
        ),
        ({"omega": bn.Omega(("CL", "Q"))}, "omega= names 'Q'"),
        ({"omega": [bn.Omega(("CL",)), bn.Omega(("CL",))]}, "names 'CL' twice"),
        ({"error": {"ca": bn.Additive()}}, r"error= names outputs \('cp'\); unknown 'ca'"),
        ({"error": {}}, "error= is empty"),
        ({"error": {"cp": 0.1}}, r"error\['cp'\] wants a residual error model.*found 0\.1"),
        ({"networks": {"uptake": {}}}, r"networks= names networks \(none\); unknown 'uptake'"),
        ({"solver": {"tolerance": 1e-3}}, r"solver= names options of a solve.*unknown 'tolerance'"),
    ],
)
def test_parts_that_do_not_fit(changes, message):
    with pytest.raises(ValueError, match=message):
        declared(**changes)


def test_a_system_is_wanted():
    with pytest.raises(ValueError, match="system= wants a System; found 'pk'"):
        bn.NLME("pk", {"CL": CL}, error=bn.Additive())  # type: ignore[arg-type]


def test_one_error_for_several_outputs():
    with pytest.raises(ValueError, match=r"dict by output \(cp, amount\).*error=\{'cp': "):
        bn.NLME(two_outputs, {"CL": CL, "V": V}, error=bn.Additive())


def test_names_that_would_collide():
    system = bolus.replace(
        parameters=("CL", "eta"),
        rhs=lambda t, y, p, nn, c: {"central": -p.CL * p.eta * y.central},
        outputs={"cp": lambda t, y, p, nn, c: y.central},
    )
    with pytest.raises(ValueError, match="'eta' would name two variables"):
        bn.NLME(system, {"CL": CL, "eta": V}, error=bn.Additive())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: declare.Individual("2.8"), r"typical= wants a prior.*found '2\.8'"),
        (
            lambda: bn.Individual(bn.Normal(3.0, 1.0)),
            r"'lognormal' parameter lies between 0 and inf.*Normal\(3, 1\), which reaches from -inf",
        ),
        (lambda: bn.Individual(-1.0), r"lies between 0 and inf.*found -1\.0"),
        (
            lambda: bn.Individual(bn.LogNormal(0.5, 1.0), distribution="logitnormal"),
            r"between 0 and 1.*bn\.LogitNormal",
        ),
        (
            lambda: declare.Individual(4.0, distribution="gamma"),
            "distribution= wants one of 'lognormal', 'normal', 'logitnormal'; found 'gamma'",
        ),
        (lambda: bn.Individual(4.0, bounds=(0.0, 9.0)), "belong to distribution='logitnormal'"),
        (
            lambda: bn.Individual(0.5, distribution="logitnormal", bounds=(1.0, 0.0)),
            "two finite numbers in order",
        ),
        (
            lambda: declare.Individual(4.0, covariates=bn.Power("WT", 70.0)),
            "covariates= wants a list; write",
        ),
        (lambda: declare.Individual(4.0, covariates=["WT"]), r"wants covariate models.*found 'WT'"),
        (
            lambda: bn.Individual(
                4.0, covariates=[bn.Power("WT", 70.0), bn.Exponential("WT", 70.0)]
            ),
            "names one thing twice: WT, WT",
        ),
        (lambda: declare.Individual(4.0, effect="normal"), r"effect= \(True, False, or a standard"),
        (lambda: bn.Individual(4.0, effect=-0.1), "standard deviation above 0; found -0.1"),
        (
            lambda: bn.Individual(4.0, effect=bn.Normal(0.0, 1.0)),
            r"which is positive; found Normal\(0, 1\)",
        ),
        (
            lambda: bn.Individual(4.0, distribution="normal"),
            r"no default for the standard deviation.*effect=bn\.HalfNormal",
        ),
        (lambda: bn.Omega(()), r"distinct names, at least one; found \(\)"),
        (lambda: bn.Omega(("a", "b"), correlated=[("a", "c")]), "blocks of distinct names"),
        (lambda: bn.Omega(("a",), concentration=0.0), "wants a positive number; found 0.0"),
        (lambda: declare.Omega(("a",), level="study"), "'subject' or 'occasion'; found 'study'"),
        (lambda: bn.LogNormal(0.0, 1.0), "median= wants a positive number; found 0.0"),
        (lambda: bn.Normal(0.0, -1.0), "sd= wants a positive number; found -1.0"),
        (lambda: bn.HalfNormal(0.0), "scale= wants a positive number"),
        (lambda: bn.LogitNormal(2.0, 1.0), "lower < median < upper; found 0.0, 2.0, 1.0"),
        (lambda: bn.Uniform(1.0, 0.0), "finite bounds in order"),
        (lambda: bn.PyMCPrior("Poisson", mu=1.0), "continuous distribution of PyMC.*'Poisson'"),
    ],
)
def test_faulty_pieces(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_options_of_network_weights_are_checked():
    network = bn.MLP("uptake", inputs=1)
    system = bolus.replace(
        networks=(network,),
        rhs=lambda t, y, p, nn, c: {"central": -p.CL / p.V * nn.uptake(y.central)},
    )
    with pytest.raises(ValueError, match=r"networks\['uptake'\]= names options.*unknown 'sd'"):
        bn.NLME(
            system,
            {"CL": CL, "V": V},
            error=bn.Additive(),
            networks={"uptake": {"sd": 1.0}},
        )


def test_an_error_for_one_output_may_stand_alone():
    assert list(declared().errors) == ["cp"]
    assert declared().outputs == ("cp",)
    assert bolus_nlme(CL).subject_effects == ("CL",)
    assert theophylline_nlme().occasion_effects == ()
