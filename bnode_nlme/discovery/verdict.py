"""`verdict`: whether a network in the model was needed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
import xarray as xr

from bnode_nlme.discovery.compare_subjects import (
    SubjectComparison,
    comparison_of,
    left_out_of_each,
)
from bnode_nlme.discovery.design_separation import design_separation
from bnode_nlme.discovery.network_share import network_share
from bnode_nlme.discovery.paired_difference import (
    CONFIDENCE,
    WORTHWHILE,
    Outcome,
    PairedDifference,
    check_rule,
)
from bnode_nlme.discovery.verdict_text import verdict_text
from bnode_nlme.inference.fit_result import Fit
from bnode_nlme.results.population_draws import declaration_of
from bnode_nlme.study.study import Study

Answer = Literal["helps", "unnecessary", "undecided"]

MECHANISTIC, HYBRID, NETWORK_ONLY = "mechanistic", "hybrid", "network only"


@dataclass(frozen=True, eq=False, repr=False)
class Verdict:
    """Whether the network helps. `print` says it with its reasons.

    Attributes
    ----------
    network : SubjectComparison
        The hybrid model compared with the mechanistic one.
    mechanism : SubjectComparison or None
        The hybrid model compared with the network alone.
    data : xarray.Dataset
        Over ``model`` and ``subject``: ``elpd`` (nats), ``pareto_k``, ``refitted``, ``doubtful``,
        and ``reason``, why a subject could not be refitted; over ``model``: ``approximate`` and
        ``unsettled``, why the draws of the fit are not to be relied upon; over ``share_draw`` and
        ``state``: ``share`` of the networks in the hybrid model's rates of change, from 0 to 1.
    seconds : mapping of str to float
        That each fit took, in seconds.
    designs : pandas.DataFrame or None
        Of planned studies, how well each would tell the two models apart; see `design_separation`.
    """

    network: SubjectComparison
    mechanism: SubjectComparison | None
    data: xr.Dataset
    seconds: Mapping[str, float]
    designs: pd.DataFrame | None = None

    @property
    def answer(self) -> Answer:
        """Whether the network helps: "helps", "unnecessary" or "undecided".

        Helps: left-out subjects are foretold better with it, significantly and by a difference that
        is worthwhile. Unnecessary: they are not foretold better by a worthwhile difference.
        Undecided: neither can be said, or it would not be said without the subjects whose numbers
        are doubtful, or the chains of a fit disagree.
        """
        return _ANSWERS[self.network.outcome]

    @property
    def difference(self) -> PairedDifference:
        """ELPD of the hybrid model minus that of the mechanistic one, in nats."""
        return self.network.difference

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
    1 of 100 data sets and "unnecessary" in 80; where it is Vmax 2, Km 3 after 10 a litre, "helps"
    in 23 of 25, and "undecided" in 2.
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
    data = left_out_of_each(fits, "verdict", draws, refits, refit_options, seed)
    rule = {"confidence": confidence, "worthwhile": worthwhile}
    share = network_share(hybrid)
    return Verdict(
        comparison_of(data, (HYBRID, MECHANISTIC), rule),
        None if network_only is None else comparison_of(data, (HYBRID, NETWORK_ONLY), rule),
        data.assign(share=share.rename({"sample": "share_draw"})),
        {name: float(fit.attrs.get("sampling_seconds", np.nan)) for name, fit in fits.items()},
        planned,
    )


_ANSWERS: Mapping[Outcome, Answer] = {
    "better": "helps",
    "no better": "unnecessary",
    "undecided": "undecided",
}
