"""A declaration prints as a model."""

from __future__ import annotations

import bnode_nlme as bn
from tests.distributions.problems import two_outputs
from tests.nlme.declarations import bolus_nlme, oral, theophylline_nlme

THEOPHYLLINE = """\
NLME of cp
  individual parameters
    ka = ka_pop
    CL = CL_pop * (WT / 70)^0.75 * exp(eta_CL)
    V = V_pop * exp(V_WT * (WT - 70)) * exp(eta_V)
  random effects
    (eta_CL, eta_V) ~ Normal(0, D R D), D = diag(omega[CL], omega[V]), R ~ LKJ(2)
  measurements
    measured cp ~ Normal(cp, sqrt(cp_additive^2 + (cp_proportional * cp)^2))
  priors
    ka_pop ~ LogNormal(median 1.5, sd of log 1)
    CL_pop ~ LogNormal(median 2.8, sd of log 1)
    V_pop ~ LogNormal(median 32, sd of log 1)
    V_WT ~ Normal(0, 1 / sd of WT)
    omega[CL] ~ HalfNormal(1)
    omega[V] ~ HalfNormal(1)
    cp_additive ~ HalfNormal(sd of the measured cp)
    cp_proportional ~ HalfNormal(0.5)"""

LATEX = r"""\begin{aligned}
\mathrm{CL}_{i} &= \mathrm{CL}_{\mathrm{pop}} \cdot \left(\frac{\mathrm{WT}_i}{70}\right)^{0.75} \cdot \exp\left(\eta_{\mathrm{CL},i}\right) \\
\mathrm{V}_{i} &= 20 \\
\eta_{\mathrm{CL},i} &\sim \operatorname{Normal}(0,\ \omega_{\mathrm{CL}}) \\
\mathrm{cp} &\sim \operatorname{Normal}(\hat{\mathrm{cp}},\ \mathrm{sigma}_{\mathrm{cp}} \hat{\mathrm{cp}})\quad\text{(censored: M3)} \\
\mathrm{CL}_{\mathrm{pop}} &\sim \operatorname{LogNormal}(\log 4,\ 1) \\
\omega_{\mathrm{CL}} &\sim \operatorname{HalfNormal}(0.3) \\
\mathrm{sigma}_{\mathrm{cp}} &\sim \operatorname{HalfNormal}(0.2)
\end{aligned}"""


def test_text():
    assert repr(theophylline_nlme()) == THEOPHYLLINE


def test_latex():
    nlme = bolus_nlme(
        bn.Individual(
            bn.LogNormal(4.0, 1.0),
            effect=bn.HalfNormal(0.3),
            covariates=[bn.Power("WT", 70.0, 0.75)],
        ),
        error=bn.Proportional(bn.HalfNormal(0.2), blq="M3"),
    )
    assert nlme.to_latex() == LATEX


def test_every_part_of_the_grammar():
    network = bn.MLP("shape", inputs=2, hidden=(3,), anchor=(70.0, 0.0))
    nlme = bn.NLME(
        oral,
        {
            "ka": bn.Individual(
                bn.LogitNormal(1.0, 1.0, 0.0, 4.0),
                distribution="logitnormal",
                bounds=(0.0, 4.0),
                effect=0.4,
                covariates=[bn.Categorical("SEX", (0, 1))],
            ),
            "CL": bn.Individual(
                bn.LogNormal(4.0, 1.0),
                occasion=bn.HalfNormal(0.2),
                covariates=[bn.CovariateNetwork(network, ("WT", "SEX")), bn.Linear("AGE", 40.0)],
            ),
            "V": bn.Individual(
                bn.Normal(20.0, 5.0),
                distribution="normal",
                covariates=[bn.Power("WT", 70.0), bn.Exponential("AGE", -40.0, 0.1)],
            ),
        },
        error=bn.StudentT(bn.Combined(0.1, form="sd"), nu=4.0),
    )
    assert (
        repr(nlme)
        == """\
NLME of cp
  individual parameters
    logit(ka) = logit(ka_pop) + ka_SEX[SEX] + eta_ka   (between 0 and 4)
    CL = CL_pop * exp(shape(WT, SEX)) * (1 + CL_AGE * (AGE - 40)) * exp(eta_CL + kappa_CL)
    V = V_pop + V_WT * log(WT / 70) + 0.1 * (AGE + 40) + eta_V
  random effects
    eta_ka ~ Normal(0, omega[ka])
    eta_CL ~ Normal(0, omega[CL])
    eta_V ~ Normal(0, omega[V])
    kappa_CL ~ Normal(0, omega_occasion[CL])
  measurements
    measured cp ~ StudentT(4, cp, 0.1 + cp_proportional * cp)
  priors
    ka_pop ~ LogitNormal(median 1, sd of logit 1) on 0 to 4
    ka_SEX ~ Normal(0, 1)
    CL_pop ~ LogNormal(median 4, sd of log 1)
    CL_shape ~ NetworkWeights, 13 weights
    CL_AGE ~ Normal(0, 1 / sd of AGE)
    V_pop ~ Normal(20, 5)
    V_WT ~ Normal(0, 1)
    omega[ka] = 0.4
    omega[CL] ~ HalfNormal(1)
    omega[V] ~ HalfNormal(5)
    omega_occasion[CL] ~ HalfNormal(0.2)
    cp_proportional ~ HalfNormal(0.5)"""
    )
    latex = nlme.to_latex()
    assert latex.count("\\\\\n") == repr(nlme).count("\n    ") - 1
    assert latex.count("&") == latex.count("\\\\\n") + 1
    assert latex.count("{") == latex.count("}")


def test_every_outcome_has_a_law():
    errors = {
        bn.Poisson(): "Poisson(cp)",
        bn.NegativeBinomial(): "NegativeBinomial(mean cp, overdispersion cp_overdispersion)",
        bn.Bernoulli("logit"): "Bernoulli(logistic(cp))",
        bn.Ordinal(categories=3): "OrderedLogistic(cp, cp_cutpoints)",
        bn.Beta(9.0, upper=10.0): "Beta(mean cp, precision 9) on 0 to 10",
        bn.LogNormalError(): "LogNormal(log cp, cp_sigma)",
        bn.StudentT(bn.LogNormalError(0.3)): "LogStudentT(cp_nu, cp, 0.3)",
        bn.Combined(0.1, 0.2, blq="M4"): "Normal(cp, sqrt(0.1^2 + (0.2 * cp)^2))   (censored: M4)",
    }
    for error, law in errors.items():
        text = repr(bolus_nlme(bn.Individual(4.0), error=error))
        assert f"    measured cp ~ {law}\n" in text


def test_several_outputs():
    nlme = bn.NLME(
        two_outputs,
        {name: bn.Individual(bn.LogNormal(4.0, 1.0)) for name in ("CL", "V")},
        error={"cp": bn.Additive(), "amount": bn.Proportional()},
    )
    text = repr(nlme)
    assert text.startswith("NLME of cp, amount\n")
    assert "    cp_sigma ~ HalfNormal(sd of the measured cp)" in text
    assert "    amount_sigma ~ HalfNormal(0.5)" in text
