"""The folder of compiled code: whole files, no stale ones, and none that nobody uses."""

import logging
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from bnode_nlme.engine import cache_folder as folders
from bnode_nlme.engine import compilation, native, notice
from bnode_nlme.engine.cache_folder import keep, read_kept, remove_unused

OLD = time.time() - 31 * 24 * 3600
DOUBLED = "define double @doubled(double %x) {\n  %y = fadd double %x, %x\n  ret double %y\n}\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for module in (folders, compilation):
        monkeypatch.setattr(module, "cache_folder", lambda: tmp_path)
    monkeypatch.setattr(native, "_COMPILED", {})
    return tmp_path


def test_what_is_kept_is_read_again(folder: Path) -> None:
    assert read_kept("a.o") is None
    keep("a.o", b"code")
    assert read_kept("a.o") == b"code"
    assert [path.name for path in folder.iterdir()] == ["a.o"]


@pytest.mark.parametrize(
    "harm", [lambda b: b[:-1], lambda b: b + b"x", lambda b: b"", lambda b: b[::-1]]
)
def test_a_file_that_is_not_whole_is_not_read(folder: Path, harm: object) -> None:
    keep("a.o", b"code")
    path = folder / "a.o"
    path.write_bytes(harm(path.read_bytes()))  # type: ignore[operator]
    assert read_kept("a.o") is None


def test_writers_at_once_leave_one_whole_file(folder: Path) -> None:
    contents = [bytes([k]) * 100_000 for k in range(8)]
    threads = [threading.Thread(target=keep, args=("a.o", content)) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert read_kept("a.o") in contents
    assert len(list(folder.iterdir())) == 1


def test_where_nothing_can_be_written_nothing_is_kept(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError("read only")

    monkeypatch.setattr(Path, "write_bytes", refuse)
    keep("a.o", b"code")
    assert native.compile_ir(DOUBLED, ("doubled",)).addresses["doubled"] != 0
    assert not list(folder.iterdir())


def test_machine_code_is_compiled_once_for_its_content(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ctypes

    def value(source: str) -> float:
        monkeypatch.setattr(native, "_COMPILED", {})
        module = native.compile_ir(source, ("doubled",))
        call = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)(module.addresses["doubled"])
        return float(call(3.0))

    assert value(DOUBLED) == 6.0
    assert len(list(folder.iterdir())) == 1
    with monkeypatch.context() as context:
        context.setattr(native, "_machine_code", lambda *_: pytest.fail("compiled again"))
        assert value(DOUBLED) == 6.0
    assert value(DOUBLED.replace("fadd", "fmul")) == 9.0
    assert len(list(folder.iterdir())) == 2


def test_only_folders_of_this_kind_that_nobody_used_are_removed(tmp_path: Path) -> None:
    names = {
        "0123456789abcdef": OLD,  # the one
        "123456789abcdef0": time.time(),
        "23456789abcdef01": OLD,  # ours
        "notes": OLD,
        "0123456789abcdeg": OLD,
    }
    for name, used in names.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "code.nbc").write_bytes(b"")
        os.utime(tmp_path / name, (used, used))
    (tmp_path / "3456789abcdef012").write_bytes(b"a file")
    os.utime(tmp_path / "3456789abcdef012", (OLD, OLD))
    remove_unused(tmp_path, "23456789abcdef01")
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {*names, "3456789abcdef012"} - {"0123456789abcdef"}


SCRIPT = "from bnode_nlme.engine.cache_folder import cache_folder\nprint(cache_folder())"


def printed(place: Path) -> Path:
    environment = os.environ | {"PYTENSOR_FLAGS": f"base_compiledir={place}"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SCRIPT],
        env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return Path(done.stdout.strip())


def test_a_new_content_of_the_engine_removes_what_is_old(tmp_path: Path) -> None:
    old = tmp_path / "bnode_nlme" / "0123456789abcdef"
    old.mkdir(parents=True)
    os.utime(old, (OLD, OLD))
    found = printed(tmp_path)
    assert found.parent == tmp_path / "bnode_nlme"
    assert not old.exists()
    os.utime(found, (OLD, OLD))
    assert printed(tmp_path) == found
    assert found.stat().st_mtime > OLD + 1000  # it is in use


def test_without_a_place_to_write_to_a_temporary_one_serves(tmp_path: Path) -> None:
    (tmp_path / "bnode_nlme").write_bytes(b"a file where the folder should be")
    found = printed(tmp_path)
    assert tmp_path not in found.parents
    assert not found.exists()  # it went away with its process


@pytest.fixture
def fresh_notice() -> None:
    notice.say_once.cache_clear()


def test_the_first_compilation_says_so_once(
    folder: Path, caplog: pytest.LogCaptureFixture, fresh_notice: None
) -> None:
    with caplog.at_level(logging.INFO, logger="bnode_nlme"):
        compilation.say_if_new(printed)
        compilation.say_if_new(header_like)
    assert [record.name for record in caplog.records] == ["bnode_nlme"]
    assert caplog.messages == [
        "Compiling the solver of bnode_nlme. It takes about a minute, once per machine."
    ]


def header_like() -> None:
    """Another function that was never compiled."""


def test_what_is_on_disk_is_loaded_in_silence(
    folder: Path, caplog: pytest.LogCaptureFixture, fresh_notice: None
) -> None:
    (folder / "test_cache_folder.header_like-1.py312.nbi").write_bytes(b"")
    with caplog.at_level(logging.INFO, logger="bnode_nlme"):
        compilation.say_if_new(header_like)
    assert not caplog.records
