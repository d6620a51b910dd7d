"""Visual predictive check of a fit, as numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from bnode_nlme.diagnostics.binning import Binning, enclosing_edges
from bnode_nlme.diagnostics.of_fit.measured_output import MeasuredOutput, measured_output
from bnode_nlme.diagnostics.of_fit.replicates import replicates as simulated_replicates
from bnode_nlme.diagnostics.vpc import vpc as vpc_of_arrays
from bnode_nlme.distributions.categories import BernoulliFamily, OrdinalFamily
from bnode_nlme.inference.fit_result import Fit
from bnode_nlme.results.population_draws import Parameters
from bnode_nlme.results.predict import predict

Against = Literal["time", "time_after_dose"]

_MOST_STRATA = 8
"""Values of a covariate that strata are made of."""


def vpc(
    fit: Fit,
    output: str | None = None,
    *,
    replicates: int = 1000,
    parameters: Parameters = "draws",
    corrected: bool = False,
    against: Against = "time",
    stratify: str | ArrayLike | None = None,
    percentiles: Sequence[float] = (5.0, 50.0, 95.0),
    mass: float = 0.95,
    binning: Binning = "auto",
    bins: int | None = None,
    edges: ArrayLike | None = None,
    lloq: ArrayLike | None = None,
    uloq: ArrayLike | None = None,
    lower_bound: float = 0.0,
    seed: int = 0,
) -> xr.Dataset:
    """Compare the measurements of one output with data sets simulated from a fit.

    Parameters
    ----------
    fit
        Of a `bn.NLME`.
    output
        Which; may be left out where there is only one.
    replicates
        How many data sets.
    parameters : {"draws", "mean"}
        Each data set from a draw of the posterior (posterior predictive, uncertainty included), or
        all from the posterior means of the population's parameters, as a VPC by maximum likelihood
        has it.
    corrected
        Whether to correct by the population prediction (pcVPC), for studies whose doses or
        covariates differ within a group.
    against : {"time", "time_after_dose"}
        What measurements are grouped by.
    stratify : str or array_like (subjects,)
        A covariate of the study, or a label of each subject.
    percentiles, mass, binning, bins, edges, lower_bound
        As for `bnode_nlme.diagnostics.vpc.vpc`.
    lloq, uloq : float or array_like (measurements of the output,), optional
        Limits of quantification. By default a censored measurement has its own, another one that of
        its subject's censored measurement nearest in time, and where the subject has none the least
        strict one of the output; a measured value beyond that keeps its rank by the strictest limit
        that it satisfies, or none.
    seed
        Of the data sets.

    Returns
    -------
    xarray.Dataset
        Of a Bernoulli or ordinal outcome, proportions of each category (`observed` over ``stratum``,
        ``bin`` and ``category``, `simulated` also over ``quantile``) in the place of percentiles. As
        `bnode_nlme.diagnostics.vpc.vpc` gives it; `bn.plot_vpc` draws it. The attribute ``lloq``
        holds the lower limit, or a list where there are several.

    Raises
    ------
    ValueError
        When an argument is faulty (measurements outside `edges` are named), or the fit has no
        declaration or study.

    Warns
    -----
    UserWarning
        When solves failed: how many, of which subjects, and why. A replicate in which one failed is
        left out.
    """
    rows = measured_output(fit, output, "vpc", limits=True, lloq=lloq, uloq=uloq)
    if against not in get_args(Against):
        raise ValueError(f"vpc: against= wants 'time' or 'time_after_dose'; found {against!r}.")
    time = rows.time if against == "time" else rows.time_after_dose
    if edges is not None:  # before anything is simulated
        edges = enclosing_edges(edges, time, rows.name)
    strata = None if stratify is None else _strata(rows, stratify)
    in_categories = isinstance(
        rows.nlme.errors[rows.output].family, BernoulliFamily | OrdinalFamily
    )
    if in_categories and corrected:
        raise ValueError(
            f"vpc: corrected=True corrects measured values, and {rows.output!r} is in categories. "
            "Leave it out, and give stratify= where doses or covariates differ."
        )
    prediction = None
    if corrected:
        typical = predict(fit, rows.study, kind="population", parameters=parameters)
        prediction = typical[rows.output].mean("sample").to_numpy()[rows.positions]
    simulated = simulated_replicates(fit, rows, replicates, parameters, seed, "vpc")
    categories = None
    if in_categories:
        both = np.concatenate([rows.value, simulated.ravel()])
        categories = np.unique(both[~np.isnan(both)])
    table = vpc_of_arrays(
        time,
        rows.value,
        simulated,
        percentiles=percentiles,
        categories=categories,
        mass=mass,
        binning=binning,
        bins=bins,
        edges=edges,
        strata=strata,
        prediction=prediction,
        lower_bound=lower_bound,
        censoring=rows.censoring,
        lloq=rows.lloq,
        uloq=rows.uloq,
    )
    table.attrs |= {"output": rows.output, "against": against, "parameters": parameters}
    table.attrs |= rows.units
    if rows.lloq is not None:
        limits = np.unique(rows.lloq[~np.isnan(rows.lloq)])
        table.attrs["lloq"] = float(limits[0]) if limits.size == 1 else limits.tolist()
    return table


def _strata(rows: MeasuredOutput, stratify: str | ArrayLike) -> ArrayLike:
    study = rows.study
    if isinstance(stratify, str):
        if stratify not in study.covariates:
            raise ValueError(
                f"vpc: stratify={stratify!r} is no covariate of the study; it has "
                f"{', '.join(map(repr, study.covariates)) or 'none'}."
            )
        values = study.covariates[stratify]
        count = len(np.unique(values))
        if stratify in study.varying or count > _MOST_STRATA:
            what = "changes within subjects" if stratify in study.varying else f"has {count} values"
            raise ValueError(
                f"vpc: stratify= wants a covariate of a few groups; {stratify!r} {what}. Give a label "
                f"for each subject, such as np.where(study.covariates[{stratify!r}] > "
                f"{np.median(values):g}, 'high', 'low')."
            )
        labels = np.array([f"{stratify} {value:g}" for value in values])
    else:
        labels = np.asarray(stratify)
        if labels.shape != (study.n_subjects,):
            raise ValueError(
                f"vpc: stratify= wants a label for each of the {study.n_subjects} subjects; found "
                f"shape {labels.shape}."
            )
    return labels[study.records.subject[study.observations[rows.positions]]]
