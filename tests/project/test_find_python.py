"""tools/find-python believes an interpreter only once it has run it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "tools" / "find-python"

pytestmark = pytest.mark.skipif(os.name != "posix", reason="a shell script for Linux and macOS")


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """Return the folder of a machine with the commands of POSIX and no Python: its bin and home."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "home").mkdir()
    for command in ("cat", "head", "tail"):
        found = shutil.which(command)
        assert found is not None
        (tmp_path / "bin" / command).symlink_to(found)
    return tmp_path


def place(path: Path, body: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


def interpreter(path: Path, version: tuple[int, ...] = (3, 12, 4), lacks: str = "nothing") -> Path:
    """Put a Python at `path` that runs the real probe, as if of this version and place."""
    disguise = (
        f"import sys; sys.version_info = {version!r}; sys._base_executable = {str(path)!r}; "
        f"sys.modules[{lacks!r}] = None; exec(sys.argv[1])"
    )
    # find-python calls `python -I -c PROBE`.
    return place(path, f"""exec {sys.executable} -I -c "{disguise}" "$3" """)


def shim(path: Path) -> Path:
    """Put a pyenv shim at `path` whose version is not selected."""
    return place(path, 'echo "pyenv: $(basename "$0"): command not found" >&2; exit 127')


def search(
    machine: Path, *, folders: tuple[str, ...] = ("bin",), **variables: str
) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": os.pathsep.join(str(machine / folder) for folder in folders),
        "HOME": str(machine / "home"),
        **variables,
    }
    return subprocess.run(
        ["/bin/sh", SCRIPT], env=environment, capture_output=True, text=True, check=False
    )


def assert_found(result: subprocess.CompletedProcess[str], expected: Path) -> None:
    assert (result.returncode, result.stdout, result.stderr) == (0, f"{expected}\n", "")


def test_newest_tested_version_on_path_is_taken(machine: Path) -> None:
    interpreter(machine / "bin" / "python3.12")
    newer = interpreter(machine / "bin" / "python3.13", (3, 13, 0))
    interpreter(machine / "bin" / "python3", (3, 14, 0))
    assert_found(search(machine), newer)


def test_plain_python3_will_do_when_new_enough(machine: Path) -> None:
    found = interpreter(machine / "bin" / "python3")
    assert_found(search(machine), found)


def test_broken_shim_is_skipped(machine: Path) -> None:
    shim(machine / "bin" / "python3.13")
    found = interpreter(machine / "bin" / "python3.12")
    assert_found(search(machine), found)


def test_broken_shim_does_not_hide_the_same_name_further_down_path(machine: Path) -> None:
    shim(machine / "shims" / "python3.12")
    found = interpreter(machine / "bin" / "python3.12")
    assert_found(search(machine, folders=("shims", "bin")), found)


def test_older_version_is_skipped_even_under_a_newer_name(machine: Path) -> None:
    interpreter(machine / "bin" / "python3.13", (3, 11, 7))
    found = interpreter(machine / "bin" / "python3.12")
    assert_found(search(machine), found)


def test_interpreter_without_ensurepip_is_skipped(machine: Path) -> None:
    interpreter(machine / "bin" / "python3.13", (3, 13, 0), lacks="ensurepip")
    found = interpreter(machine / "bin" / "python3.12")
    assert_found(search(machine), found)


def test_versions_of_pyenv_are_found_behind_its_broken_shims(machine: Path) -> None:
    shim(machine / "bin" / "python3.12")
    place(machine / "bin" / "pyenv", f'[ "$1" = root ] && echo "{machine}/pyenv"')
    found = interpreter(machine / "pyenv" / "versions" / "3.12.4" / "bin" / "python3.12")
    assert_found(search(machine), found)


def test_versions_of_pyenv_are_found_at_home_without_the_command(machine: Path) -> None:
    found = interpreter(machine / "home/.pyenv/versions/3.12.4/bin/python3.12")
    assert_found(search(machine), found)


def test_uv_is_asked_last(machine: Path) -> None:
    found = interpreter(machine / "uv" / "python3.12")
    place(machine / "bin" / "uv", f'[ "$1 $2" = "python find" ] && echo "{found}"')
    assert_found(search(machine), found)


def test_nothing_found_says_what_was_tried_and_what_to_install(machine: Path) -> None:
    old = interpreter(machine / "bin" / "python3", (3, 11, 7))
    bare = interpreter(machine / "bin" / "python3.12", lacks="ensurepip")
    broken = shim(machine / "bin" / "python3.13")
    result = search(machine)
    assert result.returncode == 1
    assert result.stdout == ""
    assert "No Python 3.12 or newer that works was found." in result.stderr
    assert f"{old}: is Python 3.11.7\n" in result.stderr
    assert f"{bare}: has no module ensurepip (Debian: install python3-venv)\n" in result.stderr
    assert f"{broken}: " in result.stderr
    assert "apt-get install python3.12 python3.12-venv" in result.stderr
    assert "make PYTHON=/path/to/python3.13" in result.stderr


def test_named_interpreter_is_preferred_to_path(machine: Path) -> None:
    interpreter(machine / "bin" / "python3.13", (3, 13, 0))
    named = interpreter(machine / "elsewhere" / "python")
    assert_found(search(machine, PYTHON=str(named)), named)


def test_named_interpreter_that_is_too_old_is_refused_rather_than_replaced(machine: Path) -> None:
    interpreter(machine / "bin" / "python3.13", (3, 13, 0))
    named = interpreter(machine / "elsewhere" / "python", (3, 10, 1))
    result = search(machine, PYTHON=str(named))
    assert (result.returncode, result.stdout) == (1, "")
    assert f"PYTHON={named} cannot build the virtual environment." in result.stderr
    assert f"{named}: is Python 3.10.1\n" in result.stderr
