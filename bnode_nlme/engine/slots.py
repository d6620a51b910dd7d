"""Layout of the block of 64-bit integers through which compiled code is told what to do.

Entries are counts, or addresses of arrays of doubles or 64-bit integers in row-major order. The
model's part is filled once, the call's part at each call, the subject's part by the solve itself.
Every call works on its own copy, so that threads never share one.
"""

from __future__ import annotations

from enum import IntEnum, auto


class _Counted(IntEnum):
    @staticmethod
    def _generate_next_value_(name: str, start: int, count: int, last_values: list[int]) -> int:
        return count


class Slot(_Counted):
    """Position of an entry in the block."""

    # The model: kernels (see `bnode_nlme.engine.kernels`), callbacks, sizes, options.
    DERIVATIVE = auto()
    JACOBIAN = auto()
    STATE_ADJOINT = auto()
    PARAMETER_ADJOINT = auto()
    READOUT = auto()
    READOUT_ADJOINT = auto()
    INITIAL = auto()
    INITIAL_ADJOINT = auto()
    FORWARD_CALLBACK = auto()
    FORWARD_JACOBIAN_CALLBACK = auto()
    ADJOINT_CALLBACK = auto()
    ADJOINT_JACOBIAN_CALLBACK = auto()
    QUADRATURE_CALLBACK = auto()
    FORWARD_ENTRY = auto()
    BACKWARD_ENTRY = auto()
    N_STATES = auto()
    N_PARAMETERS = auto()
    N_WEIGHTS = auto()
    N_COVARIATES = auto()
    N_READOUTS = auto()
    VECTOR_OPERATIONS = auto()
    N_VECTOR_OPERATIONS = auto()
    METHOD = auto()
    MAX_STEPS = auto()
    # The call: inputs and outputs of `bnode_nlme.engine.population`.
    TOLERANCES = auto()
    N_SUBJECTS = auto()
    N_RECORDS = auto()
    N_SOLVED = auto()
    PARAMETERS = auto()
    WEIGHTS = auto()
    COVARIATES = auto()
    OFFSETS = auto()
    ACTIONS = auto()
    TARGETS = auto()
    TIMES = auto()
    AMOUNTS = auto()
    SUBJECTS = auto()
    COUNTS = auto()
    PREDICTIONS = auto()
    STATUS = auto()
    STEPS = auto()
    SEEN = auto()
    MARKS = auto()
    KEEP_TAPE = auto()
    TAPE = auto()
    TAPE_ROWS = auto()
    TAPE_CAPACITY = auto()
    COTANGENTS = auto()
    PARAMETER_COTANGENTS = auto()
    WEIGHT_COTANGENTS = auto()
    # The subject in hand.
    SUBJECT_PARAMETERS = auto()
    SUBJECT_COVARIATES = auto()
    RATES = auto()
    STATE = auto()
    TAPE_FIRST = auto()
    TAPE_LAST = auto()
    TAPE_CURSOR = auto()


SIZE = len(Slot)
"""Length of the block."""
