"""From a scalar program to LLVM IR: one pure C function, no allocation, no branch, no global."""

from __future__ import annotations

from collections.abc import Sequence

from bnode_nlme.engine.elementary import ELEMENTARY, definition, symbol
from bnode_nlme.engine.program import Program
from bnode_nlme.engine.vector_writer import double, library_declaration, type_of

ARGUMENTS = ("state", "parameters", "weights", "covariates", "seed")
"""Input arrays of every kernel, after the time and before the output array."""

_BINARY = {"add": "fadd", "sub": "fsub", "mul": "fmul", "div": "fdiv"}
_COMPARISONS = {"lt": "olt", "le": "ole", "gt": "ogt", "ge": "oge", "eq": "oeq", "neq": "une"}
_INTRINSICS = {"sqrt": "llvm.sqrt.f64", "abs": "llvm.fabs.f64", "floor": "llvm.floor.f64",
               "ceil": "llvm.ceil.f64"}  # fmt: skip
_LIBRARY_2 = {"atan2", "fmod"}
# Contraction to fused multiply-add is safe; reassociation is not: it breaks range reductions.
_FLAGS = "contract"
WIDEST = 4
"""Most calls of an elementary function that are made as one vector call: a register of AVX2.

Eight at once, two registers side by side, measured no faster on layers of 5 to 16 units.
"""


def _expression(operation: str, operands: list[str], result: str) -> list[str]:
    """The IR lines that leave an operation's value in the register `result`."""
    if operation in _BINARY:
        return [f"{result} = {_BINARY[operation]} {_FLAGS} double {operands[0]}, {operands[1]}"]
    if operation == "neg":
        return [f"{result} = fneg double {operands[0]}"]
    if operation in _COMPARISONS:
        test = f"{result}.test"
        return [
            f"{test} = fcmp {_COMPARISONS[operation]} double {operands[0]}, {operands[1]}",
            f"{result} = uitofp i1 {test} to double",
        ]
    if operation == "switch":
        test = f"{result}.test"
        return [
            f"{test} = fcmp une double {operands[0]}, {double(0.0)}",
            f"{result} = select i1 {test}, double {operands[1]}, double {operands[2]}",
        ]
    if operation in ("maximum", "minimum"):
        # A NaN operand must come through: "unordered" takes the first, its sum takes either.
        test, best, total = f"{result}.test", f"{result}.best", f"{result}.sum"
        order = "ogt" if operation == "maximum" else "olt"
        return [
            f"{test} = fcmp {order} double {operands[0]}, {operands[1]}",
            f"{best} = select i1 {test}, double {operands[0]}, double {operands[1]}",
            f"{total} = fadd double {operands[0]}, {operands[1]}",
            f"{test}.nan = fcmp uno double {operands[0]}, {operands[1]}",
            f"{result} = select i1 {test}.nan, double {total}, double {best}",
        ]
    if operation == "sign":
        return [
            f"{result}.up = fcmp ogt double {operands[0]}, {double(0.0)}",
            f"{result}.down = fcmp olt double {operands[0]}, {double(0.0)}",
            f"{result}.one = select i1 {result}.up, double {double(1.0)}, double {operands[0]}",
            f"{result} = select i1 {result}.down, double {double(-1.0)}, double {result}.one",
        ]
    if operation in _INTRINSICS:
        return [f"{result} = call double @{_INTRINSICS[operation]}(double {operands[0]})"]
    arguments = ", ".join(f"double {operand}" for operand in operands)
    return [f"{result} = call double @{operation}({arguments})"]


def _declarations(body: str) -> set[str]:
    """External functions that the body calls, declared free of side effects."""
    called = {piece.split("(")[0] for piece in body.split("call double @")[1:]}
    return {
        # The elementary functions declare some of these too, and one declaration must serve.
        f"declare double @{name}(double)"
        if name.startswith("llvm.")
        else library_declaration(name, 2 if name in _LIBRARY_2 else 1)
        for name in called
        if not name.startswith("elementary.")
    }


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
            self.lines.extend(_expression(operation, given, result))
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
    return body, frozenset(kernel.needed | _declarations(body))
