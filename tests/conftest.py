"""Options of the whole suite."""

from __future__ import annotations

from typing import Any

import pytest

from bnode_nlme.engine.options import METHODS, SolverOptions


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--method",
        choices=METHODS,
        default="auto",
        help='what method="auto" stands for in this run: every test, by every method',
    )


@pytest.fixture(autouse=True, scope="session")
def _method(request: pytest.FixtureRequest) -> Any:
    """Let ``"auto"`` stand for the method of the run."""
    method = request.config.getoption("--method")
    check = SolverOptions.__post_init__

    def replaced(options: SolverOptions) -> None:
        check(options)
        if options.method == "auto":
            object.__setattr__(options, "method", method)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SolverOptions, "__post_init__", replaced)
        yield


@pytest.fixture
def method(request: pytest.FixtureRequest) -> str:
    """The method of the run."""
    return str(request.config.getoption("--method"))
