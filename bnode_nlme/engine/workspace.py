"""The memory in which a group of lanes is integrated: rows of one number for each lane."""

from __future__ import annotations

from dataclasses import dataclass

from bnode_nlme.engine.tableau import STAGES

LANES = 8
"""Subjects side by side: two registers of AVX2, one of AVX-512."""


@dataclass(frozen=True)
class Workspace:
    """Where each quantity begins, in rows.

    Attributes
    ----------
    start, length
        Time at which a lane's interval begins, and how long it is.
    time
        The time of the stage in hand.
    error
        Mean square over the states of the local error, in units of the tolerance.
    states, slopes : (STAGES, n)
        States and slopes of the stages of a step. The first state is that at its beginning, the
        last that at its end.
    rates : (n,)
        Infusion into each state.
    parameters, covariates : (P,), (C,)
    fixed : (fixed,)
        What depends on parameters, weights and covariates alone.
    kept : (STAGES, kept)
        What the values of the stages keep for their adjoints.
    adjoint : (n,)
        Cotangents of the state.
    direct : (n,)
        Cotangents that observations within the step give to the state at its beginning.
    seeds : (STAGES, n)
        Cotangents of the slopes.
    passed : (n,)
        Cotangents of the first slope, which is the last of the step before.
    answer : (n,)
        What an adjoint stage adds to the cotangents of its state.
    parameter_gradient, weight_gradient : (P,), (W,)
    start_gradient, length_gradient
        Cotangents of the interval's start and length through the time of the right-hand side.
    slope_gradient
        Sum of slopes times their cotangents: the cotangent of the length, times the length.
    rate_gradient : (n,)
    size
        Rows in all.
    """

    start: int
    length: int
    time: int
    error: int
    states: int
    slopes: int
    rates: int
    parameters: int
    covariates: int
    fixed: int
    kept: int
    adjoint: int
    direct: int
    seeds: int
    passed: int
    answer: int
    parameter_gradient: int
    weight_gradient: int
    start_gradient: int
    length_gradient: int
    slope_gradient: int
    rate_gradient: int
    size: int

    @classmethod
    def of(
        cls, *, states: int, parameters: int, weights: int, covariates: int, fixed: int, kept: int
    ) -> Workspace:
        """Lay out the workspace of a system with so many of each."""
        lengths = {
            "start": 1,
            "length": 1,
            "time": 1,
            "error": 1,
            "states": STAGES * states,
            "slopes": STAGES * states,
            "rates": states,
            "parameters": parameters,
            "covariates": covariates,
            "fixed": fixed,
            "kept": STAGES * kept,
            "adjoint": states,
            "direct": states,
            "seeds": STAGES * states,
            "passed": states,
            "answer": states,
            "parameter_gradient": parameters,
            "weight_gradient": weights,
            "start_gradient": 1,
            "length_gradient": 1,
            "slope_gradient": 1,
            "rate_gradient": states,
        }
        places: dict[str, int] = {}
        place = 0
        for name, length in lengths.items():
            places[name] = place
            place += length
        return cls(**places, size=place)
