"""The folder where compiled code is kept: one for each content of the engine."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import shutil
import tempfile
import time
import uuid
from pathlib import Path

import llvmlite
import numba
from pytensor.configdefaults import config

ENGINE = Path(__file__).resolve().parent
"""Where the engine's files are."""

_UNUSED_SECONDS = 30 * 24 * 3600
_NAME_LENGTH = 16


def _content() -> str:
    content = hashlib.sha256(f"{numba.__version__} {llvmlite.__version__}".encode())
    for source in sorted(ENGINE.rglob("*.py")):
        content.update(str(source.relative_to(ENGINE)).encode() + source.read_bytes())
    return content.hexdigest()[:_NAME_LENGTH]


@functools.cache
def cache_folder() -> Path:
    """Folder of the compiled solver: one for each content of the engine and version of numba.

    It stands beside PyTensor's own compiled functions. Where nothing can be written there, it is
    a temporary folder of this process.
    """
    name = _content()
    parent = Path(config.base_compiledir) / "bnode_nlme"
    folder = parent / name
    try:
        if not folder.exists():
            folder.mkdir(parents=True)
            remove_unused(parent, name)
        mark_used(folder)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError:
        if folder.exists() and any(folder.iterdir()):
            return folder  # filled by somebody else: what is there can be read
        private = tempfile.TemporaryDirectory(prefix="bnode_nlme-")
        _KEPT.append(private)
        folder = Path(private.name) / name
        folder.mkdir()
    return folder


# A temporary folder is removed with its last reference, at the end of the process.
_KEPT: list[tempfile.TemporaryDirectory[str]] = []


def mark_used(path: Path) -> None:
    """Note on disk that a file or folder is used now."""
    with contextlib.suppress(OSError):
        os.utime(path)


def _is_unused(path: Path) -> bool:
    try:
        return time.time() - path.stat().st_mtime > _UNUSED_SECONDS
    except OSError:
        return False


def remove_unused(parent: Path, name: str) -> None:
    """Remove the folders of other contents of the engine that nobody used for thirty days."""
    for other in parent.iterdir():
        if (
            other.name != name
            and len(other.name) == _NAME_LENGTH
            and not set(other.name) - set("0123456789abcdef")
            and not other.is_symlink()
            and other.is_dir()
            and _is_unused(other)
        ):
            shutil.rmtree(other, ignore_errors=True)


def read_kept(name: str) -> bytes | None:
    """What `keep` has written, or None where it is not there or not whole."""
    path = cache_folder() / name
    try:
        kept = path.read_bytes()
    except OSError:
        return None
    length = hashlib.sha256().digest_size
    digest, content = kept[:length], kept[length:]
    if hashlib.sha256(content).digest() != digest:
        return None
    return content


def keep(name: str, content: bytes) -> None:
    """Write a file to the folder, whole or not at all; where it cannot be written, do nothing."""
    path = cache_folder() / name
    partial = path.with_name(f"{name}.{uuid.uuid4().hex}")
    try:
        partial.write_bytes(hashlib.sha256(content).digest() + content)
        partial.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            partial.unlink()
