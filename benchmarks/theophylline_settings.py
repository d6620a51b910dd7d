"""Which method and tolerances give the theophylline gradient soonest: prints a table.

    python -m benchmarks.theophylline_settings

The learned model of the demonstration (12 subjects, 132 observations, a 1-5-1 network), at several
draws of parameters and weights: error of the log-likelihood's gradient, in norm relative to the
gradient's, against a solve at tolerance 1e-12, and time of value and gradient.
"""

from __future__ import annotations

import itertools
import time
from typing import Any

import numpy as np

from bnode_nlme.cli.theophylline import PARAMETERS, learned_model
from bnode_nlme.datasets import theophylline
from bnode_nlme.engine.kernels import kernels_of
from bnode_nlme.engine.options import SolverOptions
from bnode_nlme.engine.population import PopulationSolver, call_backward, call_forward
from bnode_nlme.engine.schedule import build_schedule

DRAWS, ROUNDS = 6, 40
SIGMA = 0.5

SETTINGS = [
    (method, rtol, atol, adjoint_rtol, adjoint_atol)
    for method, (rtol, atol), (adjoint_rtol, adjoint_atol) in itertools.product(
        ("adams", "bdf"),
        ((1e-4, 1e-3), (1e-5, 1e-4), (1e-6, 1e-6), (1e-6, 1e-4)),
        ((1e-4, 1e-5), (1e-5, 1e-6), (1e-5, 1e-7), (1e-6, 1e-8)),
    )
]


def main() -> None:
    """Time and compare every setting."""
    study = theophylline()
    system = learned_model(study).system
    schedule = build_schedule(system, study)
    observed = study.records.value[study.observations]
    covariates, subjects = np.zeros((study.n_subjects, 0)), np.arange(study.n_subjects)
    *entries, _amounts = schedule.arrays
    rng = np.random.default_rng(1)
    draws = [
        (
            np.array([1.6, 2.8, 32.0]) * np.exp(0.3 * rng.standard_normal((12, len(PARAMETERS)))),
            0.5 * rng.standard_normal(kernels_of(system).weights),
        )
        for _ in range(DRAWS)
    ]

    def gradient(solver: PopulationSolver, draw: tuple[Any, Any]) -> tuple[Any, ...]:
        predictions, status, steps, *left = call_forward(
            solver.template,
            solver.tolerances,
            *draw,
            covariates,
            *schedule.arrays,
            subjects,
            schedule.rows,
            True,
            0,
        )
        cotangents = np.zeros_like(predictions)
        cotangents[:, 0] = (observed - predictions[:, 0]) / SIGMA**2
        to_parameters, to_weights, taken = call_backward(
            solver.template,
            solver.adjoint_tolerances,
            *draw,
            covariates,
            *entries,
            subjects,
            status,
            *left,
            cotangents,
            0,
        )
        likelihood = -0.5 * np.sum(((observed - predictions[:, 0]) / SIGMA) ** 2)
        # By the logarithm of each parameter: what a sampler sees.
        flat = np.concatenate([(to_parameters * draw[0]).ravel(), to_weights])
        return likelihood, flat, steps.mean(), taken.mean()

    exact_solver = PopulationSolver(
        kernels_of(system), SolverOptions("adams", 1e-12, 1e-11, 1e-12, 1e-14, 10**6)
    )
    exact = [gradient(exact_solver, draw) for draw in draws]
    print("method  rtol   atol   adj.rtol adj.atol  µs/subject  steps     gradient  likelihood")
    rows = []
    for method, rtol, atol, adjoint_rtol, adjoint_atol in SETTINGS:
        options = SolverOptions(method, rtol, atol, adjoint_rtol, adjoint_atol)
        solver = PopulationSolver(kernels_of(system), options)
        found = [gradient(solver, draw) for draw in draws]
        error = max(
            np.linalg.norm(f[1] - e[1]) / np.linalg.norm(e[1])
            for f, e in zip(found, exact, strict=True)
        )
        shift = max(abs(f[0] - e[0]) for f, e in zip(found, exact, strict=True))
        taken = []
        for _ in range(ROUNDS):
            start = time.thread_time()
            for draw in draws:
                gradient(solver, draw)
            taken.append((time.thread_time() - start) / DRAWS / study.n_subjects * 1e6)
        rows.append((min(taken), method, rtol, atol, adjoint_rtol, adjoint_atol, error, shift))
        steps = np.mean([f[2] for f in found]), np.mean([f[3] for f in found])
        print(
            f"{method:6}  {rtol:.0e}  {atol:.0e}  {adjoint_rtol:.0e}   {adjoint_atol:.0e}  "
            f"{min(taken):8.1f}    {steps[0]:4.0f} {steps[1]:4.0f}   {error:.1e}   {shift:.1e}",
            flush=True,
        )
    good = [row for row in sorted(rows) if row[6] < 1e-4]
    print(f"fastest with a gradient error below 1e-4: {good[0] if good else 'none'}")


if __name__ == "__main__":
    main()
