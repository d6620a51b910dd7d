"""`compare_subjects`: two fits by what they foretell of left-out subjects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from bnode_nlme.discovery.left_out_subjects import left_out_subjects
from bnode_nlme.discovery.paired_difference import (
    CONFIDENCE,
    WORTHWHILE,
    Outcome,
    PairedDifference,
    check_rule,
    paired_difference,
    settled_outcome,
)
from bnode_nlme.discovery.refit_convergence import agreement
from bnode_nlme.discovery.verdict_text import comparison_text
from bnode_nlme.inference.fit_result import Fit
from bnode_nlme.results.population_draws import declaration_of
from bnode_nlme.study.dimensions import SUBJECT


@dataclass(frozen=True, eq=False, repr=False)
class SubjectComparison:
    """Two fits compared subject by subject. `print` says what may be said.

    Attributes
    ----------
    outcome : {"better", "no better", "undecided"}
        Of the first; undecided too where the chains of a fit disagree, or it would be another
        without the subjects whose numbers are doubtful.
    difference : PairedDifference
        ELPD of the first minus that of the second, in nats.
    data : xarray.Dataset
        Over ``model`` and ``subject``: ``elpd`` (nats), ``pareto_k``, ``refitted``, ``doubtful``,
        ``reason``; over ``model``: ``approximate``, and ``unsettled``, why the draws of the fit
        are not to be relied upon, in words, else empty.
    names : tuple of str
        Of the two models.
    """

    outcome: Outcome
    difference: PairedDifference
    data: xr.Dataset
    names: tuple[str, str]

    def __repr__(self) -> str:
        return comparison_text(self)


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
    data = left_out_of_each(
        dict(zip(names, (first, second), strict=True)),
        "compare_subjects",
        draws,
        refits,
        refit_options,
        seed,
    )
    return comparison_of(data, names, {"confidence": confidence, "worthwhile": worthwhile})


def comparison_of(
    data: xr.Dataset, names: tuple[str, str], rule: Mapping[str, float]
) -> SubjectComparison:
    """One model compared with another.

    Parameters
    ----------
    data
        As `left_out_of_each` gives it, of these models or more.
    names
        Of the two.
    rule
        ``confidence`` and ``worthwhile``.

    Returns
    -------
    SubjectComparison
        The difference is over the subjects with a number.
    """
    pair = data.sel(model=list(names))
    elpd = pair["elpd"].to_numpy()
    # Subjects without a number are among the doubtful ones.
    known = np.isfinite(elpd).all(axis=0)
    one, other = elpd[:, known]
    doubtful = pair["doubtful"].any("model").to_numpy()[known]
    difference = paired_difference(one, other, **rule)
    unsettled = bool((pair["unsettled"] != "").any())
    outcome: Outcome = "undecided" if unsettled else settled_outcome(one, other, doubtful, **rule)
    return SubjectComparison(outcome, difference, pair, names)


def left_out_of_each(
    fits: Mapping[str, Fit],
    what: str,
    draws: int | None,
    refits: int,
    refit_options: Mapping[str, Any] | None,
    seed: int,
) -> xr.Dataset:
    """What `SubjectComparison.data` holds, of several fits to one study; `what` asks."""
    _check_studies(fits, what)
    tables = [
        left_out_subjects(
            fit, draws=draws, refits=refits, refit_options=refit_options, seed=seed
        ).assign(unsettled=agreement(fit).unsettled)
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
