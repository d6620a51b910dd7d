"""A declaration as equations: text and LaTeX."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bnode_nlme.distributions.bounded import Beta
from bnode_nlme.distributions.categories import Bernoulli, Ordinal
from bnode_nlme.distributions.counts import NegativeBinomial, Poisson
from bnode_nlme.distributions.error_model import ResidualErrorModel
from bnode_nlme.distributions.residual_error import (
    Additive,
    Combined,
    LogNormalError,
    Proportional,
    StudentT,
)
from bnode_nlme.nlme.error_priors import default_text
from bnode_nlme.nlme.individual import Individual
from bnode_nlme.nlme.individual_values import coefficient_name, population_name
from bnode_nlme.nlme.prior import Prior

if TYPE_CHECKING:
    from bnode_nlme.nlme.nlme import NLME

Line = tuple[str, str]
"""An equation in text and in LaTeX."""


def model_text(nlme: NLME) -> str:
    """See `NLME.__repr__`."""
    sections = {
        "individual parameters": _individual_lines(nlme),
        "random effects": _effect_lines(nlme),
        "measurements": _measurement_lines(nlme),
        "priors": _prior_lines(nlme),
    }
    lines = [f"NLME of {', '.join(nlme.outputs)}"]
    for heading, equations in sections.items():
        if equations:
            lines.append(f"  {heading}")
            lines += [f"    {text}" for text, _ in equations]
    return "\n".join(lines)


def model_latex(nlme: NLME) -> str:
    """See `NLME.to_latex`."""
    equations = [
        *_individual_lines(nlme),
        *_effect_lines(nlme),
        *_measurement_lines(nlme),
        *_prior_lines(nlme),
    ]
    rows = " \\\\\n".join(latex for _, latex in equations)
    return f"\\begin{{aligned}}\n{rows}\n\\end{{aligned}}"


def _tex(name: str) -> str:
    return rf"\mathrm{{{name.replace('_', r'\_')}}}"


def _pop(name: str) -> str:
    return rf"{_tex(name)}_{{\mathrm{{pop}}}}"


def _coefficient(name: str, label: str) -> str:
    return rf"\beta_{{{_tex(name)},{_tex(label)}}}"


def _individual_lines(nlme: NLME) -> list[Line]:
    return [_individual_line(name, declared) for name, declared in nlme.individual.items()]


def _individual_line(name: str, declared: Individual) -> Line:
    logarithmic = declared.scale.logarithmic
    known = None if isinstance(declared.typical, Prior) else f"{declared.typical:g}"
    text = [known or population_name(name)]
    latex = [known or _pop(name)]
    if declared.distribution == "logitnormal":
        text, latex = [f"logit({text[0]})"], [rf"\operatorname{{logit}}\left({latex[0]}\right)"]
    for model in declared.covariates:
        coefficient = None if model.known is None else f"{model.known:g}"
        text.append(model.text(coefficient or coefficient_name(name, model.label), logarithmic))
        latex.append(model.latex(coefficient or _coefficient(name, model.label), logarithmic))
    effects = []
    if declared.effect_sd is not None:
        effects.append((f"eta_{name}", rf"\eta_{{{_tex(name)},i}}"))
    if declared.occasion_sd is not None:
        effects.append((f"kappa_{name}", rf"\kappa_{{{_tex(name)},ik}}"))
    if effects and logarithmic:
        text.append(f"exp({' + '.join(t for t, _ in effects)})")
        latex.append(rf"\exp\left({' + '.join(x for _, x in effects)}\right)")
    else:
        text += [t for t, _ in effects]
        latex += [x for _, x in effects]
    right, tex_right = (
        (" * ".join(text), r" \cdot ".join(latex))
        if logarithmic
        else (" + ".join(text), " + ".join(latex))
    )
    left, tex_left = name, rf"{_tex(name)}_{{{'ik' if declared.occasion_sd is not None else 'i'}}}"
    if declared.distribution == "logitnormal":
        left = f"logit({name})"
        tex_left = rf"\operatorname{{logit}}\left({tex_left}\right)"
        if declared.bounds != (0.0, 1.0):
            lower, upper = declared.bounds
            right += f"   (between {lower:g} and {upper:g})"
            tex_right += rf"\quad\text{{(between {lower:g} and {upper:g})}}"
    return f"{left} = {right}", f"{tex_left} &= {tex_right}"


def _effect_lines(nlme: NLME) -> list[Line]:
    lines: list[Line] = []
    levels = (
        ("subject", nlme.subject_effects, "eta", r"\eta", "i", "omega"),
        ("occasion", nlme.occasion_effects, "kappa", r"\kappa", "ik", "omega_occasion"),
    )
    for level, names, symbol, tex_symbol, index, omega in levels:
        tex_omega = r"\omega" if level == "subject" else r"\gamma"
        blocks = nlme.blocks(level)
        together = {name for block in blocks for name in block.effects}
        for block in blocks:
            effects = ", ".join(f"{symbol}_{name}" for name in block.effects)
            tex = ", ".join(rf"{tex_symbol}_{{{_tex(name)},{index}}}" for name in block.effects)
            sds = ", ".join(f"{omega}[{name}]" for name in block.effects)
            tex_sds = ", ".join(rf"{tex_omega}_{{{_tex(name)}}}" for name in block.effects)
            lines.append(
                (
                    f"({effects}) ~ Normal(0, D R D), D = diag({sds}), "
                    f"R ~ LKJ({block.concentration:g})",
                    rf"\left({tex}\right) &\sim \operatorname{{Normal}}(0,\ D R D),\quad "
                    rf"D = \operatorname{{diag}}({tex_sds}),\quad "
                    rf"R \sim \operatorname{{LKJ}}({block.concentration:g})",
                )
            )
        lines += [
            (
                f"{symbol}_{name} ~ Normal(0, {omega}[{name}])",
                rf"{tex_symbol}_{{{_tex(name)},{index}}} &\sim "
                rf"\operatorname{{Normal}}(0,\ {tex_omega}_{{{_tex(name)}}})",
            )
            for name in names
            if name not in together
        ]
    return lines


def _measurement_lines(nlme: NLME) -> list[Line]:
    return [_measurement_line(output, error) for output, error in nlme.errors.items()]


def _value(output: str, error: ResidualErrorModel, parameter: str) -> Line:
    given = error.parameters[parameter]
    if given is None or isinstance(given, Prior):
        return f"{output}_{parameter}", rf"{_tex(parameter)}_{{{_tex(output)}}}"
    if isinstance(given, (int, float)):
        return f"{given:g}", f"{given:g}"
    return f"({given})", rf"\text{{{given}}}"


def _measurement_line(output: str, error: ResidualErrorModel) -> Line:
    f = output
    tex_f = rf"\hat{{{_tex(output)}}}"
    blq = f"   (censored: {error.blq})" if error.blq else ""
    text, latex = _law(output, error, f, tex_f)
    tex_blq = rf"\quad\text{{(censored: {error.blq})}}" if error.blq else ""
    return f"measured {output} ~ {text}{blq}", rf"{_tex(output)} &\sim {latex}{tex_blq}"


def _law(output: str, error: ResidualErrorModel, f: str, tex_f: str) -> Line:
    def value(parameter: str) -> Line:
        return _value(output, error, parameter)

    if isinstance(error, StudentT):
        inner = error.error
        scale = _scale(output, inner, f, tex_f)
        name = "LogStudentT" if isinstance(inner, LogNormalError) else "StudentT"
        nu = value("nu")
        return (
            f"{name}({nu[0]}, {f}, {scale[0]})",
            rf"\operatorname{{{name}}}({nu[1]},\ {tex_f},\ {scale[1]})",
        )
    if isinstance(error, (Additive, Proportional, Combined, LogNormalError)):
        scale = _scale(output, error, f, tex_f)
        if isinstance(error, LogNormalError):
            return (
                f"LogNormal(log {f}, {scale[0]})",
                rf"\operatorname{{LogNormal}}(\log {tex_f},\ {scale[1]})",
            )
        return f"Normal({f}, {scale[0]})", rf"\operatorname{{Normal}}({tex_f},\ {scale[1]})"
    if isinstance(error, Poisson):
        return f"Poisson({f})", rf"\operatorname{{Poisson}}({tex_f})"
    if isinstance(error, NegativeBinomial):
        phi = value("overdispersion")
        return (
            f"NegativeBinomial(mean {f}, overdispersion {phi[0]})",
            rf"\operatorname{{NegativeBinomial}}({tex_f},\ {phi[1]})",
        )
    if isinstance(error, Bernoulli):
        text = f"logistic({f})" if error.scale == "logit" else f
        tex = rf"\operatorname{{logistic}}({tex_f})" if error.scale == "logit" else tex_f
        return f"Bernoulli({text})", rf"\operatorname{{Bernoulli}}({tex})"
    if isinstance(error, Ordinal):
        cuts = value("cutpoints")
        return (
            f"OrderedLogistic({f}, {cuts[0]})",
            rf"\operatorname{{OrderedLogistic}}({tex_f},\ {cuts[1]})",
        )
    if isinstance(error, Beta):
        phi = value("precision")
        bounds = (
            ""
            if (error.lower, error.upper) == (0, 1)
            else (f" on {error.lower:g} to {error.upper:g}")
        )
        return (
            f"Beta(mean {f}, precision {phi[0]}){bounds}",
            rf"\operatorname{{Beta}}({tex_f},\ {phi[1]})"
            + (rf"\ \text{{{bounds.strip()}}}" if bounds else ""),
        )
    name = type(error).__name__
    inner_text = ", ".join([f, *(value(p)[0] for p in error.parameters)])
    inner_tex = r",\ ".join([tex_f, *(value(p)[1] for p in error.parameters)])
    return f"{name}({inner_text})", rf"\operatorname{{{name}}}({inner_tex})"


def _scale(output: str, error: ResidualErrorModel, f: str, tex_f: str) -> Line:
    if isinstance(error, Combined):
        a, b = (_value(output, error, name) for name in ("additive", "proportional"))
        if error.form == "sd":
            return f"{a[0]} + {b[0]} * {f}", f"{a[1]} + {b[1]} {tex_f}"
        return (
            f"sqrt({a[0]}^2 + ({b[0]} * {f})^2)",
            rf"\sqrt{{{a[1]}^2 + ({b[1]} {tex_f})^2}}",
        )
    sigma = _value(output, error, "sigma")
    if isinstance(error, Proportional):
        return f"{sigma[0]} * {f}", f"{sigma[1]} {tex_f}"
    return sigma


def _tilde(name: str, tex_name: str, text: str, latex: str | None = None) -> Line:
    return f"{name} ~ {text}", rf"{tex_name} &\sim {latex or rf'\text{{{text}}}'}"


def _prior_lines(nlme: NLME) -> list[Line]:
    lines: list[Line] = []
    for name, declared in nlme.individual.items():
        if isinstance(declared.typical, Prior):
            typical = declared.typical
            lines.append(_tilde(population_name(name), _pop(name), typical.text, typical.latex))
        for model in declared.covariates:
            label = coefficient_name(name, model.label)
            prior = model.prior(None)
            if prior is not None:
                tex = _coefficient(name, model.label)
                lines.append(_tilde(label, tex, prior.text, prior.latex))
            elif model.prior_text is not None:
                lines.append(_tilde(label, _coefficient(name, model.label), model.prior_text))
    for omega, tex, level in (("omega", r"\omega", "effect"), ("omega_occasion", r"\gamma", "occ")):
        for name, declared in nlme.individual.items():
            sd = declared.effect_sd if level == "effect" else declared.occasion_sd
            left, tex_left = f"{omega}[{name}]", rf"{tex}_{{{_tex(name)}}}"
            if isinstance(sd, Prior):
                lines.append(_tilde(left, tex_left, sd.text, sd.latex))
            elif sd is not None:
                lines.append((f"{left} = {sd:g}", f"{tex_left} &= {sd:g}"))
    for output, error in nlme.errors.items():
        for parameter, given in error.parameters.items():
            text, tex_left = _value(output, error, parameter)
            if given is None:
                lines.append(_tilde(text, tex_left, default_text(error, output, parameter)))
            elif isinstance(given, Prior):
                lines.append(_tilde(text, tex_left, given.text, given.latex))
    for network in nlme.system.networks:
        options = "".join(f", {k}={v!r}" for k, v in nlme.networks.get(network.name, {}).items())
        text = f"NetworkWeights, {network.size} weights{options}"
        lines.append(_tilde(network.name, _tex(network.name), text))
    return lines
