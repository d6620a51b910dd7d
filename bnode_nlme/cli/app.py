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


@app.command()
def sbc(
    declaration: Annotated[
        str, typer.Argument(help="FILE.py:NAME of a bn.NLME.", metavar="FILE.py:NAME")
    ],
    design: Annotated[
        Path, typer.Option(help="Table of doses and observations; values are simulated.")
    ],
    folder: Annotated[
        Path, typer.Option(help="Where the results go; a run that was cut short goes on.")
    ] = Path("sbc-results"),
    replicates: Annotated[int, typer.Option(min=20, help="Number of simulated data sets.")] = 200,
    draws: Annotated[int, typer.Option(min=10, help="Draws of each posterior.")] = 500,
    tune: Annotated[int, typer.Option(min=10, help="Warm-up draws of each posterior.")] = 300,
    ranked: Annotated[int, typer.Option(min=7, help="Draws among which truths are ranked.")] = 31,
    method: Annotated[str, typer.Option(help="nuts, pathfinder or advi.")] = "nuts",
    function: Annotated[
        list[str] | None,
        typer.Option(help="NETWORK=0.5,1,2: inputs at which its value is judged. Repeatable."),
    ] = None,
    lloq: Annotated[float | None, typer.Option(help="Lower limit of quantification.")] = None,
    seed: Annotated[int, typer.Option(help="Of the random numbers; same seed, same result.")] = 0,
    cores: Annotated[
        int | None, typer.Option(min=1, help="Replicates at a time; by default all cores.")
    ] = None,
) -> None:
    """Check by simulation that a model's posteriors are calibrated; exit status 1 if not."""
    from bnode_nlme.cli.calibration import run_calibration

    console = Console()
    try:
        result = run_calibration(
            declaration,
            design,
            folder,
            function or [],
            console,
            replicates=replicates,
            draws=draws,
            tune=tune,
            ranked=ranked,
            method=method,
            lloq=lloq,
            seed=seed,
            cores=cores,
        )
    except (ValueError, FileNotFoundError, RuntimeError) as error:
        # What a user can cure needs no traceback.
        console.print(str(error), markup=False)
        raise typer.Exit(2) from error
    if result.verdict != "calibrated":
        raise typer.Exit(1)
