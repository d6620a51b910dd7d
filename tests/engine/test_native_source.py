"""The source that a system is compiled from can be read."""

import re

import llvmlite.binding as llvm
import pytest

import bnode_nlme as bn
from bnode_nlme.engine.kernels import KERNELS
from bnode_nlme.version import __version__


@pytest.fixture(scope="module")
def source() -> str:
    net = bn.MLP("loss", inputs=1, hidden=(3,), output="positive", scale=10.0)
    system = bn.System(
        states=("gut", "blood"),
        parameters=("ka", "V"),
        networks=(net,),
        covariates=("WT",),
        rhs=lambda t, y, p, nn, c: {
            "gut": -p.ka * y.gut,
            "blood": p.ka * y.gut - nn.loss(y.blood / p.V) * y.blood * c.WT,
        },
        outputs={"cp": lambda t, y, p, nn, c: y.blood / p.V},
    )
    return bn.native_source(system)


def header(source: str) -> list[str]:
    lines = source.splitlines()
    end = next(i for i, line in enumerate(lines) if not line.startswith(";"))
    return lines[:end]


def test_the_header_says_what_it_is(source: str) -> None:
    lines = header(source)
    assert lines[0] == f"; native kernels of a system, written by bnode_nlme {__version__}"
    assert lines[2:7] == [
        "; states: gut, blood",
        "; parameters: ka, V",
        "; networks: loss (10 weights)",
        "; covariates: WT",
        "; readouts: cp, gut, blood",
    ]
    assert max(map(len, lines)) <= 100


def test_the_header_tells_of_each_function(source: str) -> None:
    told = re.findall(r"^;   (\w+): \S", "\n".join(header(source)), re.M)
    defined = re.findall(r"^define (?!private)[^@]*@(\w+)\(", source, re.M)
    assert sorted(told) == sorted(defined)
    assert set(KERNELS) <= set(defined)


def test_registers_keep_the_names(source: str) -> None:
    for name in ("state.gut", "state.blood", "parameters.ka", "parameters.V", "covariates.WT"):
        assert source.count(f'%"{name}" = load') >= 2  # by one subject, and by eight
    assert source.count('%"loss.9" = load') >= 1


def test_it_assembles_and_is_what_is_compiled(source: str) -> None:
    module = llvm.parse_assembly(source)
    module.verify()
    assert {function.name for function in module.functions} >= set(KERNELS)


def test_a_system_with_nothing_says_none() -> None:
    system = bn.System(
        states=("central",),
        parameters=("k",),
        rhs=lambda t, y, p, nn, c: {"central": -p.k * y.central},
    )
    lines = header(bn.native_source(system))
    assert "; networks: none" in lines
    assert "; covariates: none" in lines
