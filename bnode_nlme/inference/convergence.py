"""What the chains of a NUTS run say of themselves, and what to do where it is not enough."""

from __future__ import annotations

import json
import math
import warnings
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import xarray as xr

from bnode_nlme.inference.parameter_summary import parameter_summary

R_HAT = 1.01
ESS_OF_A_CHAIN = 100
"""Both after Vehtari et al. 2021, doi:10.1214/20-BA1221."""
FUNCTIONS = "function_agreement"
"""Attribute of a fit: what `function_agreement` found, as JSON."""

_FUNCTION = "function "
_NAMED = 6
_PACKAGE = str(Path(__file__).parents[1])


class ConvergenceWarning(UserWarning):
    """The draws of a NUTS run are too few, too dependent, or not of the posterior."""


@dataclass(frozen=True, eq=False)
class Convergence:
    """How far chains agree, and what the sampler met with.

    Attributes
    ----------
    table : pandas.DataFrame
        ``r_hat``, ``ess_bulk`` and ``ess_tail``: a row for each population parameter and for each
        learned function, whose worst point counts.
    chains, draws : int
        `draws` of each chain.
    divergences, deepest : int or None
        Draws after a divergence, and those whose tree reached the greatest depth; None where the
        sampler does not say.
    target_accept : float
    max_treedepth : int
    """

    table: pd.DataFrame
    chains: int
    draws: int
    divergences: int | None = None
    deepest: int | None = None
    target_accept: float = 0.9
    max_treedepth: int = 10

    @property
    def lines(self) -> list[str]:
        """The numbers, as printing a fit shows them."""
        lines = []
        known = self.table["r_hat"].dropna()
        if len(known):
            least = self._smallest
            lines.append(
                f"largest R-hat {known.max():.3f} ({known.idxmax()}), "
                f"smallest ESS {least.min():.0f} ({least.idxmin()})"
            )
        if self.divergences is not None:
            lines.append(f"{self._of_draws(self.divergences, 'divergences')}")
        if self.deepest:
            lines.append(f"{self._of_draws(self.deepest, 'trees at their greatest depth')}")
        return lines

    @property
    def problems(self) -> list[str]:
        """What is not as it should be, with numbers and the cure; empty where all is well."""
        return [
            text
            for text in (
                self._too_little(),
                self._chains_differ(),
                self._draws_depend(),
                self._diverging(),
                self._too_deep(),
            )
            if text
        ]

    @property
    def _smallest(self) -> pd.Series:
        return self.table[["ess_bulk", "ess_tail"]].min(axis=1).dropna()

    def _of_draws(self, count: int, what: str) -> str:
        if not count:
            return f"0 {what}"
        return f"{count} {what} ({100.0 * count / (self.chains * self.draws):.2g} % of the draws)"

    def _too_little(self) -> str:
        if self.chains == 1:
            return (
                "there is one chain, and nothing to compare it with: no R-hat. Write chains=4, each "
                "with a start of its own"
            )
        if not len(self._smallest):
            return f"{self.draws} draws of a chain are too few to judge them by. Write draws=1000"
        return ""

    def _chains_differ(self) -> str:
        above = self.table["r_hat"][self.table["r_hat"] > R_HAT].sort_values(ascending=False)
        if above.empty:
            return ""
        return (
            f"chains differ: R-hat above {R_HAT} of {_named(above, '.3f')}. Run them longer "
            "(tune=, draws=); where R-hat stays, they are at different modes or the model does not "
            "say what the data cannot: give narrower priors, or fewer random effects or "
            "correlations. The chain that is apart is seen in "
            + (
                "bn.plot_function_convergence(fit)"
                if any(str(name).startswith(_FUNCTION) for name in above.index)
                else "az.plot_trace(fit.data)"
            )
        )

    def _draws_depend(self) -> str:
        wanted = ESS_OF_A_CHAIN * self.chains
        below = self._smallest
        below = below[below < wanted].sort_values()
        if below.empty:
            return ""
        draws = math.ceil(1.2 * self.draws * wanted / max(float(below.iloc[0]), 1.0) / 100) * 100
        return (
            f"too few independent draws: ESS below {wanted} ({ESS_OF_A_CHAIN} a chain) of "
            f"{_named(below, '.0f')}. Write draws={draws}"
            + (
                ""
                if draws <= 10 * self.draws
                else ", or better look for what makes the draws depend on each other so"
            )
        )

    def _diverging(self) -> str:
        if not self.divergences:
            return ""
        finer = 0.99 if self.target_accept < 0.99 else 0.999
        return (
            f"{self._of_draws(self.divergences, 'divergences')}: the sampler cannot reach a part of "
            f"the posterior, and estimates may be off. Write target_accept={finer} for smaller "
            "steps; where they stay, give omega and the error narrower priors, or leave out a "
            "random effect that the data say nothing of (bn.shrinkage)"
        )

    def _too_deep(self) -> str:
        if not self.deepest:
            return ""
        return (
            f"{self._of_draws(self.deepest, f'trees at max_treedepth={self.max_treedepth}')}: their "
            f"paths were cut short, and draws depend on each other the more. Write "
            f"max_treedepth={self.max_treedepth + 2}, or adaptation='low_rank' where parameters are "
            "correlated"
        )


def convergence(tree: xr.DataTree) -> Convergence:
    """Judge the draws of a fit.

    Parameters
    ----------
    tree
        With the group ``posterior`` and, of a NUTS run, ``sample_stats``.
    """
    posterior = tree["posterior"].to_dataset()
    columns = ["r_hat", "ess_bulk", "ess_tail"]
    table = parameter_summary(posterior).reindex(columns=columns)
    functions = {
        f"{_FUNCTION}{name}": {column: found[column] for column in columns}
        for name, found in json.loads(tree.attrs.get(FUNCTIONS, "{}")).items()
    }
    if functions:
        table = pd.concat([table, pd.DataFrame.from_dict(functions, orient="index")])
    statistics = tree["sample_stats"].to_dataset() if "sample_stats" in tree.children else {}
    counts = {
        name: int(statistics[theirs].sum()) if theirs in statistics else None
        for name, theirs in (("divergences", "diverging"), ("deepest", "reached_max_treedepth"))
    }
    return Convergence(
        table,
        posterior.sizes["chain"],
        posterior.sizes["draw"],
        **counts,
        target_accept=float(tree.attrs.get("target_accept", 0.9)),
        max_treedepth=int(tree.attrs.get("max_treedepth", 10)),
    )


def warn_of_convergence(tree: xr.DataTree) -> None:
    """Warn once, with numbers, where the draws of a NUTS run are not to be relied upon.

    Warns
    -----
    ConvergenceWarning
    """
    problems = convergence(tree).problems
    if problems:
        told = "\n".join(f"  - {text}." for text in problems)
        warnings.warn(
            f"fit: the draws are not to be relied upon yet:\n{told}",
            ConvergenceWarning,
            skip_file_prefixes=(_PACKAGE,),
        )


def _named(values: pd.Series, form: str) -> str:
    shown = ", ".join(f"{name} ({value:{form}})" for name, value in values[:_NAMED].items())
    more = len(values) - _NAMED
    return f"{shown} and {more} more" if more > 0 else shown
