"""The package itself: a compiled PyTensor function of value and gradient."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt

from benchmarks.contenders.contender import Contender, ContenderUnavailableError, Result
from benchmarks.problems.problem import Problem


def bn_method(
    problem: Problem,
    rtol: float,
    atol: float,
    *,
    method: str,
    **options: Any,
) -> Contender:
    """Value and gradient through `bnode_nlme.solve` with this method and further options."""
    start = time.perf_counter()
    parameters, weights = pt.matrix("parameters"), pt.vector("weights", shape=problem.weights.shape)
    try:
        value, _ = problem.log_likelihood(
            parameters,
            weights,
            method=method,
            rtol=rtol,
            atol=atol,
            **options,
        )
    except ValueError as error:
        if "method= wants one of" in str(error):
            raise ContenderUnavailableError(f"not in this version: {error}") from error
        raise
    # A problem without a network has no weights to differentiate by.
    inputs = [parameters, weights] if problem.weights.size else [parameters]
    function = pytensor.function(inputs, [value, *pt.grad(value, inputs)], trust_input=True)
    given = (problem.parameters, problem.weights)[: len(inputs)]

    def result(found: Any) -> Result:
        gradients = [*found[1:], np.zeros(0)][:2]
        return Result(float(found[0]), *map(np.asarray, gradients))

    function(*given)
    return Contender(
        lambda: function(*given),
        result,
        problem.study.n_subjects,
        time.perf_counter() - start,
    )
