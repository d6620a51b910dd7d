"""`bnode-nlme sbc`: calibration from the command line."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from bnode_nlme.cli.declaration import covariates_of, read_declaration
from bnode_nlme.diagnostics.calibration import SBCResult, sbc
from bnode_nlme.plots import plot_rank_ecdf
from bnode_nlme.study import read_nonmem


def run_calibration(
    declaration: str,
    design: Path,
    folder: Path,
    functions: Sequence[str],
    console: Console,
    **settings: Any,
) -> SBCResult:
    """Calibrate, print what came out and write the results folder.

    Parameters
    ----------
    declaration
        ``"FILE.py:NAME"``.
    design
        Table of doses and observations.
    folder
        Where the results go; replicates that it holds are not run again.
    functions
        Inputs at which networks are judged, ``"NETWORK=0.5,1,2"`` each.
    console
        Where to print.
    **settings
        As for `sbc`.

    Returns
    -------
    SBCResult

    Raises
    ------
    ValueError, TableError, RuntimeError
        As `sbc` and what reads its arguments raise them.
    """
    begin = time.perf_counter()
    nlme = read_declaration(declaration)
    study = read_nonmem(design, covariates=covariates_of(nlme))
    console.print(escape(str(nlme)))
    console.print(escape(str(study)))
    folder.mkdir(parents=True, exist_ok=True)
    result = sbc(
        nlme,
        study,
        functions=dict(map(_function, functions)),
        path=folder / "replicates.jsonl",
        **settings,
    )
    result.ranks.to_netcdf(folder / "ranks.nc")
    plot_rank_ecdf(result.uniformity).savefig(folder / "ranks.png", dpi=150)
    console.print(escape(str(result)))
    minutes = (time.perf_counter() - begin) / 60.0
    console.print(f"{minutes:.1f} minutes. Results in {escape(str(folder))}/:")
    for path in sorted(folder.iterdir()):
        console.print(f"  {escape(path.name)}")
    return result


def _function(text: str) -> tuple[str, list[float]]:
    name, _, points = text.partition("=")
    try:
        return name, [float(point) for point in points.split(",")]
    except ValueError as error:
        raise ValueError(
            f"--function wants a network and inputs, such as absorption=0.5,1,2; found {text!r}."
        ) from error
