"""Raw memory and native calls inside compiled code: addresses are 64-bit integers."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

_DOUBLE = ir.DoubleType()
_INT64 = ir.IntType(64)


def _element(builder: Any, address: Any, index: Any, element: ir.Type) -> Any:
    pointer = builder.inttoptr(address, element.as_pointer())
    return builder.gep(pointer, [index])


@intrinsic
def load_double(typing_context: Any, address: Any, index: Any) -> Any:
    """The double at ``address + 8 * index``."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.load(_element(builder, arguments[0], arguments[1], _DOUBLE))

    return types.float64(types.int64, types.int64), generate


@intrinsic
def store_double(typing_context: Any, address: Any, index: Any, value: Any) -> Any:
    """Write a double to ``address + 8 * index``."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address, index, value = arguments
        builder.store(value, _element(builder, address, index, _DOUBLE))
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.float64), generate


@intrinsic
def load_integer(typing_context: Any, address: Any, index: Any) -> Any:
    """The 64-bit integer at ``address + 8 * index``."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.load(_element(builder, arguments[0], arguments[1], _INT64))

    return types.int64(types.int64, types.int64), generate


@intrinsic
def store_integer(typing_context: Any, address: Any, index: Any, value: Any) -> Any:
    """Write a 64-bit integer to ``address + 8 * index``."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address, index, value = arguments
        builder.store(value, _element(builder, address, index, _INT64))
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), generate


@intrinsic
def add_atomically(typing_context: Any, address: Any, index: Any, value: Any) -> Any:
    """Add to the 64-bit integer at ``address + 8 * index``, safely among threads; the old value."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address, index, value = arguments
        place = _element(builder, address, index, _INT64)
        return builder.atomic_rmw("add", place, value, "acq_rel")

    return types.int64(types.int64, types.int64, types.int64), generate


@intrinsic
def exchange_atomically(typing_context: Any, address: Any, index: Any, value: Any) -> Any:
    """Write the 64-bit integer at ``address + 8 * index``, safely among threads; the old value."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address, index, value = arguments
        place = _element(builder, address, index, _INT64)
        return builder.atomic_rmw("xchg", place, value, "acq_rel")

    return types.int64(types.int64, types.int64, types.int64), generate


@intrinsic
def load_atomically(typing_context: Any, address: Any, index: Any) -> Any:
    """The 64-bit integer at ``address + 8 * index``, and all that its writer wrote before."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = _element(builder, arguments[0], arguments[1], _INT64)
        return builder.load_atomic(place, "acquire", 8)

    return types.int64(types.int64, types.int64), generate


@intrinsic
def store_atomically(typing_context: Any, address: Any, index: Any, value: Any) -> Any:
    """Write a 64-bit integer to ``address + 8 * index``, after all that was written before."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address, index, value = arguments
        builder.store_atomic(value, _element(builder, address, index, _INT64), "release", 8)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), generate


@intrinsic
def replace_atomically(
    typing_context: Any, address: Any, index: Any, expected: Any, value: Any
) -> Any:
    """Write to ``address + 8 * index`` if the integer there is the expected one; whether it was."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address, index, expected, value = arguments
        place = _element(builder, address, index, _INT64)
        outcome = builder.cmpxchg(place, expected, value, "acq_rel", "acquire")
        return builder.extract_value(outcome, 1)

    return types.boolean(types.int64, types.int64, types.int64, types.int64), generate


@intrinsic
def pointer_to_doubles(typing_context: Any, address: Any) -> Any:
    """A typed pointer, for `numba.carray`."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], context.get_value_type(signature.return_type))

    return types.CPointer(types.float64)(types.int64), generate


@intrinsic
def pointer_to_integers(typing_context: Any, address: Any) -> Any:
    """A typed pointer, for `numba.carray`."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], context.get_value_type(signature.return_type))

    return types.CPointer(types.int64)(types.int64), generate


@intrinsic
def call_entry(typing_context: Any, entry: Any, block: Any) -> Any:
    """Call a compiled entry point, ``void entry(int64 block)``, by its address."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        function = ir.FunctionType(ir.VoidType(), [_INT64])
        target = builder.inttoptr(arguments[0], function.as_pointer())
        builder.call(target, [arguments[1]])
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), generate


@intrinsic
def call_kernel(
    typing_context: Any,
    kernel: Any,
    time: Any,
    state: Any,
    parameters: Any,
    weights: Any,
    covariates: Any,
    seed: Any,
    output: Any,
) -> Any:
    """Call a native kernel (see `bnode_nlme.engine.llvm.emit`) by its address."""
    integer = types.int64

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = ir.PointerType(_DOUBLE)
        function = ir.FunctionType(ir.VoidType(), [_DOUBLE] + [pointer] * 6)
        target = builder.inttoptr(arguments[0], function.as_pointer())
        pointers = [builder.inttoptr(argument, pointer) for argument in arguments[2:]]
        builder.call(target, [arguments[1], *pointers])
        return context.get_dummy_value()

    signature = types.void(
        integer, types.float64, integer, integer, integer, integer, integer, integer
    )
    return signature, generate


# The C library's allocator, for memory that outlives one compiled function.
allocate = types.ExternalFunction("malloc", types.intp(types.intp))
reallocate = types.ExternalFunction("realloc", types.intp(types.intp, types.intp))
release = types.ExternalFunction("free", types.void(types.intp))
copy_memory = types.ExternalFunction("memcpy", types.intp(types.intp, types.intp, types.intp))
