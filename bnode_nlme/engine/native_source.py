"""The machine's view of a system, for those who want to read it."""

from __future__ import annotations

from bnode_nlme.dynamics.system import System
from bnode_nlme.engine.kernels import kernels_of


def native_source(system: System) -> str:
    """The source that a system is compiled from: LLVM IR, made from its equations.

    This is what the solvers call: the right-hand side, its derivatives and the steps of the
    integrator as straight-line arithmetic.

    Parameters
    ----------
    system
        The declared system.

    Returns
    -------
    str
        One LLVM module. A comment at its head says which system it is and what each function
        does; registers keep the names of states, parameters and covariates. Equal systems have
        equal sources.

    Raises
    ------
    TypeError
        When `system` is no `System`.
    LoweringError
        When the system uses an operation without a native counterpart.

    Examples
    --------
    >>> import bnode_nlme as bn
    >>> system = bn.System(
    ...     states=("central",),
    ...     parameters=("CL", "V"),
    ...     rhs=lambda t, y, p, nn, c: {"central": -p.CL / p.V * y.central},
    ... )
    >>> [line for line in bn.native_source(system).splitlines() if "states:" in line]
    ['; states: central']
    """
    if not isinstance(system, System):
        raise TypeError(f"native_source wants a System; found a {type(system).__name__}.")
    return kernels_of(system).source
