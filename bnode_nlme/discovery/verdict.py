"""`verdict`: whether a network in the model was needed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
import xarray as xr

from bnode_nlme.discovery.design_separation import design_separation
from bnode_nlme.discovery.left_out_subjects import left_out_subjects
from bnode_nlme.discovery.network_share import network_share
from bnode_nlme.discovery.paired_difference import (
    CONFIDENCE,
    WORTHWHILE,
    Outcome,
    PairedDifference,
    check_rule,
    paired_difference,
)
from bnode_nlme.discovery.verdict_text import comparison_text, verdict_text
from bnode_nlme.inference.fit_result import Fit
from bnode_nlme.results.population_draws import declaration_of
from bnode_nlme.study.dimensions import SUBJECT
from bnode_nlme.study.study import Study

Answer = Literal["helps", "unnecessary", "undecided"]

MECHANISTIC, HYBRID, NETWORK_ONLY = "mechanistic", "hybrid", "network only"


@dataclass(frozen=True, eq=False, repr=False)
class SubjectComparison:
    """Two fits compared subject by subject. `print` says what may be said.

    Attributes
    ----------
    outcome : {"better", "no better", "undecided"}
        Of the first; undecided too where it would be another without the subjects whose numbers
        are doubtful.
    difference : PairedDifference
        ELPD of the first minus that of the second, in nats.
    data : xarray.Dataset
        Over ``model`` and ``subject``: ``elpd`` (nats), ``pareto_k``, ``refitted``, ``doubtful``,
        ``reason``; over ``model``: ``approximate``.
    names : tuple of str
        Of the two models.
    """

    outcome: Outcome
    difference: PairedDifference
    data: xr.Dataset
    names: tuple[str, str]

    def __repr__(self) -> str:
        return comparison_text(self.outcome, self.difference, self.data, self.names)


@dataclass(frozen=True, eq=False, repr=False)
class Verdict:
    """Whether the network helps. `print` says it with its reasons.

    Attributes
    ----------
    answer : {"helps", "unnecessary", "undecided"}
        Helps: left-out subjects are foretold better with the network, significantly and by a
        difference that is worthwhile. Unnecessary: they are not foretold better by a worthwhile
        difference. Undecided: neither can be said, or it would not be said without the subjects
        whose numbers are doubtful.
    difference : PairedDifference
        ELPD of the hybrid model minus that of the mechanistic one, in nats.
    against_network_only : PairedDifference or None
        ELPD of the hybrid model minus that of the network alone, in nats.
    data : xarray.Dataset
        Over ``model`` and ``subject``: ``elpd`` (nats), ``pareto_k``, ``refitted``, ``doubtful``,
        and ``reason``, why a subject could not be refitted; over ``model``: ``approximate``; over
        ``share_draw`` and ``state``: ``share`` of the networks in the hybrid model's rates of
        change, from 0 to 1.
    seconds : mapping of str to float
        That each fit took, in seconds.
    designs : pandas.DataFrame or None
        Of planned studies, how well each would tell the two models apart; see `design_separation`.
    """

    answer: Answer
    difference: PairedDifference
    against_network_only: PairedDifference | None
    data: xr.Dataset
    seconds: Mapping[str, float]
    designs: pd.DataFrame | None = None

    @property
    def run_time_ratio(self) -> float:
        """Time of the hybrid fit over that of the mechanistic one."""
        return self.seconds[HYBRID] / self.seconds[MECHANISTIC]

    def __repr__(self) -> str:
        return verdict_text(self)


def verdict(
    mechanistic: Fit,
    hybrid: Fit,
    network_only: Fit | None = None,
    *,
    designs: Mapping[str, Study] | None = None,
    confidence: float = CONFIDENCE,
    worthwhile: float = WORTHWHILE,
    draws: int | None = None,
    refits: int = 10,
    refit_options: Mapping[str, Any] | None = None,
    seed: int = 0,
) -> Verdict:
    """Judge whether a network in the model was needed.

    Parameters
    ----------
    mechanistic
        The fit without the network.
    hybrid
        The fit with it.
    network_only
        A fit in which networks stand for everything, to see whether the mechanism helps.
    designs
        Planned studies by name, of other doses or times, such as those of `Study.from_regimen`:
        the verdict says which would tell the models apart with the fewest patients.
    confidence
        Of each one-sided bound of a difference: 0.9 by default.
    worthwhile
        Least difference in ELPD, over all subjects, that counts: 4 nats by default.
    draws
        Of each posterior; up to 400 by default.
    refits
        How many subjects of each fit, at most, are left out by fitting again, where Pareto k is
        too large.
    refit_options
        Of `bnode_nlme.fit`, for those; what is not given is as it was in the fit.
    seed

    Returns
    -------
    Verdict

    Raises
    ------
    ValueError
        When a fit has no declaration or study, the hybrid has no network, the studies differ, or a
        design has no observations.
    TypeError
        When a design is no `Study`.

    Notes
    -----
    The models are compared by what they foretell of all measurements of each left-out subject,
    its random effects integrated out, paired by subject: see `paired_difference` for the rule and
    why a difference must be worthwhile besides significant.

    Twelve subjects with three measurements each (error 20 %, one random effect), a network of two
    units as a factor on linear elimination, NUTS: where elimination is linear, "helps" in
    1 of 100 data sets; where it is Vmax 2, Km 3 after 10 a litre, in 24 of 25.
    """
    fits = {MECHANISTIC: mechanistic, HYBRID: hybrid}
    if network_only is not None:
        fits[NETWORK_ONLY] = network_only
    if not declaration_of(hybrid, "verdict").system.networks:
        raise ValueError(
            "verdict: the hybrid fit's system has no network. The order is verdict(mechanistic, "
            "hybrid)."
        )
    check_rule(confidence, worthwhile)
    planned = None
    if designs is not None:
        planned = design_separation(mechanistic, hybrid, designs, worthwhile=worthwhile, seed=seed)
    data = _left_out(fits, "verdict", draws, refits, refit_options, seed)
    rule = {"confidence": confidence, "worthwhile": worthwhile}
    difference = _difference(data, HYBRID, MECHANISTIC, rule)
    against = None if network_only is None else _difference(data, HYBRID, NETWORK_ONLY, rule)
    share = network_share(hybrid)
    return Verdict(
        _ANSWERS[_settled(data.sel(model=[HYBRID, MECHANISTIC]), difference)],
        difference,
        against,
        data.assign(share=share.rename({"sample": "share_draw"})),
        {name: float(fit.attrs.get("sampling_seconds", np.nan)) for name, fit in fits.items()},
        planned,
    )


_ANSWERS: Mapping[str, Answer] = {
    "better": "helps",
    "no better": "unnecessary",
    "undecided": "undecided",
}


def compare_subjects(
    first: Fit,
    second: Fit,
    *,
    names: tuple[str, str] = ("first", "second"),
    confidence: float = CONFIDENCE,
    worthwhile: float = WORTHWHILE,
    draws: int | None = None,
    refits: int = 10,
    refit_options: Mapping[str, Any] | None = None,
    seed: int = 0,
) -> SubjectComparison:
    """Compare two fits to one study by what they foretell of left-out subjects.

    Parameters
    ----------
    first, second
        The fits.
    names
        Under which they are shown.
    confidence, worthwhile, draws, refits, refit_options, seed
        As in `verdict`.

    Returns
    -------
    SubjectComparison

    Raises
    ------
    ValueError
        When a fit has no declaration or study, the studies differ, or the names do not.
    """
    check_rule(confidence, worthwhile)
    if len(set(names)) != 2 or len(names) != 2:
        raise ValueError(f"compare_subjects: names= wants two different names; found {names!r}.")
    data = _left_out(
        dict(zip(names, (first, second), strict=True)),
        "compare_subjects",
        draws,
        refits,
        refit_options,
        seed,
    )
    rule = {"confidence": confidence, "worthwhile": worthwhile}
    difference = _difference(data, *names, rule)
    return SubjectComparison(_settled(data, difference), difference, data, names)


def _settled(data: xr.Dataset, difference: PairedDifference) -> Outcome:
    """The outcome, where it is the same without doubtful subjects."""
    kept = ~data["doubtful"].any("model").to_numpy()
    if kept.all():
        return difference.outcome
    if kept.sum() < 3:
        return "undecided"
    rule = {"confidence": difference.confidence, "worthwhile": difference.worthwhile}
    names = data["model"].to_numpy()
    others = _difference(data.isel({SUBJECT: kept}), names[0], names[1], rule)
    return difference.outcome if others.outcome == difference.outcome else "undecided"


def _difference(
    data: xr.Dataset, first: str, second: str, rule: Mapping[str, float]
) -> PairedDifference:
    pair = data["elpd"].sel(model=[first, second]).to_numpy()
    # Subjects without a number are among the doubtful ones.
    known = np.isfinite(pair).all(axis=0)
    return paired_difference(pair[0, known], pair[1, known], **rule)


def _left_out(
    fits: Mapping[str, Fit],
    what: str,
    draws: int | None,
    refits: int,
    refit_options: Mapping[str, Any] | None,
    seed: int,
) -> xr.Dataset:
    _check_studies(fits, what)
    tables = [
        left_out_subjects(fit, draws=draws, refits=refits, refit_options=refit_options, seed=seed)
        for fit in fits.values()
    ]
    return xr.concat(
        tables,
        xr.DataArray(list(fits), dims="model", name="model"),
        data_vars="all",
        coords="minimal",
        compat="override",
        join="exact",
    )


def _check_studies(fits: Mapping[str, Fit], what: str) -> None:
    first: Any = None
    for name, fit in fits.items():
        declaration_of(fit, what)
        if fit.study is None:
            raise ValueError(f"{what}: the {name} fit was stored without its study.")
        records = fit.study.records
        measured = (fit.study.subjects[records.subject], records.time, records.value)
        if first is None:
            first = measured
            continue
        same = all(
            a.shape == b.shape and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
            for a, b in zip(first, measured, strict=True)
        )
        if not same:
            raise ValueError(
                f"{what} compares fits to the same {SUBJECT}s and measurements; those of the "
                f"{name} fit are others than those of the {next(iter(fits))} fit. Fit all to one "
                "study."
            )
