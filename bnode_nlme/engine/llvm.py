"""From a scalar program to LLVM IR: one pure C function, no allocation, no branch, no global."""

from __future__ import annotations

import struct

from bnode_nlme.engine.program import Program

ARGUMENTS = ("state", "parameters", "weights", "covariates", "seed")
"""Input arrays of every kernel, after the time and before the output array."""

_BINARY = {"add": "fadd", "sub": "fsub", "mul": "fmul", "div": "fdiv"}
_COMPARISONS = {"lt": "olt", "le": "ole", "gt": "ogt", "ge": "oge", "eq": "oeq", "neq": "une"}
_INTRINSICS = {"sqrt": "llvm.sqrt.f64", "abs": "llvm.fabs.f64", "floor": "llvm.floor.f64",
               "ceil": "llvm.ceil.f64"}  # fmt: skip
_LIBRARY_2 = {"pow", "atan2"}
# Contraction to fused multiply-add is safe; reassociation is not: it breaks range reductions.
_FLAGS = "contract"


def _double(value: float) -> str:
    """A double literal, exact to the last bit."""
    return f"0x{struct.unpack('<Q', struct.pack('<d', value))[0]:016X}"


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
            f"{test} = fcmp une double {operands[0]}, {_double(0.0)}",
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
            f"{result}.up = fcmp ogt double {operands[0]}, {_double(0.0)}",
            f"{result}.down = fcmp olt double {operands[0]}, {_double(0.0)}",
            f"{result}.one = select i1 {result}.up, double {_double(1.0)}, double {operands[0]}",
            f"{result} = select i1 {result}.down, double {_double(-1.0)}, double {result}.one",
        ]
    if operation == "sigmoid":
        return [
            f"{result}.neg = fneg double {operands[0]}",
            f"{result}.exp = call double @exp(double {result}.neg)",
            f"{result}.one = fadd double {result}.exp, {_double(1.0)}",
            f"{result} = fdiv double {_double(1.0)}, {result}.one",
        ]
    if operation == "softplus":
        return [
            f"{result}.abs = call double @llvm.fabs.f64(double {operands[0]})",
            f"{result}.neg = fneg double {result}.abs",
            f"{result}.exp = call double @exp(double {result}.neg)",
            f"{result}.log = call double @log1p(double {result}.exp)",
            f"{result}.sum = fadd double {operands[0]}, {result}.abs",
            f"{result}.half = fmul double {result}.sum, {_double(0.5)}",
            f"{result} = fadd double {result}.half, {result}.log",
        ]
    if operation in _INTRINSICS:
        return [f"{result} = call double @{_INTRINSICS[operation]}(double {operands[0]})"]
    arguments = ", ".join(f"double {operand}" for operand in operands)
    return [f"{result} = call double @{operation}({arguments})"]


def _declarations(body: str) -> list[str]:
    """External functions that the body calls, declared free of side effects."""
    called = sorted({piece.split("(")[0] for piece in body.split("call double @")[1:]})
    return [
        f"declare double @{name}(double{', double' if name in _LIBRARY_2 else ''}) "
        "nounwind willreturn memory(none)"
        for name in called
    ]


def emit(name: str, program: Program, *, labels: dict[tuple[str, int], str]) -> tuple[str, str]:
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
    body, declarations
        The definition, and the newline-separated declarations that it needs. The kernel's
        signature is ``void name(double time, state*, parameters*, weights*, covariates*, seed*,
        output*)``, every pointer to doubles and none aliasing another.
    """
    lines: list[str] = []
    registers: dict[int, str] = {}
    for number in program.live():
        operation, operands, payload = program.instructions[number]
        result = f"%v{number}"
        if operation == "const" and isinstance(payload, float):
            registers[number] = _double(payload)
            continue
        if operation == "input" and isinstance(payload, tuple):
            array, index = payload
            if array == "time":
                registers[number] = "%time"
                continue
            result = f'%"{labels.get((array, index), f"{array}.{index}")}"'
            pointer = f'%"{array}.{index}.address"'
            lines.append(f"{pointer} = getelementptr double, ptr %{array}, i64 {index}")
            lines.append(f"{result} = load double, ptr {pointer}, align 8")
        else:
            lines.extend(_expression(operation, [registers[o] for o in operands], result))
        registers[number] = result
    for index, number in enumerate(program.outputs):
        lines.append(f"%out.{index} = getelementptr double, ptr %output, i64 {index}")
        lines.append(f"store double {registers[number]}, ptr %out.{index}, align 8")
    pointers = ", ".join(
        f"ptr noalias {'readonly ' if a != 'output' else ''}%{a}" for a in (*ARGUMENTS, "output")
    )
    body = "\n".join(
        [f"define void @{name}(double %time, {pointers}) nounwind {{", "entry:"]
        + [f"  {line}" for line in lines]
        + ["  ret void", "}"]
    )
    return body, "\n".join(_declarations(body))

