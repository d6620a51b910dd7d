"""A straight-line scalar program: what a right-hand side becomes before machine code.

A program is a list of instructions in static single assignment form over 64-bit floats. Equal
instructions are shared and constants are folded while it is built, so that a value, a Jacobian
and a vector-Jacobian product of the same right-hand side each compute a common sub-expression
once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple


class Instruction(NamedTuple):
    """One operation: its name, the numbers of its operands, and its constant or input slot."""

    operation: str
    operands: tuple[int, ...]
    payload: float | tuple[str, int] | None = None


def _boolean(value: bool) -> float:
    return 1.0 if value else 0.0


_FOLDED: dict[str, Callable[..., float]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "neg": lambda a: -a,
    "abs": abs,
    "lt": lambda a, b: _boolean(a < b),
    "le": lambda a, b: _boolean(a <= b),
    "gt": lambda a, b: _boolean(a > b),
    "ge": lambda a, b: _boolean(a >= b),
    "eq": lambda a, b: _boolean(a == b),
    "neq": lambda a, b: _boolean(a != b),
}


@dataclass
class Program:
    """A scalar program under construction.

    Parameters
    ----------
    arrays
        Names and lengths of the input arrays, in the order of the native kernel's arguments.
    """

    arrays: tuple[tuple[str, int], ...]
    instructions: list[Instruction] = field(default_factory=list)
    outputs: list[int] = field(default_factory=list)
    _numbers: dict[tuple[Instruction, str], int] = field(default_factory=dict, repr=False)

    def constant(self, value: float) -> int:
        """The number of the instruction that holds a constant."""
        # -0.0 and 0.0 compare equal but are different numbers to a division; NaN equals nothing.
        return self._number(Instruction("const", (), float(value)), float(value).hex())

    def input(self, array: str, index: int) -> int:
        """The number of the instruction that reads element `index` of an input array."""
        return self._number(Instruction("input", (), (array, index)))

    def append(self, operation: str, operands: Sequence[int]) -> int:
        """Add an operation, or find the equal one that is already there."""
        operands = tuple(operands)
        simple = self._simplified(operation, operands)
        if simple is not None:
            return simple
        if operation in ("add", "mul"):
            operands = tuple(sorted(operands))
        return self._number(Instruction(operation, operands))

    def value_of(self, number: int) -> float | None:
        """The value of a constant instruction, None for any other."""
        operation, _, payload = self.instructions[number]
        return payload if operation == "const" and isinstance(payload, float) else None

    def _number(self, instruction: Instruction, digits: str = "") -> int:
        key = (instruction._replace(payload=None) if digits else instruction, digits)
        found = self._numbers.get(key)
        if found is None:
            found = len(self.instructions)
            self.instructions.append(instruction)
            self._numbers[key] = found
        return found

    def _simplified(self, operation: str, operands: tuple[int, ...]) -> int | None:
        values = [self.value_of(number) for number in operands]
        known = [value for value in values if value is not None]
        if len(known) == len(values) and operation in _FOLDED:
            folded = _FOLDED[operation](*known)
            if math.isfinite(folded):
                return self.constant(folded)
        if operation == "switch" and values[0] is not None:
            return operands[1] if values[0] != 0.0 else operands[2]
        if operation == "add":
            if values[0] == 0.0:
                return operands[1]
            if values[1] == 0.0:
                return operands[0]
        elif operation == "sub":
            if values[1] == 0.0:
                return operands[0]
            if values[0] == 0.0:
                return self.append("neg", (operands[1],))
        elif operation == "mul":
            # A structural zero comes from an identity seed of a Jacobian or a declared constant:
            # the exact product is zero, whatever the other factor.
            if values[0] == 0.0 or values[1] == 0.0:
                return self.constant(0.0)
            if values[0] == 1.0:
                return operands[1]
            if values[1] == 1.0:
                return operands[0]
            if values[0] == -1.0:
                return self.append("neg", (operands[1],))
            if values[1] == -1.0:
                return self.append("neg", (operands[0],))
        elif operation == "div":
            if values[1] == 1.0:
                return operands[0]
            if values[0] == 0.0:
                return self.constant(0.0)
        elif operation == "neg":
            inner = self.instructions[operands[0]]
            if inner.operation == "neg":
                return inner.operands[0]
        return None

    def specialised(self, array: str, rows: Sequence[Sequence[float]]) -> Program:
        """The program with numbers in place of one input array, once for each row of numbers.

        The outputs of the rows follow each other; what does not depend on the array is shared,
        and what the numbers make constant is folded.
        """
        result = Program(self.arrays)
        order = self.live()
        for row in rows:
            translated: dict[int, int] = {}
            for number in order:
                operation, operands, payload = self.instructions[number]
                if operation == "input" and isinstance(payload, tuple):
                    name, index = payload
                    translated[number] = (
                        result.constant(row[index]) if name == array else result.input(name, index)
                    )
                elif operation == "const" and isinstance(payload, float):
                    translated[number] = result.constant(payload)
                else:
                    translated[number] = result.append(operation, [translated[o] for o in operands])
            result.outputs.extend(translated[number] for number in self.outputs)
        return result

    def part(self, first: int, last: int) -> Program:
        """The program of some of the outputs."""
        return Program(self.arrays, self.instructions, self.outputs[first:last])

    def live(self) -> list[int]:
        """The numbers of the instructions that the outputs need, in order."""
        needed: set[int] = set()
        stack = list(self.outputs)
        while stack:
            number = stack.pop()
            if number not in needed:
                needed.add(number)
                stack.extend(self.instructions[number].operands)
        return sorted(needed)
