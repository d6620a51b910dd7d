"""Layout of the block of 64-bit integers through which compiled code is told what to do.

Entries are counts, the bits of a double, or addresses of arrays of doubles or 64-bit integers in
row-major order. The model's part is filled once, the call's part at each call, the unit's part by
the solve itself. Every thread of every call works on its own copy. Compiled code reads these names
as constants of the module.
"""

from __future__ import annotations

import itertools

_count = itertools.count()

# The model: kernels (see `kernels` and `lane_kernels`), and the entry points of the solvers.
DERIVATIVE = next(_count)
JACOBIAN = next(_count)
STATE_ADJOINT = next(_count)
PARAMETER_ADJOINT = next(_count)
READOUT = next(_count)
READOUT_ADJOINT = next(_count)
INITIAL = next(_count)
INITIAL_ADJOINT = next(_count)
PREPARE_GROUP = next(_count)
FIRST_SLOPE = next(_count)
FORWARD_STEP = next(_count)
BACKWARD_STEP = next(_count)
BACKWARD_STEP_FULL = next(_count)
FIRST_SLOPE_ADJOINT = next(_count)
KEEP_STEP = next(_count)
ADVANCE_STEP = next(_count)
OBSERVE_LANE = next(_count)
OBSERVE_LANE_ADJOINT = next(_count)
FORWARD_CALLBACK = next(_count)
FORWARD_JACOBIAN_CALLBACK = next(_count)
ADJOINT_CALLBACK = next(_count)
ADJOINT_JACOBIAN_CALLBACK = next(_count)
QUADRATURE_CALLBACK = next(_count)
VECTOR_OPERATIONS = next(_count)
N_VECTOR_OPERATIONS = next(_count)
LANES_FORWARD = next(_count)
LANES_BACKWARD = next(_count)
CVODES_FORWARD = next(_count)  # 0 where CVODES cannot be reached
CVODES_BACKWARD = next(_count)
CVODES_RELEASE = next(_count)
INTEGRATORS = next(_count)  # address of those that the model keeps, see `integrator`
FORWARD_ENTRY = next(_count)
BACKWARD_ENTRY = next(_count)
FORWARD_THREAD = next(_count)
BACKWARD_THREAD = next(_count)
WORKER = next(_count)  # what a further thread runs, and the places of all of them
POOL = next(_count)
# Sizes and options.
N_STATES = next(_count)
N_COMPARTMENTS = next(_count)  # states of the system itself; varying inputs follow them
VARYING = next(_count)  # address of what these stand for, see `bnode_nlme.engine.varying`
N_PARAMETERS = next(_count)
N_WEIGHTS = next(_count)
N_COVARIATES = next(_count)
N_READOUTS = next(_count)
N_KEPT = next(_count)  # rows that a stage keeps for its adjoint
READOUT_WEIGHTS = next(_count)  # how many cotangents of weights the adjoint of the readouts gives
ENGINE = next(_count)  # see `bnode_nlme.engine.units`
HAND_OVER = next(_count)  # whether lanes that turn out stiff go to CVODES
CVODES_METHOD = next(_count)
MAX_STEPS = next(_count)
RTOL = next(_count)  # bits of a double, as the next three
ATOL = next(_count)
ADJOINT_RTOL = next(_count)
ADJOINT_ATOL = next(_count)
LONGEST_STEPS = next(_count)  # address of the longest step of each subject in lanes, 0 for any
THREADS = next(_count)
TAPE_LIMIT = next(_count)  # most doubles of a tape that is handed over
TAPE_HINT = next(_count)  # address of how many a group took so far, on a lean and a full tape
# The workspace of a group of lanes: first double of each of its parts.
W_START = next(_count)
W_LENGTH = next(_count)
W_TIME = next(_count)
W_ERROR = next(_count)
W_STATES = next(_count)
W_SLOPES = next(_count)
W_RATES = next(_count)
W_PARAMETERS = next(_count)
W_COVARIATES = next(_count)
W_FIXED = next(_count)
W_KEPT = next(_count)
W_ADJOINT = next(_count)
W_DIRECT = next(_count)
W_SEEDS = next(_count)
W_PASSED = next(_count)
W_ANSWER = next(_count)
W_PARAMETER_GRADIENT = next(_count)
W_WEIGHT_GRADIENT = next(_count)
W_START_GRADIENT = next(_count)
W_LENGTH_GRADIENT = next(_count)
W_SLOPE_GRADIENT = next(_count)
W_RATE_GRADIENT = next(_count)
W_SIZE = next(_count)
# The call: inputs and outputs of `bnode_nlme.engine.population`.
N_SUBJECTS = next(_count)
N_RECORDS = next(_count)
N_SOLVED = next(_count)
PARAMETERS = next(_count)
WEIGHTS = next(_count)
COVARIATES = next(_count)
OFFSETS = next(_count)
ACTIONS = next(_count)
TARGETS = next(_count)
TIMES = next(_count)
AMOUNTS = next(_count)
ORDER = next(_count)
COUNTS = next(_count)
PREDICTIONS = next(_count)  # 0 where they are not wanted
STATUS = next(_count)
STEPS = next(_count)
ENGINES = next(_count)
SEEN = next(_count)
KEEP_TAPE = next(_count)  # whether a tape is kept, and in full; see `bnode_nlme.engine.tape`
SHARED_TAPE = next(_count)
ROOM = next(_count)  # doubles that a group has on the shared tape
ORIGINS = next(_count)
COTANGENTS = next(_count)
PARAMETER_COTANGENTS = next(_count)
WEIGHT_COTANGENTS = next(_count)  # a row for each group
TIME_COTANGENTS = next(_count)
AMOUNT_COTANGENTS = next(_count)
MOVING = next(_count)  # whether the schedule's times want cotangents
NEXT_GROUP = next(_count)  # address of an integer that all threads add to
# The thread: what its units work with.
WORKSPACE = next(_count)
TAPE = next(_count)
TAPE_LENGTH = next(_count)
TAPE_CAPACITY = next(_count)
GROUP_TAPE = next(_count)  # the room on the shared tape that the group in hand has
GROUP_ROOM = next(_count)  # how many doubles it is
SPILL = next(_count)  # memory of the thread's own, for a group that has no room or too little
SPILL_CAPACITY = next(_count)
INTEGRATOR = next(_count)
ADJOINT_INTEGRATOR = next(_count)
# The unit in hand.
MEMBERS = next(_count)
N_MEMBERS = next(_count)
UNIT = next(_count)  # its address on the tape
UNIT_FIRST = next(_count)  # while it is written: its first double, since the tape may move
UNIT_LENGTH = next(_count)
OUTCOME = next(_count)
TAKEN = next(_count)
GROUP_WEIGHTS = next(_count)
# The subject in the hands of CVODES.
SUBJECT_PARAMETERS = next(_count)
SUBJECT_COVARIATES = next(_count)
RATES = next(_count)
STATE = next(_count)
TAPE_ROWS = next(_count)
ROWS = next(_count)
ROW_FIRST = next(_count)
ROW_LAST = next(_count)
ROW_CURSOR = next(_count)

SIZE = next(_count)
"""Length of the block."""
