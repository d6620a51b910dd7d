"""Compile in Python wherever a test does not ask for numba: seconds instead of a minute."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytensor.configdefaults import config

from tests.distributions.problems import PYTHON


@pytest.fixture(autouse=True)
def compile_in_python() -> Iterator[None]:
    with config.change_flags(mode=PYTHON):
        yield
