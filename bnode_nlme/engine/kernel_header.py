"""What stands above the kernels of a system in their source, for its reader."""

from __future__ import annotations

from collections.abc import Sequence

from bnode_nlme.dynamics.system import System
from bnode_nlme.version import __version__

_CALLED = """\
Kernels of one subject, for CVODES. They read arrays of doubles and write to %output:"""

_SCALAR = {
    "derivative": "right-hand side: slope of each state",
    "jacobian": "derivative of each slope by each state, column by column",
    "state_adjoint": "product of %seed, one number for each slope, with the Jacobian",
    "parameter_adjoint": "the same with the derivatives by parameters, then by weights",
    "readout": "what is reported at an observation row",
    "readout_adjoint": "product of %seed with its derivatives: time, states, parameters, weights",
    "initial": "initial state",
    "initial_adjoint": "product of %seed with its derivatives by parameters",
}

_STEPS = """\
Steps of eight subjects side by side, for tsit5. %w is the group's memory, in rows of eight
numbers; %s is the fraction of the interval done, %h the step as a fraction of it:"""

_LANES = {
    "prepare_group": "what depends on parameters, weights and covariates alone",
    "first_slope": "slope with which an interval begins",
    "forward_step": "the stages of a step, and its error in units of the tolerance",
    "backward_step": "adjoint of a step, whose stages are computed again",
    "backward_step_full": "adjoint of a step, whose stages are on the tape",
    "first_slope_adjoint": "adjoint of first_slope",
    "keep_step": "copies a step to the tape",
    "advance_step": "makes the end of a step the beginning of the next",
    "observe_lane": "state of one subject within a step",
    "observe_lane_adjoint": "its adjoint",
    "prepare_lanes": "called by prepare_group",
    "value_of_lanes": "right-hand side, called by the steps",
    "adjoint_of_lanes": "its adjoint, called by the adjoint steps",
}

_NAMES = """\
Registers are named after what they hold: "state.<state>", "parameters.<parameter>",
"covariates.<covariate>" and "<network>.<index of the weight>"."""


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"


def kernel_header(system: System, readouts: Sequence[str], varying: Sequence[str] = ()) -> str:
    """Comment that tells what a system's kernels are, and what each function does.

    Parameters
    ----------
    system
        Whose kernels they are.
    readouts
        What a solve reports at each observation row.
    varying
        Inputs that vary within a subject, which are further states.
    """
    networks = [f"{network.name} ({network.size} weights)" for network in system.networks]
    lines = [
        f"native kernels of a system, written by bnode_nlme {__version__}",
        "",
        f"states: {_listed(system.states)}",
        *([f"varying inputs, after the states: {_listed(varying)}"] if varying else []),
        f"parameters: {_listed(system.parameters)}",
        f"networks: {_listed(networks)}",
        f"covariates: {_listed(system.covariates)}",
        f"readouts: {_listed(readouts)}",
        "",
        *_CALLED.splitlines(),
        *[f"  {name}: {what}" for name, what in _SCALAR.items()],
        "",
        *_STEPS.splitlines(),
        *[f"  {name}: {what}" for name, what in _LANES.items()],
        "",
        *_NAMES.splitlines(),
    ]
    return "".join(f"; {line}".rstrip() + "\n" for line in lines)
