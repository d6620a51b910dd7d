"""The demonstration: theophylline with a learned absorption, from data to pictures."""

from __future__ import annotations

import time
import warnings
from pathlib import Path
from typing import Any

import arviz as az
import numpy as np
import pandas as pd
import pymc as pm
import xarray as xr
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bnode_nlme.cli.theophylline import (
    PARAMETERS,
    RATE,
    SOLVER,
    Demonstration,
    classical_model,
    learned_model,
)
from bnode_nlme.datasets import theophylline
from bnode_nlme.diagnostics import function_convergence, vpc
from bnode_nlme.distributions import solver_report
from bnode_nlme.plots import plot_function_band, plot_individual_fits, plot_vpc
from bnode_nlme.results import save, trajectories
from bnode_nlme.study import Study

_SUMMARY = [f"log_{name}" for name in PARAMETERS] + ["eta_sd", "sigma"]

_TIME, _CONCENTRATION = "time (h)", "theophylline (mg/L)"


def run_demo(
    folder: Path,
    *,
    draws: int,
    tune: int,
    chains: int,
    seed: int,
    max_treedepth: int,
    console: Console,
) -> None:
    """Fit both models, print what came out and write the results folder.

    Parameters
    ----------
    folder
        Where the results go; made if need be.
    draws, tune, chains, seed, max_treedepth
        As for `pymc.sample` and its NUTS.
    console
        Where to print.
    """
    begin = time.perf_counter()
    folder.mkdir(parents=True, exist_ok=True)
    study = theophylline()
    console.print(study)
    settings = {
        "draws": draws,
        "tune": tune,
        "chains": chains,
        "random_seed": seed,
        "max_treedepth": max_treedepth,
    }
    learned, classical = learned_model(study), classical_model(study)
    fits = {}
    for made in (learned, classical):
        console.rule(f"Sampling: {made.name}")
        fits[made.name] = _sample(made, console, **settings)
    posterior, reference = fits[learned.name], fits[classical.name]
    function = posterior.posterior[RATE]

    console.rule("What came out")
    table = az.summary(posterior, var_names=_SUMMARY)
    shown = table[["mean", "sd", "eti89_lb", "eti89_ub", "ess_bulk", "r_hat"]]
    _print_table(console, "Learned absorption: parameters", shown)
    _print_function(console, function)
    comparison = _compare(console, fits)

    table.to_csv(folder / "parameters.csv")
    comparison.to_csv(folder / "comparison.csv")
    save(posterior, folder / "posterior.nc")
    save(reference, folder / "posterior_classical.nc")
    _draw(study, learned, posterior, reference, function, folder)
    minutes = (time.perf_counter() - begin) / 60.0
    console.print(f"\n{minutes:.1f} minutes in all. Results in {folder}/:")
    for path in sorted(folder.iterdir()):
        console.print(f"  {path.name}")


def _sample(made: Demonstration, console: Console, **settings: Any) -> xr.DataTree:
    begin = time.perf_counter()
    with made.model:
        # The weights are correlated in the posterior: a low-rank mass matrix follows that.
        nuts = {
            "adaptation": "low_rank",
            "target_accept": 0.95,
            "max_treedepth": settings.pop("max_treedepth"),
        }
        # Chains start from different functions in one typical population. From populations that
        # differ as much as PyMC's jitter makes them, one chain in about twenty ends where two
        # subjects have next to no volume, a mode e^50 times less likely that it cannot leave.
        jittered = {v for v in made.model.free_RVs if v.name.startswith("absorption")}
        fit = pm.sample(**settings, cores=2, nuts=nuts, compile_kwargs={"jitter_rvs": jittered})
        report = solver_report()
        sampled = float(fit.posterior.attrs["sampling_time"])
        compiled = time.perf_counter() - begin - sampled
        pm.compute_log_likelihood(fit, progressbar=False)
        seed = settings["random_seed"]
        fit.update(pm.sample_posterior_predictive(fit, random_seed=seed, progressbar=False))
    stats = fit.sample_stats
    divergences = int(stats["diverging"].sum())
    ess = float(az.ess(fit, var_names=_SUMMARY).to_dataset().min().to_array().min())
    if made.network is not None:
        ess = min(ess, float(function_convergence(fit.posterior[RATE]).ess_bulk.min()))
    console.print(
        f"{sampled:.0f} s of sampling after {compiled:.0f} s of compilation; "
        f"{divergences} of {stats['diverging'].size} draws diverged, "
        f"{float(stats['n_steps'].mean()):.0f} leapfrog steps a draw, "
        f"smallest bulk ESS {ess:.0f} ({ess / sampled:.1f} per second)"
    )
    console.print(str(report))
    if divergences and made.network is not None:
        console.print(
            "Divergences begin where the learned function is nearly a step, beyond what 99 % of "
            "the draws show: steps of the sampler that are short enough elsewhere are too long "
            "there."
        )
    return fit


def _compare(console: Console, fits: dict[str, xr.DataTree]) -> pd.DataFrame:
    with warnings.catch_warnings():
        # ArviZ warns of high Pareto k; the sentence below the table says how many there are.
        warnings.simplefilter("ignore", UserWarning)
        loo = {name: az.loo(fit, pointwise=True) for name, fit in fits.items()}
        comparison = az.compare(loo)
    shown = comparison[["elpd", "se", "elpd_diff", "dse", "weight"]]
    _print_table(console, "Leave-one-out comparison (higher elpd is better)", shown)
    counts = ", ".join(
        f"{int((made.pareto_k > made.good_k).sum())} of {made.pareto_k.size} ({name})"
        for name, made in loo.items()
    )
    console.print(
        f"Measurements with a high Pareto k: {counts}. Leaving one of these out changes a "
        "subject's own parameters much; its elpd is approximate."
    )
    return comparison


def _print_table(console: Console, title: str, frame: pd.DataFrame) -> None:
    table = Table(title=title, title_justify="left")
    table.add_column("", no_wrap=True)
    for column in frame.columns:
        table.add_column(str(column), justify="right")
    for name, row in frame.iterrows():
        # Escaped, because rich would take the index in "eta_sd[ka]" for a style.
        table.add_row(escape(str(name)), *[_number(value) for value in row])
    console.print(table)


def _number(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _print_function(console: Console, function: xr.DataArray) -> None:
    convergence = function_convergence(function)
    quantiles = function.quantile([0.05, 0.5, 0.95], dim=("chain", "draw"))
    table = Table(title="Learned absorption rate constant (1/h)", title_justify="left")
    for column in ("in the depot (mg)", "median", "90 % band", "R-hat", "ESS"):
        table.add_column(column, justify="right")
    for amount in function.amount.to_numpy()[::8]:
        low, middle, high = quantiles.sel(amount=amount).to_numpy()
        at = convergence.sel(amount=amount)
        table.add_row(
            f"{amount:.0f}",
            f"{middle:.2f}",
            f"{low:.2f} to {high:.2f}",
            f"{float(at.r_hat):.3f}",
            f"{float(at.ess_bulk):.0f}",
        )
    console.print(table)
    console.print(
        f"over the whole grid: R-hat at most {float(convergence.r_hat.max()):.3f}, "
        f"bulk ESS at least {float(convergence.ess_bulk.min()):.0f}"
    )


def _draw(
    study: Study,
    learned: Demonstration,
    posterior: xr.DataTree,
    reference: xr.DataTree,
    function: xr.DataArray,
    folder: Path,
) -> None:
    draws = posterior.posterior.to_dataset()
    measured = trajectories(learned.system, study, draws, draws=50, **SOLVER)
    plot_function_band(
        function,
        xlabel="theophylline left in the depot (mg)",
        ylabel="absorption rate constant (1/h)",
        title="Theophylline: learned absorption of the typical subject",
        classical=np.exp(reference.posterior["log_ka"]),
        classical_label="classical: constant rate",
        visited=measured["depot"].median("sample").to_numpy(),
    ).savefig(folder / "learned_absorption.png", dpi=150)
    dense = study.at_times(np.linspace(0.0, 25.0, 76))
    plot_individual_fits(
        study,
        trajectories(learned.system, dense, draws, **SOLVER),
        "cp",
        xlabel=_TIME,
        ylabel=_CONCENTRATION,
    ).savefig(folder / "individual_fits.png", dpi=150)
    replicated = posterior.posterior_predictive["cp"].stack(sample=("chain", "draw"))
    records = study.records
    check = vpc(
        records.time[study.observations],
        records.value[study.observations],
        replicated.transpose("sample", ...).to_numpy(),
        percentiles=(10.0, 50.0, 90.0),
        mass=0.9,
        bins=11,
    )
    plot_vpc(check, xlabel=_TIME, ylabel=_CONCENTRATION).savefig(
        folder / "predictive_check.png", dpi=150
    )
