"""`bnode-nlme sbc` runs, writes what it says, goes on with what is there, and says no."""

from __future__ import annotations

from pathlib import Path

import pytest
import xarray as xr
from typer.testing import CliRunner, Result

from bnode_nlme.cli import app

MODEL = """
import bnode_nlme as bn

system = bn.System(
    states=("central",),
    parameters=("k",),
    rhs=lambda t, y, p, nn, c: {"central": -p.k * y.central},
    outputs={"amount": lambda t, y, p, nn, c: y.central},
)
nlme = bn.NLME(
    system,
    individual={
        "k": bn.Individual(
            bn.LogNormal(0.5, 0.3), effect=False, covariates=[bn.Power("WT", 70.0, 0.75)]
        )
    },
    error={"amount": bn.Additive(0.05)},
)
"""
DESIGN = """ID,TIME,EVID,AMT,WT
1,0,1,1,70
1,1,2,,70
1,3,2,,70
2,0,1,1,50
2,2,2,,50
"""


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "model.py").write_text(MODEL)
    (tmp_path / "design.csv").write_text(DESIGN)
    return tmp_path


def calibrate(files: Path, declaration: str, *options: str) -> Result:
    arguments = ["sbc", str(files / declaration), "--design", str(files / "design.csv")]
    arguments += ["--folder", str(files / "out"), *options]
    return CliRunner().invoke(app, arguments, env={"COLUMNS": "200"})


def test_it_writes_its_results_and_goes_on_with_them(files: Path) -> None:
    few = ("--replicates", "20", "--draws", "60", "--tune", "100", "--ranked", "31", "--cores", "1")
    first = calibrate(files, "model.py:nlme", *few)
    verdict = first.output.split(", by 20 replicates of 2 quantities")[0].splitlines()[-1].strip()
    assert first.exit_code == (0 if verdict == "Calibrated" else 1), first.output
    names = {path.name for path in (files / "out").iterdir()}
    assert names == {"ranks.nc", "ranks.png", "replicates.jsonl"}
    with xr.open_dataset(files / "out" / "ranks.nc") as ranks:
        assert ranks.quantity.to_numpy().tolist() == ["k_pop", "log_likelihood"]
        assert ranks.sizes["replicate"] == 20
    written = (files / "out" / "replicates.jsonl").read_text()
    again = calibrate(files, "model.py", *few)
    assert again.exit_code == first.exit_code
    assert (files / "out" / "replicates.jsonl").read_text() == written


@pytest.mark.parametrize(
    ("declaration", "options", "phrase"),
    [
        ("model.py:other", (), "no bn.NLME named 'other'; its declarations are: 'nlme'"),
        ("missing.py:nlme", (), "there is no Python file"),
        ("model.py:nlme", ("--function", "clearance=1,2"), "the model's networks are: none"),
        ("model.py:nlme", ("--function", "clearance=a"), "--function wants a network and inputs"),
        ("model.py:nlme", ("--lloq", "0.1"), "Calibration wants 'M3' or 'M4'"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(
    files: Path, declaration: str, options: tuple[str, ...], phrase: str
) -> None:
    result = calibrate(files, declaration, *options)
    assert result.exit_code == 2
    assert phrase in " ".join(result.output.split())
    assert "Traceback" not in result.output
