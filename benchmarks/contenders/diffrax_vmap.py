"""diffrax, one solve a subject under `jax.vmap`."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from benchmarks.contenders.contender import Contender, ContenderUnavailableError, Result
from benchmarks.contenders.jax_setting import jax_with_float64
from benchmarks.problems.problem import Problem
from benchmarks.problems.segments import segments

MAX_STEPS = (256, 1024, 4096)
"""Tried in turn: the backward pass costs more with every step that may be taken, taken or not."""


def diffrax_vmap(
    problem: Problem,
    rtol: float,
    atol: float,
    *,
    solver: str = "Tsit5",
    adjoint: str = "RecursiveCheckpointAdjoint",
    max_steps: int | None = None,
    first_step: float | None = None,
    chord: bool = False,
    **settings: Any,
) -> Contender:
    """Each subject's stretches between doses: a Python loop over few, a scan over many.

    Parameters
    ----------
    adjoint, settings
        One of diffrax's adjoints, and its arguments.
    max_steps
        Largest number of steps in a stretch; by default the first of `MAX_STEPS` that is enough.
    first_step
        By default diffrax chooses it, which costs two evaluations a stretch.
    chord
        Solve an implicit stage by optimistix's `Chord` rather than by diffrax's `VeryChord`.
    """
    jax = jax_with_float64()
    for limit in MAX_STEPS if max_steps is None else (max_steps,):
        how = _how(solver, adjoint, settings, rtol, atol, chord=chord)
        contender = _compiled(jax, problem, {**how, "max_steps": limit, "dt0": first_step})
        if contender is not None:
            return contender
    raise ContenderUnavailableError(f"{solver} takes more than {limit} steps between doses")


def _how(
    solver: str, adjoint: str, settings: dict[str, Any], rtol: float, atol: float, *, chord: bool
) -> dict[str, Any]:
    """Arguments of `diffeqsolve` that do not depend on the problem."""
    import diffrax
    import optimistix

    root_finder = {"root_finder": optimistix.Chord(rtol=rtol, atol=atol)} if chord else {}
    stepper = getattr(diffrax, solver)(**root_finder)
    controller = diffrax.PIDController(rtol=rtol, atol=atol)
    if adjoint == "BacksolveAdjoint":
        settings = {**settings, "solver": stepper, "stepsize_controller": controller}
    return {
        "solver": stepper,
        "stepsize_controller": controller,
        "adjoint": getattr(diffrax, adjoint)(**settings),
        "throw": False,
    }


def _compiled(jax: Any, problem: Problem, how: dict[str, Any]) -> Contender | None:
    import diffrax

    jnp = jax.numpy
    start = time.perf_counter()
    cut = segments(problem)
    count = cut.begin.shape[1]

    def derivative(t: Any, y: Any, args: Any) -> Any:
        return jnp.stack(problem.derivative(jnp, t, y, *args))

    def stretch(y: Any, segment: Any, args: Any) -> Any:
        begin, end, jump, times = segment
        solution = diffrax.diffeqsolve(
            diffrax.ODETerm(derivative),
            t0=begin,
            t1=end,
            y0=y + jump,
            args=args,
            saveat=diffrax.SaveAt(ts=times, t1=count > 1),
            **how,
        )
        read = problem.readout(jnp, jnp.moveaxis(solution.ys, -1, 0), args[0])
        failed = solution.result != diffrax.RESULTS.successful
        return solution.ys[-1], (jnp.stack(read)[:, : len(times)], failed)

    # Few stretches are compiled one after another, many once for all.
    unrolled = count <= 2

    def subject(p: Any, w: Any, own: Any) -> Any:
        y = jnp.stack(problem.initial(jnp, p))
        if not unrolled:
            _, (read, failed) = jax.lax.scan(lambda y, part: stretch(y, part, (p, w)), y, own)
            return jnp.moveaxis(read, 1, 0), failed.any()
        reads, failures = [], []
        for k in range(count):
            y, (read, failed) = stretch(y, jax.tree.map(lambda a, k=k: a[k], own), (p, w))
            reads.append(read)
            failures.append(failed)
        return jnp.stack(reads, axis=1), jnp.stack(failures).any()

    arrays = [jnp.asarray(a) for a in (cut.begin, cut.end, cut.jump, cut.times)]
    observed, sigma = jnp.asarray(problem.observed), jnp.asarray(problem.sigma_of_row)
    outputs, place = jnp.asarray(problem.output_of_row), jnp.asarray(cut.place)

    def log_likelihood(p: Any, w: Any) -> Any:
        read, failed = jax.vmap(subject, in_axes=(0, None, 0))(p, w, arrays)
        flat = jnp.moveaxis(read, 1, 0).reshape(len(problem.sigma), -1)
        value = -0.5 * (((observed - flat[outputs, place]) / sigma) ** 2).sum()
        return value, failed.any()

    function = jax.jit(jax.value_and_grad(log_likelihood, argnums=(0, 1), has_aux=True))
    given = jnp.asarray(problem.parameters), jnp.asarray(problem.weights)
    try:
        (_, failed), _ = jax.block_until_ready(function(*given))
    except jax.errors.JaxRuntimeError:  # an implicit solver whose steps ran out, differentiated
        return None
    if failed:
        return None

    def result(found: Any) -> Result:
        (value, _), (to_parameters, to_weights) = found
        return Result(float(value), np.asarray(to_parameters), np.asarray(to_weights))

    return Contender(
        lambda: jax.block_until_ready(function(*given)),
        result,
        problem.study.n_subjects,
        time.perf_counter() - start,
        note=f"{type(how['adjoint']).__name__}, max_steps {how['max_steps']}",
    )
