"""diffrax, the whole population as one system of differential equations.

Not what diffrax's documentation shows, but what a user in search of speed would write: without
`vmap` the loop over steps has no lanes to mask, so a step costs less, and all subjects share it.
Time is normalised between two records of a subject, as the subjects' records differ.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from benchmarks.contenders.contender import Contender, ContenderUnavailableError, Result
from benchmarks.contenders.diffrax_vmap import MAX_STEPS
from benchmarks.contenders.jax_setting import jax_with_float64
from benchmarks.problems.problem import Problem
from benchmarks.problems.segments import segments


def diffrax_one_system(
    problem: Problem, rtol: float, atol: float, *, solver: str = "Tsit5"
) -> Contender:
    """The largest error of any subject chooses the step of all."""
    jax = jax_with_float64()
    for limit in MAX_STEPS:
        contender = _compiled(jax, problem, rtol, atol, solver, limit)
        if contender is not None:
            return contender
    raise ContenderUnavailableError(f"{solver} takes more than {limit} steps between records")


def _compiled(
    jax: Any, problem: Problem, rtol: float, atol: float, solver: str, max_steps: int
) -> Contender | None:
    import diffrax

    jnp = jax.numpy
    start = time.perf_counter()
    cut = segments(problem)
    if not cut.has_common_fractions:
        cut = segments(problem, cut_at_observations=True)
    fractions = cut.normalised[0] if cut.has_common_fractions else None
    count, width = cut.times.shape[1:]
    if fractions is None:  # every observation is now the end of its segment
        fractions = np.ones((count, width))
    lengths, begins = cut.end - cut.begin, cut.begin

    def derivative(s: Any, y: Any, args: Any) -> Any:
        p, w, begin, length = args
        return jnp.stack(problem.derivative(jnp, begin + s * length, y, p, w)) * length

    controller = diffrax.PIDController(
        rtol=rtol, atol=atol, norm=lambda y: jnp.sqrt(jnp.max(jnp.mean(y**2, axis=0)))
    )

    def stretch(y: Any, segment: Any, p: Any, w: Any) -> Any:
        begin, length, jump, times = segment
        solution = diffrax.diffeqsolve(
            diffrax.ODETerm(derivative),
            getattr(diffrax, solver)(),
            t0=0.0,
            t1=1.0,
            dt0=None,
            y0=y + jump,
            args=(p, w, begin, length),
            saveat=diffrax.SaveAt(ts=times, t1=True),
            stepsize_controller=controller,
            max_steps=max_steps,
            throw=False,
        )
        states = jnp.moveaxis(solution.ys[:-1], 1, 0)
        read = jnp.stack(problem.readout(jnp, states, p))
        return solution.ys[-1], (read, solution.result != diffrax.RESULTS.successful)

    own = [
        jnp.asarray(array)
        for array in (begins.T, lengths.T, np.moveaxis(cut.jump, 0, -1), fractions)
    ]
    observed, sigma = jnp.asarray(problem.observed), jnp.asarray(problem.sigma_of_row)
    outputs, place = jnp.asarray(problem.output_of_row), jnp.asarray(cut.place)

    def log_likelihood(p: Any, w: Any) -> Any:
        y = jnp.stack(problem.initial(jnp, p.T))
        if count == 1:
            _, (read, failed) = stretch(y, [array[0] for array in own], p.T, w)
            read = read[None]
        else:
            _, (read, failed) = jax.lax.scan(lambda y, part: stretch(y, part, p.T, w), y, own)
        # (segments, outputs, width, subjects) to (outputs, subjects x segments x width)
        flat = jnp.transpose(read, (1, 3, 0, 2)).reshape(len(problem.sigma), -1)
        value = -0.5 * (((observed - flat[outputs, place]) / sigma) ** 2).sum()
        return value, jnp.any(failed)

    function = jax.jit(jax.value_and_grad(log_likelihood, argnums=(0, 1), has_aux=True))
    given = jnp.asarray(problem.parameters), jnp.asarray(problem.weights)
    (_, failed), _ = jax.block_until_ready(function(*given))
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
        note=f"one shared step, {count} segments, max_steps {max_steps}",
    )
