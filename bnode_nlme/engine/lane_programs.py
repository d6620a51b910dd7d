"""The programs of the lanes: a right-hand side and its adjoint that share what they compute.

The adjoint of a Runge-Kutta stage comes after its value, at the same state. What the value computed
at some expense (elementary functions, divisions) is kept and handed to the adjoint, which then
computes none of it again. What depends on parameters, weights and covariates alone is computed
once for a group of subjects, before its first step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bnode_nlme.engine.program import Program

_CHEAP = frozenset(
    ("input", "const", "add", "sub", "mul", "neg", "abs", "lt", "le", "gt", "ge", "eq", "neq",
     "switch", "maximum", "minimum", "sign")
)  # fmt: skip
_FIXED = frozenset(("parameters", "weights", "covariates"))
"""Input arrays that stay the same from step to step."""


@dataclass(frozen=True)
class LanePrograms:
    """Programs over one lane's numbers.

    Attributes
    ----------
    prepare : Program
        From parameters, weights and covariates to the fixed values that the others take.
    value : Program
        Derivatives of the states (n,), then the values kept for the adjoint.
    adjoint : Program
        Cotangents of states, parameters, weights and time (n + P + W + 1,) for a `seed`.
    fixed, kept : int
        How many fixed values and kept values there are.
    """

    prepare: Program
    value: Program
    adjoint: Program
    fixed: int
    kept: int


def _is_fixed(program: Program) -> list[bool]:
    """For each instruction, whether it depends on fixed arrays and constants alone."""
    fixed: list[bool] = []
    for operation, operands, payload in program.instructions:
        if operation == "input" and isinstance(payload, tuple):
            fixed.append(payload[0] in _FIXED)
        else:
            fixed.append(all(fixed[operand] for operand in operands))
    return fixed


def _with_reciprocals(program: Program) -> Program:
    """Divisions by what is fixed become products with its reciprocal, which is fixed too."""
    fixed = _is_fixed(program)
    result = Program(program.arrays)
    translated: list[int] = []
    for number, (operation, operands, payload) in enumerate(program.instructions):
        given = [translated[operand] for operand in operands]
        if operation == "const" and isinstance(payload, float):
            translated.append(result.constant(payload))
        elif operation == "input" and isinstance(payload, tuple):
            translated.append(result.input(*payload))
        elif operation == "div" and fixed[operands[1]] and not fixed[number]:
            reciprocal = result.append("div", (result.constant(1.0), given[1]))
            translated.append(result.append("mul", (given[0], reciprocal)))
        else:
            translated.append(result.append(operation, given))
    result.outputs = [translated[number] for number in program.outputs]
    return result


def _part(program: Program, outputs: Sequence[int], given: dict[int, tuple[str, int]]) -> Program:
    """The program of some instructions, others being read from input arrays."""
    result = Program(program.arrays)
    translated: dict[int, int] = {}
    needed: set[int] = set()
    stack = list(outputs)
    while stack:
        number = stack.pop()
        if number not in needed:
            needed.add(number)
            if number not in given:
                stack.extend(program.instructions[number].operands)
    for number in sorted(needed):
        operation, operands, payload = program.instructions[number]
        if number in given:
            translated[number] = result.input(*given[number])
        elif operation == "input" and isinstance(payload, tuple):
            translated[number] = result.input(*payload)
        elif operation == "const" and isinstance(payload, float):
            translated[number] = result.constant(payload)
        else:
            translated[number] = result.append(operation, [translated[o] for o in operands])
    result.outputs = [translated[number] for number in outputs]
    return result


def lane_programs(dynamics: Program, states: int) -> LanePrograms:
    """Part the program of a right-hand side and its adjoint into what is computed when.

    Parameters
    ----------
    dynamics
        Its outputs are the slopes of the states, then their product with the seed: cotangents of
        states, parameters, weights and time.
    states
        Number of states.

    Returns
    -------
    LanePrograms
    """
    whole = _with_reciprocals(dynamics)
    fixed = _is_fixed(whole)
    value = Program(whole.arrays, whole.instructions, whole.outputs[:states]).live()
    adjoint = Program(whole.arrays, whole.instructions, whole.outputs[states:]).live()
    dear = [n for n in whole.live() if whole.instructions[n].operation not in _CHEAP]
    hoisted = [n for n in dear if fixed[n]]
    kept = [n for n in dear if not fixed[n] and n in set(value) and n in set(adjoint)]
    ready = {number: ("fixed", index) for index, number in enumerate(hoisted)}
    handed = {number: ("kept", index) for index, number in enumerate(kept)}
    return LanePrograms(
        prepare=_part(whole, hoisted, {}),
        value=_part(whole, [*whole.outputs[:states], *kept], ready),
        adjoint=_part(whole, whole.outputs[states:], ready | handed),
        fixed=len(hoisted),
        kept=len(kept),
    )
