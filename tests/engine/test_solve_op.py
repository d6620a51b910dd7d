"""The solve as PyTensor operations: modes, gradients, pickles, threads, run-time schedules."""

import pickle
import threading
from typing import Any

import cloudpickle
import numpy as np
import pytensor.tensor as pt
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from pytensor.compile.maker import function
from pytensor.compile.sharedvalue import shared
from pytensor.gradient import DisconnectedInputError, grad

from bnode_nlme.dynamics import MLP, System
from bnode_nlme.engine import SolverOptions, solve
from bnode_nlme.engine import slots as at
from bnode_nlme.engine.counts import SolveCounter
from bnode_nlme.engine.kernels import build_kernels, kernels_of
from bnode_nlme.engine.population import PopulationSolver, call_backward
from bnode_nlme.engine.schedule import build_schedule
from bnode_nlme.engine.solve_op import AdjointOp, SolveOp
from tests.engine.gradients import value_and_gradient
from tests.engine.tables import dose, observe, study_of


def declared() -> System:
    net = MLP("loss", inputs=1, hidden=(3,), output="positive", scale=10.0)
    return System(
        states=("depot", "central"),
        parameters=("ka", "V"),
        networks=(net,),
        rhs=lambda t, y, p, nn, c: {
            "depot": -p.ka * y.depot,
            "central": p.ka * y.depot - nn.loss(y.central / p.V) * y.central,
        },
        outputs={"cp": lambda t, y, p, nn, c: y.central / p.V},
    )


SYSTEM = declared()
STUDY = study_of(
    [dose(0, 100), observe(1), observe(4)],
    [dose(0, 50, rate=25), observe(2), observe(3), dose(3, 50), observe(9)],
    [observe(0), dose(0, 80), observe(2)],
)
KA, V = np.array([1.0, 0.8, 1.4]), np.array([20.0, 30.0, 25.0])
W = np.random.default_rng(8).normal(size=SYSTEM.n_weights)


def graph(**options: Any) -> tuple[list[Any], Any, list[Any]]:
    inputs = [
        pt.vector("ka", shape=(3,)),
        pt.vector("V", shape=(3,)),
        pt.vector("w", shape=(len(W),)),
    ]
    solution = solve(
        SYSTEM, STUDY, {"ka": inputs[0], "V": inputs[1]}, {"loss": inputs[2]}, **options
    )
    cost = (solution.outputs["cp"] ** 2).sum() + solution.states["central"].sum()
    gradient: Any = grad(cost, inputs)
    return inputs, solution, [cost, *gradient]


@pytest.fixture(scope="module")
def both() -> Any:
    """Value and gradient, compiled once for the tests that share it."""
    inputs, _, outputs = graph()
    return function(inputs, outputs)


@pytest.fixture(scope="module")
def value() -> Any:
    inputs, _, outputs = graph()
    return function(inputs, outputs[0])


def operations(function: Any) -> list[Any]:
    return [
        node.op
        for node in function.maker.fgraph.toposort()
        if isinstance(node.op, (SolveOp, AdjointOp))
    ]


@pytest.mark.parametrize("method", ["tsit5", "bdf", "adams"])
def test_numba_and_python_agree_and_with_the_solver_alone(method: str) -> None:
    inputs, _, outputs = graph(method=method)
    compiled = function(inputs, outputs, mode="NUMBA")(KA, V, W)
    performed = function(inputs, outputs, mode="FAST_COMPILE")(KA, V, W)
    for a, b in zip(compiled, performed, strict=True):
        assert_allclose(a, b, rtol=1e-14)
    parameters = np.column_stack([KA, V])
    forward, _ = value_and_gradient(SYSTEM, STUDY, parameters, W, method=method)
    cp = forward.predictions[:, 0]
    cotangents = np.column_stack([2 * cp, np.zeros(len(cp)), np.ones(len(cp))])
    _, backward = value_and_gradient(SYSTEM, STUDY, parameters, W, cotangents, method=method)
    assert_allclose(compiled[0], (cp**2).sum() + forward.predictions[:, 2].sum(), rtol=1e-13)
    assert_allclose(np.column_stack(compiled[1:3]), backward.parameters, rtol=1e-12)
    assert_allclose(compiled[3], backward.weights, rtol=1e-12)


def test_predictions_of_both_modes_are_the_same_bits() -> None:
    inputs, solution, _ = graph()
    outputs = [solution.outputs["cp"], solution.states["depot"], solution.status, solution.steps]
    compiled = function(inputs, outputs, mode="NUMBA")(KA, V, W)
    performed = function(inputs, outputs, mode="FAST_COMPILE")(KA, V, W)
    for a, b in zip(compiled, performed, strict=True):
        assert_array_equal(a, b)


def test_a_value_keeps_no_tape_and_a_gradient_solves_once_each_way(value: Any, both: Any) -> None:
    assert [(type(op), op.keep_tape) for op in operations(value)] == [(SolveOp, False)]
    assert [type(op) for op in operations(both)] == [SolveOp, AdjointOp]
    assert operations(both)[0].keep_tape


def test_without_a_tape_the_same_values(value: Any, both: Any) -> None:
    assert value(KA, V, W) == both(KA, V, W)[0]


@pytest.mark.parametrize("pickler", [pickle, cloudpickle])
def test_pickles_are_equal_and_compute_equal_numbers(pickler: Any, both: Any) -> None:
    for op in operations(both):
        copy = pickler.loads(pickler.dumps(op))
        assert copy == op
        assert hash(copy) == hash(op)
        assert str(copy) == str(op)
        own = [at.TAPE_HINT, at.INTEGRATORS, at.VARYING]  # each has its own
        same = ~np.isin(np.arange(at.SIZE), own)
        assert_array_equal(copy.solver.template[same], op.solver.template[same])
    if pickler is cloudpickle:
        return  # compiled again all the same
    again = pickler.loads(pickler.dumps(both))
    for a, b in zip(again(KA, V, W), both(KA, V, W), strict=True):
        assert_array_equal(a, b)


def test_equal_systems_give_equal_kernels() -> None:
    first, second = build_kernels(declared()), build_kernels(declared())
    assert first == second
    assert first.key == second.key
    assert first.key == kernels_of(SYSTEM).key
    assert kernels_of(SYSTEM) is kernels_of(SYSTEM)
    other = declared().replace(initial={"depot": lambda p, c: p.ka})
    assert build_kernels(other).key != first.key
    options = SolverOptions()
    assert PopulationSolver(first, options) == PopulationSolver(second, options)
    assert PopulationSolver(first, options) != PopulationSolver(first, SolverOptions(rtol=1e-7))


def test_eight_threads_compute_identical_numbers(both: Any) -> None:
    wanted = both(KA, V, W)
    copies = [both.copy() for _ in range(8)]
    found: list[list[Any]] = [[] for _ in copies]

    def work(k: int) -> None:
        for _ in range(40):
            found[k].append(copies[k](KA, V, W))

    threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(len(results) == 40 for results in found)
    for results in found:
        for result in results:
            for a, b in zip(result, wanted, strict=True):
                assert_array_equal(a, b)


@pytest.mark.parametrize(("method", "rtol"), [("tsit5", 1e-6), ("bdf", 0.0)])
def test_subjects_and_schedules_are_run_time_inputs(method: Any, rtol: float) -> None:
    # Lanes step together, so that a subject's last digits depend on its companions.
    solver = PopulationSolver(kernels_of(SYSTEM), SolverOptions(method, rtol=1e-9))
    parameters = pt.matrix("parameters")
    schedule = build_schedule(SYSTEM, STUDY)
    variables = [shared(array) for array in schedule.arrays]
    subjects, rows = pt.lvector("subjects"), pt.lscalar("rows")
    outputs: Any = SolveOp(solver, SolveCounter())(
        parameters, W, np.empty((3, 0)), *variables, subjects, rows
    )
    predictions, status, *_ = outputs
    cost = pt.switch(pt.isnan(predictions), 0.0, predictions).sum()
    gradient: Any = grad(cost, parameters)
    solved = function([parameters, subjects, rows], [predictions, status, gradient])
    P = np.column_stack([KA, V])
    everyone = solved(P, np.arange(3), schedule.rows)
    middle = solved(P, np.array([1]), schedule.rows)
    assert middle[1].tolist() == [-1, 0, -1]
    assert_allclose(middle[0][2:5], everyone[0][2:5], rtol=rtol)
    assert np.isnan(middle[0][[0, 1, 5, 6]]).all()
    assert_allclose(middle[2][1], everyone[2][1], rtol=rtol)
    assert not middle[2][[0, 2]].any()
    nobody = solved(P, np.arange(0), schedule.rows)
    assert nobody[1].tolist() == [-1, -1, -1]
    assert np.isnan(nobody[0]).all()
    assert not nobody[2].any()
    assert_array_equal(solved(P, np.array([2, 0, 1]), schedule.rows)[0], everyone[0])

    other = study_of([dose(0, 100), observe(1)], [dose(1, 9), observe(2)], [observe(4)])
    changed = build_schedule(SYSTEM, other)
    for variable, array in zip(variables, changed.arrays, strict=True):
        variable.set_value(array)
    found = solved(P, np.arange(3), changed.rows)[0]
    forward, _ = value_and_gradient(SYSTEM, other, P, W, rtol=1e-9, method=method)
    assert_array_equal(found, forward.predictions)


@pytest.fixture(scope="module", params=["FAST_COMPILE", "NUMBA"])
def open_solve(request: pytest.FixtureRequest) -> Any:
    """A solve of which every input is given at run time."""
    solver = PopulationSolver(kernels_of(SYSTEM), SolverOptions())
    inputs = [pt.matrix(), pt.vector(), pt.matrix(), pt.lvector(), pt.lvector(), pt.lvector(),
              pt.vector(), pt.vector(), pt.lvector(), pt.lscalar()]  # fmt: skip
    outputs: Any = SolveOp(solver, SolveCounter())(*inputs)
    return function(inputs, outputs[0], mode=request.param)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"subjects": np.array([0, 3])}, "out of range"),
        ({"subjects": np.array([-1])}, "out of range"),
        ({"subjects": np.array([1, 1])}, "named once"),
        ({"offsets": np.array([0, 3])}, "one row for each subject"),
        ({"offsets": np.array([0, 7, 3, 12])}, "must not decrease"),
        ({"offsets": np.array([0, 3, 8, 99])}, "begin at 0 and end"),
        ({"targets": np.full(12, 50)}, "no row, state or status"),
        ({"times": np.zeros(3)}, "one length"),
        ({"amounts": np.zeros(3)}, "one length"),
        ({"weights": np.zeros(2)}, "Weights of a solve"),
        ({"parameters": np.zeros((3, 1))}, "one column for each"),
        ({"covariates": np.zeros((3, 1))}, "Covariates of a solve"),
    ],
)
def test_native_code_sees_no_index_out_of_range(open_solve: Any, change: Any, message: str) -> None:
    names = ["parameters", "weights", "covariates", "offsets", "actions", "targets", "times",
             "amounts", "subjects"]  # fmt: skip
    schedule = build_schedule(SYSTEM, STUDY)
    arrays = [np.column_stack([KA, V]), W, np.empty((3, 0)), *schedule.arrays, np.arange(3)]
    given = dict(zip(names, arrays, strict=True))
    assert np.isfinite(open_solve(*given.values(), schedule.rows)).all()
    with pytest.raises(ValueError, match=message):
        open_solve(*(given | change).values(), schedule.rows)


def test_other_numbers_than_doubles_are_converted() -> None:
    system = declared()
    solver = PopulationSolver(kernels_of(system), SolverOptions())
    schedule = build_schedule(system, STUDY)
    numbers: list[Any] = [
        np.array([[1, 20], [2, 30], [1, 25]]),
        np.zeros(len(W), int),
        np.empty((3, 0), int),
    ]
    for kind in (np.int64, np.float32):
        P, w, c = (array.astype(kind) for array in numbers)
        P8, w8, c8 = (array.astype(float) for array in numbers)
        subjects = np.arange(3)
        found = solver.forward(P, w, c, schedule, subjects.astype(np.int32), keep_tape=True)
        exact = solver.forward(P8, w8, c8, schedule, subjects, keep_tape=True)
        assert_array_equal(found.predictions, exact.predictions)
        ones = np.ones(found.predictions.shape)
        a = solver.backward(P, w, c, schedule, found, ones.astype(kind))
        b = solver.backward(P8, w8, c8, schedule, exact, ones)
        assert_array_equal(a.parameters, b.parameters)
        assert_array_equal(a.weights, b.weights)


def adjoint_inputs() -> tuple[PopulationSolver, list[Any]]:
    solver = PopulationSolver(kernels_of(SYSTEM), SolverOptions())
    schedule = build_schedule(SYSTEM, STUDY)
    P, c = np.column_stack([KA, V]), np.empty((3, 0))
    left = solver.forward(P, W, c, schedule, np.arange(3), keep_tape=True)
    inputs = [
        P,
        W,
        c,
        *schedule.arrays,
        left.status,
        left.order,
        left.seen,
        left.tape,
        left.origins,
    ]
    return solver, [*inputs, np.ones_like(left.predictions)]


def test_an_adjoint_of_integers_is_refused() -> None:
    solver, inputs = adjoint_inputs()
    op: Any = AdjointOp(solver, SolveCounter())
    assert all(np.isfinite(value).all() for value in op(*inputs)[0].eval())
    for position, wrong in [(0, np.int64), (3, np.float64), (8, np.float64), (10, np.int64)]:
        changed = list(inputs)
        changed[position] = inputs[position].astype(wrong)
        with pytest.raises(TypeError, match="Cannot convert Type"):
            op(*changed)


@pytest.mark.parametrize(
    ("position", "change", "message"),
    [
        (9, lambda order: order[:0], "what a forward solve of these subjects left"),
        (10, lambda seen: seen[:, :1], "one column for each state, and two"),
        (12, lambda origins: origins[:, :1], "one column for each state, and two"),
        (11, lambda tape: tape[:20], "parts that the tape does not have"),
        (12, lambda origins: origins - 2, "parts that the tape does not have"),
        (12, lambda origins: origins + 10**6, "parts that the tape does not have"),
    ],
)
def test_the_adjoint_reads_no_tape_that_is_not_there(
    position: int, change: Any, message: str
) -> None:
    solver, inputs = adjoint_inputs()
    inputs[position] = np.ascontiguousarray(change(inputs[position]))
    with pytest.raises(ValueError, match=message):
        call_backward(solver.template, *inputs, 0)


def test_second_derivatives_are_refused() -> None:
    inputs, _, outputs = graph()
    with pytest.raises(NotImplementedError, match="first derivatives only"):
        grad(outputs[1].sum(), inputs[0])


def test_status_and_steps_have_no_gradient() -> None:
    inputs, solution, _ = graph()
    with pytest.raises(DisconnectedInputError, match=r"(?i)disconnected|backtrace"):
        grad(solution.steps.sum().astype("float64"), inputs[0])


def test_the_solution_names_outputs_and_states() -> None:
    _, solution, _ = graph()
    assert set(solution.outputs) == {"cp"}
    assert set(solution.states) == {"depot", "central"}
    with pytest.raises(TypeError, match="does not support item assignment"):
        solution.outputs["cp"] = None


@pytest.mark.parametrize("mode", ["FAST_COMPILE", "NUMBA"])
def test_arrays_of_any_layout_give_the_same_bits(mode: str) -> None:
    solver = PopulationSolver(kernels_of(SYSTEM), SolverOptions())
    schedule = build_schedule(SYSTEM, STUDY)
    P, subjects = np.column_stack([KA, V]), np.arange(3)
    forward = solver.forward(P, W, np.empty((3, 0)), schedule, subjects, keep_tape=True)
    cotangents = np.random.default_rng(2).normal(size=forward.predictions.shape)
    wanted = solver.backward(P, W, np.empty((3, 0)), schedule, forward, cotangents)

    matrices = [pt.matrix(), pt.matrix()]
    vectors = [pt.vector(), pt.vector(), pt.vector()]
    integers = [pt.lvector() for _ in range(4)]
    (parameters, seed), (weights, times, amounts) = matrices, vectors
    offsets, actions, targets, chosen = integers
    # Transposed and reversed in the graph: compiled code gets arrays that are not row-major.
    outputs: Any = SolveOp(solver, SolveCounter())(
        parameters.T, weights[::-1], np.empty((3, 0)), offsets[::-1], actions[::-1],
        targets[::-1], times[::-1], amounts[::-1], chosen[::-1], np.int64(schedule.rows),
    )  # fmt: skip
    gradient: Any = grad((outputs[0] * seed.T).sum(), [parameters, weights])
    solved = function([*matrices, *vectors, *integers], [outputs[0], *gradient], mode=mode)
    offsets0, actions0, targets0, times0, amounts0 = schedule.arrays
    found = solved(
        P.T.copy(), cotangents.T.copy(), W[::-1].copy(), times0[::-1].copy(),
        amounts0[::-1].copy(), offsets0[::-1].copy(), actions0[::-1].copy(),
        targets0[::-1].copy(), subjects[::-1].copy(),
    )  # fmt: skip
    assert_array_equal(found[0], forward.predictions)
    assert_array_equal(found[1].T, wanted.parameters)
    assert_array_equal(found[2][::-1], wanted.weights)
