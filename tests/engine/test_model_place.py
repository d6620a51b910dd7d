"""Compiled code finds its model by name: each its own, and counts where it should."""

import gc
from typing import Any

import numpy as np
import pytensor.tensor as pt
import pytest
from numba import njit
from numba.core.errors import TypingError
from pytensor.compile.maker import function

from bnode_nlme.engine import SolveCounter, SolverOptions, SolveStatus, solve
from bnode_nlme.engine.kernels import kernels_of
from bnode_nlme.engine.model_place import model_place
from bnode_nlme.engine.population import PopulationSolver
from bnode_nlme.engine.population_calls import forward_call
from tests.engine.compartments import ONE, one_compartment
from tests.engine.tables import dose, observe, study_of

STUDY = study_of([dose(0, 10), observe(1)])


def solver(**options: Any) -> PopulationSolver:
    return PopulationSolver(kernels_of(one_compartment), SolverOptions(**options))


def test_the_name_says_what_the_model_is() -> None:
    one, other = SolveCounter(), SolveCounter()
    name = model_place(solver(rtol=3e-7), one)
    assert solver(rtol=3e-7).key in name
    assert model_place(solver(rtol=3e-7), one) == name
    assert model_place(solver(rtol=3e-7), other) != name
    assert solver(rtol=4e-7).key != solver(rtol=3e-7).key
    assert solver(threads=1).key != solver(threads=2).key


def test_a_copy_of_a_counter_has_its_place() -> None:
    counter = SolveCounter()
    name = model_place(solver(rtol=5e-7), counter)
    copy = SolveCounter(counter.path, counter.slot)
    assert model_place(solver(rtol=5e-7), copy) == name
    del counter
    gc.collect()
    assert model_place(solver(rtol=5e-7), SolveCounter()) != name  # the copy is still there
    assert model_place(solver(rtol=5e-7), copy) == name


def test_the_place_of_a_counter_that_is_gone_is_given_away() -> None:
    counter = SolveCounter()
    name = model_place(solver(rtol=6e-7), counter)
    del counter
    gc.collect()
    assert model_place(solver(rtol=6e-7), SolveCounter()) == name


def compiled() -> tuple[Any, SolveCounter]:
    ka = pt.scalar("ka")
    solution = solve(one_compartment, STUDY, ONE | {"ka": ka}, rtol=7e-7)
    return function([ka], solution.outputs["cp"], mode="NUMBA"), solution.counter


def test_models_of_one_content_count_each_for_itself() -> None:
    (first, one), (second, other) = compiled(), compiled()
    for value in (1.0, 2.0):
        assert first(value) == second(value)
    first(np.nan)
    assert one.read()[SolveStatus.SUCCESS] == 2
    assert one.read()[SolveStatus.NOT_FINITE_INPUT] == 1
    assert other.read()[SolveStatus.SUCCESS] == 2
    assert other.read()[SolveStatus.NOT_FINITE_INPUT] == 0
    wanted = second(1.5)
    path, slot = one.path, one.slot
    del first, one
    gc.collect()
    third, another = compiled()
    assert third(1.5) == wanted == second(1.5)
    assert another.read()[SolveStatus.SUCCESS] == 1
    assert other.read()[SolveStatus.SUCCESS] == 4
    assert SolveCounter(path, slot).read()[SolveStatus.SUCCESS] == 2


def test_a_function_keeps_its_counter() -> None:
    solved, counter = compiled()
    path, slot = counter.path, counter.slot
    raw = solved.vm.jit_fn  # what nutpie takes out of a function
    del solved, counter
    gc.collect()
    others = [compiled() for _ in range(3)]
    raw(np.array(1.0))
    assert SolveCounter(path, slot).read()[SolveStatus.SUCCESS] == 1
    assert not any(any(counter.read().values()) for _, counter in others)


def test_arrays_of_another_type_are_refused() -> None:
    call = forward_call.bound(model_place(solver(), SolveCounter()), 0)
    wrong = (np.zeros((1, 3), np.float32),) * 10
    with pytest.raises(TypingError, match="bnode_nlme_forward_call"):
        njit(lambda arrays: call(arrays))(wrong)
    with pytest.raises(TypingError, match="bnode_nlme_forward_call"):
        njit(lambda arrays: call(arrays))(wrong[:2])
