"""What is known of new patients after a few measurements of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bnode_nlme.inference.fit_result import Fit
from bnode_nlme.nlme.build import OCCASION_NAMES, SUBJECT_NAMES
from bnode_nlme.results.population_draws import SAMPLE, population_draws
from bnode_nlme.study.dimensions import OCCASION, SUBJECT
from bnode_nlme.study.study import Study

FAR = 4.0
"""Standard deviations: of a random effect in one patient of 16 000."""
FEW = 2.0
"""Draws of the population: of fewer, what varies in the population alone seems to be certain."""


@dataclass(frozen=True, eq=False, repr=False)
class Individualisation:
    """The posterior of new patients' random effects and individual parameters.

    `bn.predict` takes it as it takes a fit, for the patients' own study, or for the same patients
    under another regimen: ``predict(found, found.study.with_regimen(...))``.

    Attributes
    ----------
    fit : Fit
        Of the population.
    study : Study
        Of the patients.
    data : xarray.Dataset
        Over ``sample`` and ``subject``: individual parameters, ``eta`` (and ``kappa`` over
        ``occasion``), and ``population_draw``, the draw of the fit (chain by chain, counted from 0)
        that a sample belongs to: a patient's samples have draws of the population of their own,
        for its measurements tell of the population too. Over ``subject``: ``pareto_k`` and
        ``effective`` (draws) of the importance weights, NaN where none were needed; ``method``,
        "importance", "nuts", or "prior" for a patient without measurements; ``divergences``;
        ``farthest``, of the posterior means of the random effects the one farthest from 0, in
        standard deviations of the population (of independent effects, where they are correlated);
        ``effective_population_draws``, how many of the draws of the population count, by how well
        they foretell the measurements; ``log_evidence``, the logarithm of the density of the
        patient's measurements under the fitted model, by the importance weights even where NUTS
        took over: as uncertain as their ``pareto_k`` says.
    """

    fit: Fit
    study: Study
    data: xr.Dataset

    def of_patient(self, subject: Any, samples: NDArray[np.intp]) -> tuple[xr.Dataset, xr.Dataset]:
        """Draws of the population and random effects of one patient, at some samples.

        Returns
        -------
        xarray.Dataset (sample, ...)
            As `population_draws` gives them.
        xarray.Dataset
            ``eta`` and ``kappa`` over the patient alone.
        """
        place = int(np.flatnonzero(self.study.subjects == subject)[0])
        own = self.data.isel({SAMPLE: samples, SUBJECT: [place]})
        values = population_draws(self.fit, own["population_draw"].to_numpy()[:, 0])
        effects = {}
        if SUBJECT_NAMES.values in own:
            effects[SUBJECT_NAMES.values] = own[SUBJECT_NAMES.values]
        if OCCASION_NAMES.values in own and self.study.occasions is not None:
            of_patient = np.flatnonzero(self.study.occasions.subject == place)
            effects[OCCASION_NAMES.values] = own[OCCASION_NAMES.values].isel({OCCASION: of_patient})
        return values, xr.Dataset(effects)

    def __repr__(self) -> str:
        lines = [
            f"Individualisation of {self.study.n_subjects} "
            f"patient{'' if self.study.n_subjects == 1 else 's'}, "
            f"{self.data.sizes[SAMPLE]} samples each"
        ]
        parameters = [str(name) for name in self.fit.nlme.parameters]
        for place, subject in enumerate(self.study.subjects[:12]):
            own = self.data.isel({SUBJECT: place})
            shown = ", ".join(
                f"{name} {float(own[name].mean()):.3g} (sd {float(own[name].std()):.2g})"
                for name in parameters
                if SUBJECT in self.data[name].dims
            )
            how = str(own["method"].item())
            if np.isfinite(own["pareto_k"]):
                by = "" if how == "importance" else " of the importance weights"
                how += f", Pareto k{by} {float(own['pareto_k']):.2f}"
            if own["divergences"]:
                how += f"; {int(own['divergences'])} divergences"
            if own["effective_population_draws"] < FEW:
                counted = float(own["effective_population_draws"])
                how += f"; {counted:.1f} draws of the population count"
            if own["farthest"] > FAR:
                how += f"; OUTSIDE of the population by {float(own['farthest']):.1f} sd"
            lines.append(f"  {subject}: {shown}; {how}")
        if self.study.n_subjects > 12:
            lines.append(f"  and {self.study.n_subjects - 12} more")
        return "\n".join(lines)
