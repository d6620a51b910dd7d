"""`discover`: from a learned function to mechanisms that are tested on the data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bnode_nlme.discovery.candidate import Candidate, Constant, Kind
from bnode_nlme.discovery.discovery import Discovery
from bnode_nlme.discovery.form_fit import FormFit, FunctionDraws, chosen_forms, fit_form
from bnode_nlme.discovery.form_library import library
from bnode_nlme.discovery.forms import Form, signed
from bnode_nlme.discovery.learned_function import LearnedFunction, learned_function
from bnode_nlme.discovery.ranking import ranked
from bnode_nlme.discovery.refitting import (
    network_itself,
    posterior_means,
    refit_settings,
    refitted,
    refitted_without,
)
from bnode_nlme.discovery.sparse_terms import SparseTerms, sparse_terms
from bnode_nlme.discovery.symbolic_search import symbolic_fits
from bnode_nlme.inference.fit import Method
from bnode_nlme.inference.fit_result import Fit
from bnode_nlme.results.population_draws import declaration_of

_POINTS = 40


def discover(
    fit: Fit,
    network: str | None = None,
    *,
    forms: Sequence[Form] | None = None,
    rate_constant: bool = False,
    sparse: bool = True,
    symbolic: bool = False,
    keep: int = 3,
    refit: bool = True,
    method: Method | None = None,
    draws: int = 30,
    loo_draws: int = 200,
    refits: int = 0,
    seed: int = 0,
    progress: bool = False,
    **options: Any,
) -> Discovery:
    """Propose mechanisms for a network, put them back into the equations, and compare.

    Parameters
    ----------
    fit
        Of a `bn.NLME` with a network of one output in its system.
    network
        Its name; may be left out where there is only one.
    forms
        Candidates; by default the field's (`bnode_nlme.discovery.library`).
    rate_constant
        Whether the equations multiply the network by its input, as in ``nn.elimination(x) * x``:
        the forms are then those of the whole term, so that "linear" is a constant network and
        "Michaelis-Menten" is Vmax / (Km + x).
    sparse
        Whether to propose a sum of few terms too, by sparse regression of the draws.
    symbolic
        Whether to search for other expressions too, by symbolic regression of the function's median
        where data lie. It takes some seconds, and Operon: ``pip install 'bnode-nlme[symbolic]'``.
    keep
        How many of the forms are refitted: of those within two posterior standard deviations of
        the function, first the one of each size that comes clearly nearer than all smaller ones,
        then the simplest; where these are too few, the nearest of the others. Besides them those
        that are a constant, or a constant times an input, whatever their names, so that they can
        be refuted.
    refit
        Whether to put candidates back into the equations and fit the data with them.
    method
        Of these fits; by default that of the fit. Of ``"nuts"`` runs are short, for forms mix fast:
        two chains of 250 draws after 300; give ``draws=``, ``tune=``, ``chains=`` for others.
    draws
        Of the function, to which forms are fitted.
    loo_draws
        Of each posterior, for the comparison.
    refits
        How many subjects of each candidate, at most, are left out by fitting again, where Pareto k
        is too large: each costs a fit, 0 by default. See `bn.verdict`.
    seed, progress
        Of everything random; whether fits show their progress.
    **options
        Of the method, for the candidates' fits: see `bn.fit`.

    Returns
    -------
    Discovery

    Raises
    ------
    ValueError
        When the fit has no declaration, its model no such network in its system, few draws, fewer
        than three subjects to compare candidates by, or the network several outputs.
    ImportError
        When `symbolic` is asked for, and Operon is not installed.

    Notes
    -----
    A form that resembles the network is no discovery: a high R² to the network says nothing of the
    data. What counts is the comparison of the refitted models, by expected log predictive density
    of left-out subjects, random effects integrated out, beside the network itself and the model
    without the term, by the rule of `bn.verdict` (`bnode_nlme.discovery.paired_difference`).

    Priors of a form's constants lie around its fits to the network; their widths, a factor of 7
    either way, and for constants of either sign the size of the function, owe nothing to the data,
    so that these, seen by the network already, hardly count twice.

    A candidate's fit is repeated, longer, where its chains disagree, and for no other reason; what
    then still disagrees is shown with its numbers, and nothing is claimed of it.

    Symbolic regression is genetic programming by Operon (Burlacu, Kronberger and Kommenda 2020,
    doi:10.1145/3377929.3398099), of sums, products, quotients and exponentials. Constants that
    change nothing are taken out of what it finds, and what is the same function as another form, of
    as many constants, is left out. Give what another search finds in draws of `bn.learned_function`
    as ``forms=[*bnode_nlme.discovery.library(1), bn.Form(name, expression)]``, and it is tested as
    all others are.
    """
    if not declaration_of(fit, "discover").system.networks:
        raise ValueError(
            "discover wants a fit with a network in its system, of which it proposes what the "
            "network stands for; found none. For covariates there is bn.discover_covariates."
        )
    function = learned_function(fit, network, seed=seed, prior_draws=100)
    _check(fit, function, keep, refit)
    rng = np.random.default_rng(seed)
    seen = _where_data_lie(function, draws, rng)
    if forms is None:
        forms = library(function.network.inputs, rate_constant=rate_constant)
    _check_forms(forms)
    wrong = [form.name for form in forms if form.inputs != function.network.inputs]
    if wrong:
        raise ValueError(
            f"discover: {function.name!r} has {function.network.inputs} inputs; forms= has "
            f"{', '.join(map(repr, wrong))} of another number. Declare it in bn.Form(inputs=...)."
        )
    terms = sparse_terms(seen, rng) if sparse else None
    proposed = [*signed(forms, seen.median, seen.spread)]
    if terms is not None and not _is_known(terms, proposed):
        proposed.append(terms.form)
    fits = [found for form in proposed if (found := fit_form(form, seen, rng)) is not None]
    searched = symbolic_fits(seen, fits, rng) if symbolic else []
    fits = sorted([*fits, *searched], key=lambda found: (found.form.size, found.misfit))
    chosen = chosen_forms(fits, keep) if refit else []
    candidates = [_from_function(found, _kind(found, terms, searched)) for found in fits]
    if refit:
        settings = refit_settings(fit, method, seed, progress, options)
        comparison = {"draws": loo_draws, "refits": refits, "seed": seed}
        rest = function, fit, settings, posterior_means(fit), comparison
        for place, found in enumerate(fits):
            if found in chosen:
                candidates[place] = refitted(candidates[place], found, *rest)
        candidates += [network_itself(fit, function, comparison), refitted_without(*rest)]
    return Discovery(fit, function, ranked(candidates), terms)


def _check(fitted: Fit, function: LearnedFunction, keep: int, refit: bool) -> None:
    inside = [net.name for net in fitted.nlme.system.networks]
    if function.name not in inside:
        raise ValueError(
            f"discover: {function.name!r} is a network of covariates; wanted is one of the "
            f"system's: {', '.join(map(repr, inside)) or 'there is none'}. For covariates there is "
            "bn.discover_covariates."
        )
    if function.network.outputs > 1:
        raise ValueError(
            f"discover wants a network of one output; {function.name!r} has "
            f"{function.network.outputs}. Declare a network for each."
        )
    if function.data.sizes["chain"] * function.data.sizes["draw"] < 25:
        raise ValueError(
            "discover wants draws of a posterior, 25 at least; found "
            f"{function.data.sizes['chain'] * function.data.sizes['draw']}. Fit with another method."
        )
    if refit and fitted.study is not None and fitted.study.n_subjects < 3:
        raise ValueError(
            "discover compares candidates by what they foretell of left-out subjects, and wants "
            f"three at least; found {fitted.study.n_subjects}. Write refit=False for forms alone."
        )
    if keep < 1:
        raise ValueError(f"discover: keep= wants 1 or more; found {keep!r}.")


def _check_forms(forms: Sequence[Form]) -> None:
    for form in forms:
        if not isinstance(form, Form):
            raise TypeError(
                "discover: forms= wants a sequence of forms, such as bn.Form('Michaelis-Menten', "
                f"'Vmax * x / (Km + x)'); found {form!r} in it."
            )
    names = [form.name for form in forms]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(
            f"discover: forms= wants names that differ; found {', '.join(map(repr, twice))} more "
            "than once."
        )


def _where_data_lie(
    function: LearnedFunction, draws: int, rng: np.random.Generator
) -> FunctionDraws:
    """Draws of the function over the visited range, each point with its share of visits."""
    visited = function.visited
    if visited is None:
        raise ValueError("discover wants the study of the fit: what the network was given.")
    if function.network.inputs == 1:
        points = np.linspace(visited.ends[0], visited.ends[1], _POINTS)
        weight = visited.density(0, points[:, 0])
    else:
        # Visited inputs themselves, so that each stands for an equal share.
        places = rng.choice(len(visited.inputs), size=min(200, len(visited.inputs)), replace=False)
        points, weight = visited.inputs[places], np.ones(len(places))
    values = function.evaluate(points).reshape(-1, len(points))
    chosen = rng.choice(len(values), size=min(draws, len(values)), replace=False)
    return FunctionDraws(points, weight / weight.sum(), values[chosen], _prior_size(function))


def _prior_size(function: LearnedFunction) -> float:
    """Half the width of the prior's 50 % band where data lie; 0 where it is not known."""
    if "prior_band" not in function.data:
        return 0.0
    band = function.data["prior_band"].where(~function.data["extrapolated"])
    return float((0.5 * (band.sel(quantile=0.75) - band.sel(quantile=0.25))).mean())


def _is_known(terms: SparseTerms, forms: Sequence[Form]) -> bool:
    """Whether the library has the sum of terms: the same expression but for constants' names."""

    def shape(form: Form) -> str:
        names = {name: f"q{place}" for place, name in enumerate(form.constants)}
        return str(form.renamed(names))

    return shape(terms.form) in {shape(form) for form in forms}


def _kind(found: FormFit, terms: SparseTerms | None, searched: Sequence[FormFit]) -> Kind:
    if found in searched:
        return "symbolic"
    return "sparse" if terms is not None and found.form is terms.form else "form"


def _from_function(found: FormFit, kind: Kind) -> Candidate:
    form = found.form
    return Candidate(
        form.name,
        kind,
        form,
        {name: Constant.of(found.constants[:, place]) for place, name in enumerate(form.constants)},
        found.explained,
        found.misfit,
        form.complexity,
        note="resembles the network less: not refitted",
    )
