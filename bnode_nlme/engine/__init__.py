"""How a system is solved: native kernels, CVODES, gradients, PyTensor operations."""

from bnode_nlme.engine.counts import SolveCounter as SolveCounter
from bnode_nlme.engine.lowering import LoweringError as LoweringError
from bnode_nlme.engine.native_source import native_source as native_source
from bnode_nlme.engine.options import SolverOptions as SolverOptions
from bnode_nlme.engine.simulate import simulate as simulate
from bnode_nlme.engine.solve import Solution as Solution
from bnode_nlme.engine.solve import solve as solve
from bnode_nlme.engine.status import SolveStatus as SolveStatus
from bnode_nlme.engine.sundials import SundialsUnavailableError as SundialsUnavailableError
