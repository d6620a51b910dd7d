"""How a subject's solve ended. A failed solve is data: it is never raised inside a sampler."""

from __future__ import annotations

from enum import IntEnum


class SolveStatus(IntEnum):
    """Outcome of one subject's solve; `message` says it in words."""

    SUCCESS = 0
    MAX_STEPS = 1
    NOT_FINITE = 2
    STEP_TOO_SMALL = 3
    NO_CONVERGENCE = 4
    NOT_FINITE_INPUT = 5
    TOO_MUCH_ACCURACY = 6
    INTERNAL = 7
    STIFF = 8
    DOSING = 9
    NO_STEADY_STATE = 10

    @property
    def message(self) -> str:
        """The outcome in words, with what to do about it."""
        return _MESSAGES[self]


_MESSAGES = {
    SolveStatus.SUCCESS: "solved",
    SolveStatus.MAX_STEPS: (
        "the solver took max_steps steps without reaching the last record; raise max_steps, "
        'loosen rtol or, where an explicit method met a stiff system, use method="auto" or "bdf"'
    ),
    SolveStatus.NOT_FINITE: (
        "the right-hand side, its Jacobian or its initial value was NaN or infinite at a state "
        "that could not be avoided by smaller steps"
    ),
    SolveStatus.STEP_TOO_SMALL: (
        "the local error test failed repeatedly or the step became too small: the solution may "
        "have a singularity"
    ),
    SolveStatus.NO_CONVERGENCE: (
        "the implicit equations of a step did not converge or were singular"
    ),
    SolveStatus.NOT_FINITE_INPUT: "a parameter, weight or covariate was NaN or infinite",
    SolveStatus.TOO_MUCH_ACCURACY: (
        "the tolerances ask for more than double precision gives; raise rtol or atol"
    ),
    SolveStatus.STIFF: ('the system is too stiff for the explicit method; use method="bdf"'),
    SolveStatus.DOSING: (
        "a lag, bioavailability, duration or rate of a dose was negative, NaN or infinite, or a "
        "duration or rate was zero"
    ),
    SolveStatus.NO_STEADY_STATE: (
        "no steady state was found that the dose of an SS record, given for ever, leads to: more "
        "may be given than can be eliminated, a state may only accumulate, or the solver failed on "
        "the way there"
    ),
    SolveStatus.INTERNAL: "the solver ran out of memory or refused its input",
}
