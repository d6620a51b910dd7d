"""Stan through pystan: the gradient of the log density, called without pystan's HTTP server."""

from __future__ import annotations

import importlib.util
import os
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.contenders.contender import Contender, ContenderUnavailableError, Result
from benchmarks.contenders.stan_program import program
from benchmarks.problems.problem import Problem
from benchmarks.problems.segments import segments

SOLVERS = ("ode_rk45", "ode_bdf", "ode_adjoint", "nothing")


def stan(
    problem: Problem, rtol: float, atol: float, *, solver: str, subjects: int | None = None
) -> Contender:
    """`log_prob_grad` of the compiled model, for the first `subjects` of the problem.

    pystan talks to the compiled model through an HTTP server in the same process; that would cost
    milliseconds a call, so the function behind the server is called directly. What then remains
    besides the solves (the data are read anew at each call) is measured by the same call with
    ``solver="nothing"`` and noted. `log_prob_grad` does not return the value that it computes:
    for the check of the value, `log_prob` is called apart, untimed.
    """
    if importlib.util.find_spec("stan") is None:
        raise ContenderUnavailableError("pystan is not installed; see make benchmark-peers")
    if subjects is not None:
        problem = problem.head(subjects)
    start = time.perf_counter()
    module = _module(program(problem.stan))
    data = _data(problem, rtol, atol, SOLVERS.index(solver))
    flat = np.concatenate([problem.parameters.ravel(), problem.weights]).tolist()
    shape = problem.parameters.shape

    def call() -> Any:
        return module.log_prob_grad(data, flat, True)

    def result(found: Any) -> Result:
        gradient = np.asarray(found)
        split = problem.parameters.size
        value = module.log_prob(data, flat, True)
        return Result(value, gradient[:split].reshape(shape), gradient[split:])

    _first_call(call)
    taken = time.perf_counter() - start
    besides = _best_time(lambda: module.log_prob_grad({**data, "solver": 3}, flat, True))
    note = f"{besides / problem.study.n_subjects * 1e6:.0f} µs of it without a solve"
    if subjects is not None:
        note = f"the first {subjects} subjects only; {note}"
    return Contender(call, result, problem.study.n_subjects, taken, note)


def _best_time(call: Callable[[], Any]) -> float:
    times = []
    for _ in range(3):
        start = time.process_time()
        call()
        times.append(time.process_time() - start)
    return min(times)


def _first_call(call: Callable[[], Any]) -> None:
    """Try thrice: ode_adjoint fails once in some hundred calls with the very same arguments."""
    for attempt in range(3):
        try:
            call()
            return
        except ValueError as error:
            if attempt == 2:
                raise ContenderUnavailableError(f"Stan: {error}".splitlines()[0]) from error


def _module(code: str) -> Any:
    """The extension module that httpstan builds, once a machine: it keeps them on disk."""
    import asyncio

    import httpstan.models

    name = httpstan.models.calculate_model_name(code)
    try:
        return _imported(name)
    except KeyError:
        pass
    try:
        with warnings.catch_warnings():  # httpstan's own; they are errors under pytest
            warnings.simplefilter("ignore")
            asyncio.run(httpstan.models.build_services_extension_module(code))
    except Exception as error:  # whatever stanc or the compiler says is the result
        raise ContenderUnavailableError(f"httpstan could not build the model: {error}") from error
    return _imported(name)


def _imported(name: str) -> Any:
    """Load the module so that it finds its own SUNDIALS, not the newer one of sundials4py.

    The package has loaded that one for all of the process to see; Stan's was built of another
    version, and calls into the wrong one failed or worse.
    """
    import httpstan.models

    flags = sys.getdlopenflags()
    try:
        sys.setdlopenflags(flags | getattr(os, "RTLD_DEEPBIND", 0))
        return httpstan.models.import_services_extension_module(name)
    finally:
        sys.setdlopenflags(flags)


def _data(problem: Problem, rtol: float, atol: float, solver: int) -> dict[str, Any]:
    cut = segments(problem)
    subjects, count, width = cut.times.shape
    times: list[float] = []
    first = np.ones((subjects, count), np.int64)
    counts = np.zeros((subjects, count), np.int64)
    # Where each wanted time lies in `times`; Stan refuses times at a segment's own beginning.
    index = np.zeros((subjects, count, width), np.int64)
    for s in range(subjects):
        for k in range(count):
            wanted = np.unique([*cut.times[s, k], cut.end[s, k]])
            wanted = wanted[wanted > cut.begin[s, k]]
            if k == count - 1:  # nothing is needed of the end but what is observed there
                wanted = wanted[wanted <= cut.times[s, k].max()]
            first[s, k], counts[s, k] = len(times) + 1, len(wanted)
            index[s, k] = first[s, k] + np.searchsorted(wanted, cut.times[s, k])
            index[s, k][cut.times[s, k] <= cut.begin[s, k]] = -(k + 1)
            times += wanted.tolist()
    records = problem.study.records
    subject_of_row = records.subject[problem.study.observations]
    data = {
        "solver": solver,
        "rtol": rtol,
        "atol": atol,
        "S": subjects,
        "K": count,
        "N": problem.study.n_observations,
        "P": problem.parameters.shape[1],
        "W": problem.weights.size,
        "n": cut.jump.shape[2],
        "O": len(problem.sigma),
        "begin": cut.begin,
        "jump": cut.jump,
        "count": counts,
        "first": first,
        "T": len(times),
        "time": np.array(times),
        "before": counts.sum(axis=1).cumsum() - counts.sum(axis=1),
        "own": counts.sum(axis=1),
        "place": index.ravel()[cut.place],
        "row_first": np.searchsorted(subject_of_row, np.arange(subjects)) + 1,
        "row_last": np.searchsorted(subject_of_row, np.arange(subjects), side="right"),
        "output": problem.output_of_row + 1,
        "observed": problem.observed,
        "sigma": problem.sigma_of_row,
    }
    return {
        name: value.tolist() if isinstance(value, np.ndarray) else value
        for name, value in data.items()
    }
