"""CVODES's vector operations against NumPy, in place and between vectors, at every length."""

import ctypes
from collections.abc import Callable

import numpy as np
import pytest
from numba import njit

from bnode_nlme.engine import slots as at
from bnode_nlme.engine import sundials
from bnode_nlme.engine.integrator import (
    CONTEXT,
    MEMORY,
    QUADRATURE,
    VECTOR,
    create_integrator,
    free_integrator,
)
from bnode_nlme.engine.memory import load_integer
from bnode_nlme.engine.vector_operations import replacements

sundials.load()

POINTER, DOUBLE = ctypes.c_void_p, ctypes.c_double
ORDER = ["linear_sum", "scale", "constant", "product", "magnitude", "inverse", "add_constant"]
LENGTHS = [1, 2, 3, 4, 5, 7, 8, 28, 31]


class Serial:
    """What N_VNew_Serial lays out: a content with length and data, behind a vector."""

    def __init__(self, values):
        self.data = np.array(values, dtype=float)
        self.content = np.array([len(self.data), 0, self.data.ctypes.data], dtype=np.int64)
        self.vector = np.array([self.content.ctypes.data, 0, 0], dtype=np.int64)

    @property
    def address(self):
        return self.vector.ctypes.data


def _call(name, *arguments):
    address = int(replacements()[ORDER.index(name), 1])
    types = [DOUBLE if isinstance(argument, float) else POINTER for argument in arguments]
    given = [a if isinstance(a, float) else a.address for a in arguments]
    ctypes.CFUNCTYPE(None, *types)(address)(*given)


def _vectors(length):
    rng = np.random.default_rng(length)
    return Serial(rng.standard_normal(length)), Serial(rng.standard_normal(length))


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("target", ["new", "first", "second"])
def test_linear_sum(length, target):
    x, y = _vectors(length)
    z = {"new": Serial(np.full(length, np.nan)), "first": x, "second": y}[target]
    expected = 1.5 * x.data - 0.3 * y.data
    _call("linear_sum", 1.5, x, -0.3, y, z)
    np.testing.assert_allclose(z.data, expected, rtol=1e-14, atol=1e-15)


ON_ONE_VECTOR: list[tuple[str, Callable, Callable]] = [
    ("scale", lambda x, z: (1.7, x, z), lambda x: 1.7 * x),
    ("magnitude", lambda x, z: (x, z), np.abs),
    ("inverse", lambda x, z: (x, z), lambda x: 1 / x),
    ("add_constant", lambda x, z: (x, 0.25, z), lambda x: x + 0.25),
    ("product", lambda x, z: (x, x, z), lambda x: x * x),
    ("constant", lambda x, z: (0.125, z), lambda x: np.full(len(x), 0.125)),
]


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("in_place", [False, True])
@pytest.mark.parametrize(("name", "arguments", "expected"), ON_ONE_VECTOR)
def test_operations_on_one_vector(name, arguments, expected, length, in_place):
    x, z = _vectors(length)
    z = x if in_place else z
    wanted = expected(x.data.copy())
    _call(name, *arguments(x, z))
    np.testing.assert_array_equal(z.data, wanted)


@pytest.mark.parametrize("length", LENGTHS)
def test_norm(length):
    x, w = _vectors(length)
    function = ctypes.CFUNCTYPE(DOUBLE, POINTER, POINTER)(int(replacements()[-1, 1]))
    expected = np.sqrt(np.mean((x.data * w.data) ** 2))
    assert function(x.address, w.address) == pytest.approx(expected, rel=1e-14)
    x.data[-1] = np.nan
    assert np.isnan(function(x.address, w.address))


@njit
def _operations_of(vector):
    found = np.empty(31, np.int64)
    for entry in range(31):
        found[entry] = load_integer(load_integer(vector, 1), entry)
    return found


@pytest.mark.parametrize("replaced", [True, False])
def test_an_integrator_computes_by_them(replaced):
    table = replacements()
    assert np.all(table > 0), "every operation has its counterpart in the library"
    block = np.zeros(at.SIZE, np.int64)
    if replaced:
        block[at.VECTOR_OPERATIONS] = table.ctypes.data
        block[at.N_VECTOR_OPERATIONS] = len(table)
    handles = create_integrator(block.ctypes.data, sundials.BDF, 2, 3, 1, 1, 1, 1e-6, 1e-8)
    assert handles[CONTEXT] != 0
    assert handles[MEMORY] != 0
    for vector in (VECTOR, QUADRATURE):
        found = set(_operations_of(handles[vector]).tolist())
        assert found.isdisjoint(table[:, 0 if replaced else 1].tolist())
        assert found.issuperset(table[:, 1 if replaced else 0].tolist())
    free_integrator(handles)
