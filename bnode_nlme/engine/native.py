"""LLVM IR to machine code in this process, once per content, kept on disk."""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass

import llvmlite.binding as llvm

from bnode_nlme.engine.cache_folder import keep, read_kept

_LOCK = threading.Lock()
_COMPILED: dict[str, NativeModule] = {}


@dataclass(frozen=True, eq=False)
class NativeModule:
    """Machine code of one IR module; its functions live as long as the process."""

    engine: llvm.ExecutionEngine
    addresses: dict[str, int]


def content_hash(source: str) -> str:
    """Name of a piece of IR: the first 16 hexadecimal digits of its SHA-256."""
    return hashlib.sha256(source.encode()).hexdigest()[:16]


def _target_machine() -> llvm.TargetMachine:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(),
        features=llvm.get_host_cpu_features().flatten(),
        codemodel="jitdefault",
        opt=3,
        jit=True,
    )


def _machine_code(source: str, target: llvm.TargetMachine) -> bytes:
    module = llvm.parse_assembly(source)
    module.verify()
    options = llvm.create_pipeline_tuning_options()
    options.speed_level = 3
    options.slp_vectorization = True
    builder = llvm.create_pass_builder(target, options)
    builder.getModulePassManager().run(module, builder)
    return bytes(target.emit_object(module))


def compile_ir(source: str, functions: tuple[str, ...]) -> NativeModule:
    """Machine code of an IR module, compiled on its first request on this kind of machine.

    Parameters
    ----------
    source
        LLVM IR of the module.
    functions
        Symbols whose addresses are wanted.

    Returns
    -------
    NativeModule
        With the address of each function.
    """
    key = content_hash(source)
    with _LOCK:
        if key not in _COMPILED:
            target = _target_machine()
            machine = f"{target.triple} {llvm.get_host_cpu_name()} "
            machine += llvm.get_host_cpu_features().flatten()
            name = f"{key}-{content_hash(machine)}.o"
            code = read_kept(name)
            if code is None:
                code = _machine_code(source, target)
                keep(name, code)
            engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), target)
            engine.add_object_file(llvm.ObjectFileRef.from_data(code))
            engine.finalize_object()
            addresses = {name: int(engine.get_function_address(name)) for name in functions}
            _COMPILED[key] = NativeModule(engine, addresses)
        return _COMPILED[key]
