"""CVODES's vector arithmetic on four doubles at once.

A step of a small system makes some fifty vector operations, most of them on the integrals of the
gradient, and the library's own loops were half of an adjoint solve. Every operation works in place
as well as between different vectors; none works on vectors that overlap in part, nor does CVODES.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import llvmlite.binding as llvm
import numpy as np
from numpy.typing import NDArray

from bnode_nlme.engine.native import compile_ir
from bnode_nlme.engine.vector_writer import double


class _Operation(NamedTuple):
    """An operation: the library's name and C signature, and what it does to elements in LLVM IR.

    In the lines ``{t}`` is the type of the numbers and ``{s}`` its suffix, ``{a}`` and ``{b}`` are
    the scalar arguments, ``{x}`` and ``{y}`` elements of the vector arguments, ``{p}`` begins the
    name of a register; ``{p}out`` is the result.
    """

    symbol: str
    signature: str
    lines: tuple[str, ...]


_ELEMENTWISE = {
    "linear_sum": _Operation(
        "N_VLinearSum_Serial",
        "double %a, ptr %x, double %b, ptr %y, ptr %z",
        (
            "{p}by = fmul {t} {b}, {y}",
            "{p}ax = fmul contract {t} {a}, {x}",
            "{p}out = fadd contract {t} {p}ax, {p}by",
        ),
    ),
    "scale": _Operation(
        "N_VScale_Serial", "double %a, ptr %x, ptr %z", ("{p}out = fmul {t} {a}, {x}",)
    ),
    "constant": _Operation(
        "N_VConst_Serial", "double %a, ptr %z", ("{p}out = select i1 true, {t} {a}, {t} {a}",)
    ),
    "product": _Operation(
        "N_VProd_Serial", "ptr %x, ptr %y, ptr %z", ("{p}out = fmul {t} {x}, {y}",)
    ),
    "magnitude": _Operation(
        "N_VAbs_Serial", "ptr %x, ptr %z", ("{p}out = call {t} @llvm.fabs.{s}({t} {x})",)
    ),
    "inverse": _Operation(
        "N_VInv_Serial", "ptr %x, ptr %z", ("{p}out = fdiv {t} {one}, {x}",)
    ),
    "add_constant": _Operation(
        "N_VAddConst_Serial", "ptr %x, double %a, ptr %z", ("{p}out = fadd {t} {x}, {a}",)
    ),
}  # fmt: skip
_NORM = _Operation(
    "N_VWrmsNorm_Serial",
    "ptr %x, ptr %y",
    (
        "{p}xy = fmul {t} {x}, {y}",
        "{p}square = fmul contract {t} {p}xy, {p}xy",
        "{p}out = fadd contract {t} {p}sum, {p}square",
    ),
)
_WIDTH = 4
_WIDE = f"<{_WIDTH} x double>"


def _vectors(operation: _Operation) -> list[str]:
    return [
        part.split("%")[1] for part in operation.signature.split(", ") if part.startswith("ptr")
    ]


def _loop(operation: _Operation, place: str, kind: str) -> list[str]:
    """The body for the elements from ``%i.<place>`` on, one vector or one number."""
    lines = []
    names = {"t": kind, "p": f"%{place}.", "s": "f64" if kind == "double" else f"v{_WIDTH}f64"}
    names["one"] = double(1.0) if kind == "double" else f"splat (double {double(1.0)})"
    for scalar in "ab":
        names[scalar] = f"%{scalar}" if kind == "double" else f"%{scalar}.wide"
    for vector in _vectors(operation):
        lines.append(
            f"%{place}.{vector}.at = getelementptr double, ptr %{vector}.data, i64 %{place}.i"
        )
        if vector != "z":
            lines.append(f"%{place}.{vector} = load {kind}, ptr %{place}.{vector}.at, align 8")
            names[vector] = f"%{place}.{vector}"
    lines.extend(line.format(**names) for line in operation.lines)
    if "z" in _vectors(operation):
        lines.append(f"store {kind} %{place}.out, ptr %{place}.z.at, align 8")
    return lines


def _definition(name: str, operation: _Operation) -> str:
    """LLVM IR of one operation: four elements at a time, then one at a time."""
    norm = operation is _NORM
    vectors = _vectors(operation)
    head = []
    for vector in vectors:
        # struct _generic_N_Vector { void *content; ... }, and for the serial vector
        # struct { sunindextype length; sunbooleantype own_data; sunrealtype *data; }.
        head += [
            f"%{vector}.content = load ptr, ptr %{vector}",
            f"%{vector}.field = getelementptr i64, ptr %{vector}.content, i64 2",
            f"%{vector}.data = load ptr, ptr %{vector}.field",
        ]
    head.append(f"%n = load i64, ptr %{vectors[0]}.content")
    for scalar in "ab":
        if f"double %{scalar}" in operation.signature:
            head += [
                f"%{scalar}.lane = insertelement {_WIDE} poison, double %{scalar}, i64 0",
                f"%{scalar}.wide = shufflevector {_WIDE} %{scalar}.lane, {_WIDE} poison, "
                f"<{_WIDTH} x i32> zeroinitializer",
            ]
    head += [f"%whole = and i64 %n, -{_WIDTH}", "%some = icmp ne i64 %whole, 0"]
    wide = ["%wide.i = phi i64 [0, %entry], [%wide.next, %wide]"]
    rest = ["%rest.i = phi i64 [%whole, %between], [%rest.next, %rest]"]
    between, end = [], []
    if norm:
        wide.append(f"%wide.sum = phi {_WIDE} [zeroinitializer, %entry], [%wide.out, %wide]")
        rest.append("%rest.sum = phi double [%so.far, %between], [%rest.out, %rest]")
        between = [
            f"%sums = phi {_WIDE} [zeroinitializer, %entry], [%wide.out, %wide]",
            f"%so.far = call double @llvm.vector.reduce.fadd.v{_WIDTH}f64"
            f"(double {double(0.0)}, {_WIDE} %sums)",
        ]
        end = [
            "%sum = phi double [%so.far, %between], [%rest.out, %rest]",
            "%length = sitofp i64 %n to double",
            "%mean = fdiv double %sum, %length",
            "%root = call double @llvm.sqrt.f64(double %mean)",
        ]
    wide += [
        *_loop(operation, "wide", _WIDE),
        f"%wide.next = add i64 %wide.i, {_WIDTH}",
        "%wide.more = icmp slt i64 %wide.next, %whole",
        "br i1 %wide.more, label %wide, label %between, !llvm.loop !0",
    ]
    rest += [
        *_loop(operation, "rest", "double"),
        "%rest.next = add i64 %rest.i, 1",
        "%rest.more = icmp slt i64 %rest.next, %n",
        "br i1 %rest.more, label %rest, label %end, !llvm.loop !0",
    ]
    blocks = {
        "entry": [*head, "br i1 %some, label %wide, label %between"],
        "wide": wide,
        "between": [
            *between,
            "%left = icmp slt i64 %whole, %n",
            "br i1 %left, label %rest, label %end",
        ],
        "rest": rest,
        "end": [*end, "ret double %root" if norm else "ret void"],
    }
    body = [
        f"{label}:\n" + "\n".join(f"  {line}" for line in lines) for label, lines in blocks.items()
    ]
    returned = "double" if norm else "void"
    return (
        f"define {returned} @{name}({operation.signature}) nounwind {{\n" + "\n".join(body) + "\n}"
    )


@functools.cache
def replacements() -> NDArray[np.int64]:
    """Addresses (operations, 2): the library's own operation, and the one to take instead."""
    operations = {**_ELEMENTWISE, "norm": _NORM}
    source = "\n\n".join(
        [
            "; vector operations for CVODES\n!0 = distinct !{!0, !1, !2}",
            '!1 = !{!"llvm.loop.vectorize.enable", i1 false}\n!2 = !{!"llvm.loop.unroll.disable"}',
            f"declare double @llvm.vector.reduce.fadd.v{_WIDTH}f64(double, {_WIDE})",
            "declare double @llvm.sqrt.f64(double)\ndeclare double @llvm.fabs.f64(double)",
            f"declare {_WIDE} @llvm.fabs.v{_WIDTH}f64({_WIDE})",
            *[_definition(name, operation) for name, operation in operations.items()],
        ]
    )
    module = compile_ir(source, tuple(operations))
    pairs = [
        (llvm.address_of_symbol(operation.symbol) or -1, module.addresses[name])
        for name, operation in operations.items()
    ]
    table = np.array(pairs, dtype=np.int64)
    table.flags.writeable = False
    return table
