"""Commands of `bnode-nlme`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

app = typer.Typer(
    help="Bayesian neural-ODE nonlinear mixed-effects modelling.",
    no_args_is_help=True,
    add_completion=False,
)


@app.callback()
def main() -> None:
    """Bayesian neural-ODE nonlinear mixed-effects modelling."""


@app.command()
def demo(
    folder: Annotated[Path, typer.Option(help="Where the results go.")] = Path("demo-results"),
    draws: Annotated[int, typer.Option(min=10, help="Draws of each chain.")] = 600,
    tune: Annotated[int, typer.Option(min=10, help="Warm-up draws of each chain.")] = 300,
    chains: Annotated[int, typer.Option(min=2, help="Number of chains.")] = 2,
    seed: Annotated[int, typer.Option(help="Of the random numbers; same seed, same result.")] = 1,
    max_treedepth: Annotated[int, typer.Option(min=1, help="Of NUTS; 2 to its power steps.")] = 8,
) -> None:
    """Learn the absorption of theophylline from twelve subjects, and judge what was learned."""
    # Imported here so that --help answers at once.
    from bnode_nlme.cli.demo import run_demo

    run_demo(
        folder,
        draws=draws,
        tune=tune,
        chains=chains,
        seed=seed,
        max_treedepth=max_treedepth,
        console=Console(),
    )
