"""tools/build-venv builds once, mends what changed, and never trusts half a .venv."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

TOOLS = Path(__file__).parents[2] / "tools"

pytestmark = pytest.mark.skipif(os.name != "posix", reason="a shell script for Linux and macOS")

# Stands for Python: answers the probe, makes a .venv that holds itself, and writes down what pip is
# asked for. pip fails as long as the file pip-fails is there.
PYTHON = """#!/bin/sh
case "$2 $3" in
    -c*) echo "$0" ;;
    "-m venv") mkdir -p "$4/bin" && cp "$0" "$4/bin/python" && echo venv >>log ;;
    "-m pip")
        shift 7
        echo "pip $*" >>log
        [ ! -e pip-fails ]
        ;;
esac
"""
FROM_NOTHING = ["venv", "pip --upgrade pip>=25.1"]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    root = tmp_path / "checkout"
    shutil.copytree(TOOLS, root / "tools")
    (root / "pyproject.toml").write_text("first")
    return root


@pytest.fixture
def python(tmp_path: Path) -> Path:
    return place_python(tmp_path / "python3.12")


def place_python(path: Path) -> Path:
    path.write_text(PYTHON)
    path.chmod(0o755)
    return path


def build(checkout: Path, python: Path, *groups: str) -> tuple[int, list[str]]:
    """Run the script; return its exit status and what it did."""
    log = checkout / "log"
    log.write_text("")
    status = subprocess.run(
        [checkout / "tools" / "build-venv", *groups],
        env={**os.environ, "PYTHON": str(python)},
        capture_output=True,
        check=False,
    ).returncode
    return status, log.read_text().splitlines()


def test_builds_from_nothing_then_leaves_it_alone(checkout: Path, python: Path) -> None:
    assert build(checkout, python) == (0, [*FROM_NOTHING, "pip --editable ."])
    assert build(checkout, python) == (0, [])


def test_group_is_added_to_what_is_there(checkout: Path, python: Path) -> None:
    build(checkout, python)
    assert build(checkout, python, "test") == (0, ["pip --editable . --group test"])
    assert build(checkout, python, "test") == (0, [])
    assert build(checkout, python) == (0, [])


def test_changed_pyproject_installs_again_with_every_group(checkout: Path, python: Path) -> None:
    build(checkout, python, "test")
    (checkout / "pyproject.toml").write_text("second")
    assert build(checkout, python) == (0, ["pip --editable . --group test"])
    assert build(checkout, python, "test") == (0, [])


def test_failed_installation_is_told_and_then_built_anew(checkout: Path, python: Path) -> None:
    build(checkout, python)
    (checkout / "pip-fails").touch()
    status, _ = build(checkout, python, "test")
    assert status != 0
    (checkout / "pip-fails").unlink()
    assert build(checkout, python) == (0, [*FROM_NOTHING, "pip --editable ."])


def test_interpreter_that_is_gone_is_replaced(checkout: Path, python: Path) -> None:
    build(checkout, python)
    (checkout / ".venv" / "bin" / "python").unlink()
    assert build(checkout, python) == (0, [*FROM_NOTHING, "pip --editable ."])


def test_foreign_venv_is_replaced(checkout: Path, python: Path) -> None:
    (checkout / ".venv" / "bin").mkdir(parents=True)
    place_python(checkout / ".venv" / "bin" / "python")
    assert build(checkout, python) == (0, [*FROM_NOTHING, "pip --editable ."])


def test_moved_checkout_is_built_anew(checkout: Path, python: Path) -> None:
    build(checkout, python)
    moved = checkout.rename(checkout.with_name("moved"))
    assert build(moved, python) == (0, [*FROM_NOTHING, "pip --editable ."])


def test_another_interpreter_asked_for_replaces_the_first(checkout: Path, python: Path) -> None:
    build(checkout, python)
    other = place_python(python.with_name("python3.13"))
    assert build(checkout, other) == (0, [*FROM_NOTHING, "pip --editable ."])
    assert (checkout / ".venv" / ".interpreter").read_text() == f"{other}\n"
