"""What a discovery found: candidates in order, and what may be claimed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from bnode_nlme.discovery.candidate import Candidate
from bnode_nlme.discovery.claims import claims_text
from bnode_nlme.discovery.learned_function import LearnedFunction
from bnode_nlme.discovery.sparse_terms import SparseTerms
from bnode_nlme.inference.fit_result import Fit
from bnode_nlme.nlme.network_inputs import inputs_at_rows
from bnode_nlme.results.population_draws import chosen_draws, population_draws
from bnode_nlme.results.predict import Kind, predict
from bnode_nlme.study.regimen import Regimen
from bnode_nlme.study.study import Study

CANDIDATE = "candidate"
_WIDTH = 34
_LOOKED_AT = 10


@dataclass(frozen=True, eq=False, repr=False)
class Discovery:
    """Candidates for what a network stands for. `print` shows table and claims.

    Attributes
    ----------
    fit : Fit
        With the network.
    function : LearnedFunction
        What it learned.
    candidates : tuple of Candidate
        The simplest that is not refuted first; see `bnode_nlme.discovery.ranking.ranked`.
    terms : SparseTerms or None
        What sparse regression chose, and how often.
    """

    fit: Fit
    function: LearnedFunction
    candidates: tuple[Candidate, ...]
    terms: SparseTerms | None = None

    @property
    def network(self) -> str:
        """Name of the network."""
        return self.function.name

    @property
    def first(self) -> Candidate:
        """The first candidate."""
        return self.candidates[0]

    @property
    def claims(self) -> str:
        """What may be claimed, in words."""
        study = self.fit.study
        return claims_text(self.network, self.candidates, 0 if study is None else study.n_subjects)

    @property
    def table(self) -> pd.DataFrame:
        """A row for each candidate, in order."""
        return pd.DataFrame(
            [
                {
                    "candidate": own.name,
                    "expression": "" if own.expression is None else str(own.expression),
                    "explained": own.explained,
                    "misfit": own.misfit,
                    "complexity": own.complexity,
                    "elpd": own.elpd,
                    "difference": own.difference,
                    "se": own.difference_se,
                    "weight": own.weight,
                    "refuted": own.refuted if own.is_judged else None,
                    "doubtful": own.doubtful,
                    "hangs_on_doubtful": own.hangs_on_doubtful,
                    "approximate": own.is_approximate,
                    "r_hat": own.r_hat,
                    "ess": own.ess,
                    "unsettled": own.unsettled,
                    "dropped": ", ".join(own.dropped),
                    "note": own.note,
                }
                for own in self.candidates
            ]
        ).set_index("candidate")

    def __getitem__(self, name: str) -> Candidate:
        """The candidate of a name."""
        for own in self.candidates:
            if own.name == name:
                return own
        raise KeyError(
            f"There is no candidate {name!r}; there are "
            f"{', '.join(repr(own.name) for own in self.candidates)}."
        )

    def predict(
        self,
        study: Study | Regimen,
        *,
        times: ArrayLike | None = None,
        kind: Kind = "individual",
        draws: int = 200,
        refuted: bool = False,
        seed: int = 0,
    ) -> xr.Dataset:
        """What every candidate foretells of another study or regimen.

        Mechanisms that agree after one dose part after ten.

        Parameters
        ----------
        study : Study or Regimen
            A regimen is given to the subjects that were fitted.
        times : array_like, optional
            Times of prediction; by default those of the study.
        kind, draws, seed
            As for `bn.predict`.
        refuted
            Whether refuted candidates are shown too.

        Returns
        -------
        xarray.Dataset
            Outputs over ``candidate``, ``sample`` and ``observation``; the coordinate ``weight``
            holds the stacking weights. Of individual predictions with the network also ``extrapolated`` over
            ``observation``: the share of some draws at which the network is given what it was not
            given by the data, so that its prediction there is the prior's way to go on.

        Raises
        ------
        ValueError
            When no candidate was refitted, or the fit was stored without its study.
        """
        chosen = [
            own for own in self.candidates if own.fit is not None and (refuted or not own.refuted)
        ]
        if not chosen:
            raise ValueError("Discovery.predict wants refitted candidates; write refit=True.")
        if isinstance(study, Regimen):
            if self.fit.study is None:
                raise ValueError("Discovery.predict: this fit was stored without its study.")
            study = self.fit.study.with_regimen(study)
        if times is not None:
            study = study.at_times(times)
        names = list(self.fit.nlme.system.output_names)
        parts = []
        for own in chosen:
            found = predict(own.fit, study, kind=kind, draws=draws, seed=seed)  # type: ignore[arg-type]
            parts.append(found[names].drop_vars(["chain", "draw"], errors="ignore"))
        joined = xr.concat(
            parts, CANDIDATE, data_vars="all", coords="minimal", compat="override", join="override"
        )
        shown = any(own.kind == "network" for own in chosen)
        if shown and kind == "individual" and self.function.visited is not None:
            joined["extrapolated"] = ("observation", self._extrapolated(study))
        return joined.assign_coords(
            {
                CANDIDATE: [own.name for own in chosen],
                "weight": (CANDIDATE, [own.weight for own in chosen]),
            }
        )

    def _extrapolated(self, study: Study) -> NDArray[np.float64]:
        """Share of draws at which the network is given what no data speak of, at each row."""
        fit, visited = self.fit, self.function.visited
        total = fit.posterior.sizes["chain"] * fit.posterior.sizes["draw"]
        values = population_draws(fit, chosen_draws(fit, min(_LOOKED_AT, total)))
        inputs = inputs_at_rows(fit.nlme, study, values, self.function.network)
        if visited is None:
            return np.full(inputs.shape[2], np.nan)
        outside = visited.extrapolated(inputs.reshape(-1, inputs.shape[-1]))
        return np.asarray(outside.reshape(inputs.shape[:-1]).any(axis=1).mean(axis=0))

    def __repr__(self) -> str:
        lines = [
            f"Discovery: what {self.network!r} stands for",
            f"  {'candidate':<{_WIDTH}} {'explained':>9} {'ELPD':>8} {'vs network':>14} {'weight':>7}",
        ]
        for own in self.candidates:
            elpd = f"{own.elpd:.1f}" if own.is_compared else ""
            apart = (
                ""
                if np.isnan(own.difference)
                else f"{own.difference:+.1f} ± {own.difference_se:.1f}"
            )
            weight = "" if np.isnan(own.weight) else f"{own.weight:.2f}"
            explained = "" if np.isnan(own.explained) else f"{own.explained:.0%}"
            name = own.name if len(own.name) <= _WIDTH else own.name[: _WIDTH - 1] + "…"
            lines.append(
                f"  {name:<{_WIDTH}} {explained:>9} {elpd:>8} {apart:>14} {weight:>7} {own.mark}".rstrip()
            )
        lines.append(
            "  explained: share of the network's draws that the form can follow where data lie"
        )
        if any(own.is_compared for own in self.candidates):
            lines.append(
                "  weight: of stacking, for predicting with all candidates together; of candidates "
                "that predict alike one may take it all, which says nothing against the others"
            )
        return "\n".join([*lines, "", self.claims])
