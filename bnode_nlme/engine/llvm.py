"""From a scalar program to LLVM IR: one pure C function, no allocation, no branch, no global."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bnode_nlme.engine.elementary import ELEMENTARY, definition, symbol
from bnode_nlme.engine.program import Program
from bnode_nlme.engine.vector_writer import double, library_declaration, type_of

ARGUMENTS = ("state", "parameters", "weights", "covariates", "seed")
"""Input arrays of every kernel, after the time and before the output array."""

_BINARY = {"add": "fadd", "sub": "fsub", "mul": "fmul", "div": "fdiv"}
_COMPARISONS = {"lt": "olt", "le": "ole", "gt": "ogt", "ge": "oge", "eq": "oeq", "neq": "une"}
_INTRINSICS = {"sqrt": "sqrt", "abs": "fabs", "floor": "floor", "ceil": "ceil"}
_LIBRARY_2 = {"atan2", "fmod"}
# Contraction to fused multiply-add is safe; reassociation is not: it breaks range reductions.
_FLAGS = "contract"
WIDEST = 4
"""Most calls of an elementary function that are made as one vector call: a register of AVX2.

Eight at once, two registers side by side, measured no faster on layers of 5 to 16 units.
"""


def _lane_by_lane(name: str, operands: Sequence[str], result: str, width: int) -> list[str]:
    """A call of a scalar library function for each number of its vector operands."""
    if width == 1:
        arguments = ", ".join(f"double {operand}" for operand in operands)
        return [f"{result} = call double @{name}({arguments})"]
    kind = type_of(width)
    lines, vector = [], "poison"
    for lane in range(width):
        taken = [f"{result}.in.{lane}.{k}" for k in range(len(operands))]
        lines += [
            f"{register} = extractelement {kind} {operand}, i64 {lane}"
            for register, operand in zip(taken, operands, strict=True)
        ]
        arguments = ", ".join(f"double {register}" for register in taken)
        lines.append(f"{result}.out.{lane} = call double @{name}({arguments})")
        packed = result if lane == width - 1 else f"{result}.packed.{lane}"
        lines.append(
            f"{packed} = insertelement {kind} {vector}, double {result}.out.{lane}, i64 {lane}"
        )
        vector = packed
    return lines


def constant(value: float, width: int) -> str:
    """A literal of `width` equal doubles."""
    return double(value) if width == 1 else f"splat (double {double(value)})"


def expression(operation: str, operands: Sequence[str], result: str, width: int = 1) -> list[str]:
    """The IR lines that leave an operation's value in the register `result`.

    Parameters
    ----------
    operation
        Name of an operation of `Program` that is no elementary function.
    operands
        Registers or literals of `width` doubles each.
    result
        Register of the result.
    width
        Number of doubles side by side.
    """
    kind, test_kind = type_of(width), type_of(width).replace("double", "i1")
    a = operands[0]
    b = operands[1] if len(operands) > 1 else ""
    zero, one = constant(0.0, width), constant(1.0, width)
    if operation in _BINARY:
        return [f"{result} = {_BINARY[operation]} {_FLAGS} {kind} {a}, {b}"]
    if operation == "neg":
        return [f"{result} = fneg {kind} {a}"]
    if operation in _COMPARISONS:
        return [
            f"{result}.test = fcmp {_COMPARISONS[operation]} {kind} {a}, {b}",
            f"{result} = uitofp {test_kind} {result}.test to {kind}",
        ]
    if operation == "switch":
        return [
            f"{result}.test = fcmp une {kind} {a}, {zero}",
            f"{result} = select {test_kind} {result}.test, {kind} {b}, {kind} {operands[2]}",
        ]
    if operation in ("maximum", "minimum"):
        # A NaN operand must come through: "unordered" takes the first, its sum takes either.
        test, best, total = f"{result}.test", f"{result}.best", f"{result}.sum"
        order = "ogt" if operation == "maximum" else "olt"
        return [
            f"{test} = fcmp {order} {kind} {a}, {b}",
            f"{best} = select {test_kind} {test}, {kind} {a}, {kind} {b}",
            f"{total} = fadd {kind} {a}, {b}",
            f"{test}.nan = fcmp uno {kind} {a}, {b}",
            f"{result} = select {test_kind} {test}.nan, {kind} {total}, {kind} {best}",
        ]
    if operation == "sign":
        return [
            f"{result}.up = fcmp ogt {kind} {a}, {zero}",
            f"{result}.down = fcmp olt {kind} {a}, {zero}",
            f"{result}.one = select {test_kind} {result}.up, {kind} {one}, {kind} {a}",
            f"{result} = select {test_kind} {result}.down, {kind} {constant(-1.0, width)}, "
            f"{kind} {result}.one",
        ]
    if operation in _INTRINSICS:
        suffix = "f64" if width == 1 else f"v{width}f64"
        return [f"{result} = call {kind} @llvm.{_INTRINSICS[operation]}.{suffix}({kind} {a})"]
    return _lane_by_lane(operation, operands, result, width)


_CALL = re.compile(r"call (double|<\d+ x double>) @([\w.]+)\(")


def declarations(body: str) -> set[str]:
    """External functions that the body calls, declared free of side effects."""
    needed = set()
    if "@llvm.prefetch.p0(" in body:
        needed.add("declare void @llvm.prefetch.p0(ptr, i32, i32, i32)")
    for kind, name in _CALL.findall(body):
        if name.startswith("llvm.vector.reduce."):
            vector = name.rsplit(".v", 1)[1].replace("f64", " x double")
            needed.add(f"declare {kind} @{name}(<{vector}>)")
        elif name.startswith("llvm."):
            needed.add(f"declare {kind} @{name}({kind})")
        elif not name.startswith("elementary."):
            # The elementary functions declare some of these too, and one declaration must serve.
            needed.add(library_declaration(name, 2 if name in _LIBRARY_2 else 1))
    return needed


def _stages(program: Program) -> list[tuple[list[int], dict[str, list[int]]]]:
    """The live instructions in an order in which calls of one function stand together.

    A stage is what depends on no more than so many elementary functions inside one another: its
    arithmetic, then the calls that it makes possible, by function. Calls of one stage cannot depend
    on each other.
    """
    depth: dict[int, int] = {}
    stages: list[tuple[list[int], dict[str, list[int]]]] = []
    for number in program.live():
        operation, operands, _ = program.instructions[number]
        stage = max((depth[operand] for operand in operands), default=0)
        while len(stages) <= stage:
            stages.append(([], {}))
        arithmetic, calls = stages[stage]
        if operation in ELEMENTARY:
            calls.setdefault(operation, []).append(number)
        else:
            arithmetic.append(number)
        depth[number] = stage + (operation in ELEMENTARY)
    return stages


def _vector_call(
    operation: str, calls: Sequence[Sequence[str]], results: Sequence[str], width: int
) -> list[str]:
    """One call of an elementary function for several; lanes left over repeat the last."""
    kind = type_of(width)
    lines = []
    vectors = []
    for place, operands in enumerate(zip(*calls, strict=True)):
        vector = operands[0] if width == 1 else "poison"
        for lane in range(width if width > 1 else 0):
            packed = f"{results[0]}.in.{place}.{lane}"
            operand = operands[min(lane, len(operands) - 1)]
            lines.append(f"{packed} = insertelement {kind} {vector}, double {operand}, i64 {lane}")
            vector = packed
        vectors.append(f"{kind} {vector}")
    answer = results[0] if width == 1 else f"{results[0]}.out"
    lines.append(f"{answer} = call {kind} @{symbol(operation, width)}({', '.join(vectors)})")
    if width == 1:
        return lines
    lines.extend(
        f"{result} = extractelement {kind} {answer}, i64 {lane}"
        for lane, result in enumerate(results)
    )
    return lines


class _Kernel:
    """The body of one kernel while it is written."""

    def __init__(self, program: Program, labels: dict[tuple[str, int], str]) -> None:
        self.program = program
        self.labels = labels
        self.lines: list[str] = []
        self.registers: dict[int, str] = {}
        self.needed: set[str] = set()

    def instruction(self, number: int) -> None:
        """Write one instruction that is no elementary function."""
        operation, operands, payload = self.program.instructions[number]
        result = f"%v{number}"
        if operation == "const" and isinstance(payload, float):
            result = double(payload)
        elif operation == "input" and isinstance(payload, tuple):
            result = self._input(*payload)
        else:
            given = [self.registers[operand] for operand in operands]
            self.lines.extend(expression(operation, given, result))
        self.registers[number] = result

    def _input(self, array: str, index: int) -> str:
        if array == "time":
            return "%time"
        result = f'%"{self.labels.get((array, index), f"{array}.{index}")}"'
        pointer = f'%"{array}.{index}.address"'
        self.lines.append(f"{pointer} = getelementptr double, ptr %{array}, i64 {index}")
        self.lines.append(f"{result} = load double, ptr {pointer}, align 8")
        return result

    def calls(self, operation: str, numbers: Sequence[int]) -> None:
        """Write independent calls of one elementary function, side by side."""
        for first in range(0, len(numbers), WIDEST):
            group = numbers[first : first + WIDEST]
            width = 1 << (len(group) - 1).bit_length()
            given = [
                [self.registers[operand] for operand in self.program.instructions[number].operands]
                for number in group
            ]
            results = [f"%v{number}" for number in group]
            self.lines.extend(_vector_call(operation, given, results, width))
            self.registers.update(zip(group, results, strict=True))
            body, declarations = definition(operation, width)
            self.needed |= {body, *declarations}

    def outputs(self) -> None:
        """Write the stores of the program's outputs."""
        for index, number in enumerate(self.program.outputs):
            self.lines.append(f"%out.{index} = getelementptr double, ptr %output, i64 {index}")
            self.lines.append(f"store double {self.registers[number]}, ptr %out.{index}, align 8")


def emit(
    name: str, program: Program, *, labels: dict[tuple[str, int], str]
) -> tuple[str, frozenset[str]]:
    """LLVM IR of one kernel.

    Parameters
    ----------
    name
        Symbol of the kernel.
    program
        Its scalar program; the input arrays are those of `ARGUMENTS` and ``"time"``.
    labels
        Readable names of input elements, kept as names of registers.

    Returns
    -------
    body : str
        The definition. The kernel's signature is ``void name(double time, state*, parameters*,
        weights*, covariates*, seed*, output*)``, every pointer to doubles and none aliasing
        another.
    needed : frozenset of str
        The declarations and private definitions that the module must hold, once each.
    """
    kernel = _Kernel(program, labels)
    for arithmetic, calls in _stages(program):
        for number in arithmetic:
            kernel.instruction(number)
        for operation, numbers in calls.items():
            kernel.calls(operation, numbers)
    kernel.outputs()
    pointers = ", ".join(
        f"ptr noalias {'readonly ' if a != 'output' else ''}%{a}" for a in (*ARGUMENTS, "output")
    )
    body = "\n".join(
        [f"define void @{name}(double %time, {pointers}) nounwind {{", "entry:"]
        + [f"  {line}" for line in kernel.lines]
        + ["  ret void", "}"]
    )
    return body, frozenset(kernel.needed | declarations(body))
