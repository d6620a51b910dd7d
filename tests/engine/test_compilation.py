"""Compiled code on disk belongs to the exact content of the engine."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import bnode_nlme.engine
from bnode_nlme.engine.cache_folder import cache_folder
from bnode_nlme.engine.forward import forward_entry

ENGINE = Path(bnode_nlme.engine.__file__).parent


def test_the_solver_is_kept_in_the_folder_of_its_content() -> None:
    assert forward_entry.address != 0
    kept = {path.name.split("-")[0] for path in cache_folder().glob("*.nbi")}
    assert "forward.forward_entry" in kept


def test_a_change_in_any_file_of_the_engine_moves_the_folder(tmp_path: Path) -> None:
    shutil.copytree(ENGINE.parent, tmp_path / "bnode_nlme")
    code = "from bnode_nlme.engine.cache_folder import cache_folder; print(cache_folder())"

    def folder() -> str:
        run = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code],
            cwd=tmp_path, capture_output=True, text=True, check=True,
        )  # fmt: skip
        return run.stdout.strip()

    before = folder()
    assert before == str(cache_folder())
    slots = tmp_path / "bnode_nlme" / "engine" / "slots.py"
    slots.write_text(
        slots.read_text().replace("DERIVATIVE = next", "SPARE = next(_count)\nDERIVATIVE = next")
    )
    assert folder() != before
