"""CVODES as compiled code sees it: the C symbols that sundials4py's shared library exports."""

from __future__ import annotations

import functools
import importlib
import platform

import llvmlite.binding as llvm
from numba import types

ADAMS, BDF = 1, 2
ONE_STEP = 2

_POINTER = types.intp
_INTEGER = types.int32
_LONG = types.int64
_REAL = types.float64

_SIGNATURES = {
    "SUNContext_Create": _INTEGER(_INTEGER, _POINTER),
    "SUNContext_Free": _INTEGER(_POINTER),
    "SUNContext_ClearErrHandlers": _INTEGER(_POINTER),
    "N_VNew_Serial": _POINTER(_LONG, _POINTER),
    "N_VDestroy_Serial": types.void(_POINTER),
    "N_VGetArrayPointer_Serial": _POINTER(_POINTER),
    "SUNDenseMatrix": _POINTER(_LONG, _LONG, _POINTER),
    "SUNDenseMatrix_Data": _POINTER(_POINTER),
    "SUNMatDestroy_Dense": types.void(_POINTER),
    "SUNLinSol_Dense": _POINTER(_POINTER, _POINTER, _POINTER),
    "SUNLinSolFree_Dense": _INTEGER(_POINTER),
    "SUNNonlinSol_FixedPoint": _POINTER(_POINTER, _INTEGER, _POINTER),
    "SUNNonlinSolFree": _INTEGER(_POINTER),
    "CVodeCreate": _POINTER(_INTEGER, _POINTER),
    "CVodeFree": types.void(_POINTER),
    "CVodeInit": _INTEGER(_POINTER, _POINTER, _REAL, _POINTER),
    "CVodeReInit": _INTEGER(_POINTER, _REAL, _POINTER),
    "CVodeSStolerances": _INTEGER(_POINTER, _REAL, _REAL),
    "CVodeSetUserData": _INTEGER(_POINTER, _POINTER),
    "CVodeSetLinearSolver": _INTEGER(_POINTER, _POINTER, _POINTER),
    "CVodeSetNonlinearSolver": _INTEGER(_POINTER, _POINTER),
    "CVodeSetJacFn": _INTEGER(_POINTER, _POINTER),
    "CVodeSetStopTime": _INTEGER(_POINTER, _REAL),
    "CVodeSetMaxHnilWarns": _INTEGER(_POINTER, _INTEGER),
    "CVode": _INTEGER(_POINTER, _REAL, _POINTER, _POINTER, _INTEGER),
    "CVodeGetDky": _INTEGER(_POINTER, _REAL, _INTEGER, _POINTER),
    "CVodeQuadInit": _INTEGER(_POINTER, _POINTER, _POINTER),
    "CVodeQuadReInit": _INTEGER(_POINTER, _POINTER),
    "CVodeQuadSStolerances": _INTEGER(_POINTER, _REAL, _REAL),
    "CVodeQuadSVtolerances": _INTEGER(_POINTER, _REAL, _POINTER),
    "CVodeSetQuadErrCon": _INTEGER(_POINTER, _INTEGER),
    "CVodeGetQuad": _INTEGER(_POINTER, _POINTER, _POINTER),
}


class SundialsUnavailableError(ImportError):
    """CVODES cannot be reached on this machine."""


@functools.cache
def load() -> None:
    """Make the symbols of SUNDIALS known to compiled code.

    Raises
    ------
    SundialsUnavailableError
        Where sundials4py is not installed or its library does not export CVODES.
    """
    cure = (
        "The CVODES methods ('bdf', 'adams') need sundials4py >= 7.9, whose wheels export CVODES "
        "on Linux x86-64 and macOS. Install it with 'pip install sundials4py'; on Windows work "
        "under WSL, on Linux aarch64 build it from conda-forge's sundials."
    )
    try:
        library = importlib.import_module("sundials4py")
    except ImportError as error:
        raise SundialsUnavailableError(
            f"sundials4py cannot be imported on {platform.system()} {platform.machine()} "
            f"({error}). {cure}"
        ) from error
    llvm.load_library_permanently(str(library.__file__))
    missing = [name for name in _SIGNATURES if not llvm.address_of_symbol(name)]
    if missing:
        raise SundialsUnavailableError(
            f"{library.__file__} does not export {', '.join(missing)}. {cure}"
        )


def is_available() -> bool:
    """Whether CVODES can be reached."""
    try:
        load()
    except SundialsUnavailableError:
        return False
    return True


def _external(name: str) -> types.ExternalFunction:
    return types.ExternalFunction(name, _SIGNATURES[name])


SUNContext_Create = _external("SUNContext_Create")
SUNContext_Free = _external("SUNContext_Free")
SUNContext_ClearErrHandlers = _external("SUNContext_ClearErrHandlers")
N_VNew_Serial = _external("N_VNew_Serial")
N_VDestroy_Serial = _external("N_VDestroy_Serial")
N_VGetArrayPointer_Serial = _external("N_VGetArrayPointer_Serial")
SUNDenseMatrix = _external("SUNDenseMatrix")
SUNDenseMatrix_Data = _external("SUNDenseMatrix_Data")
SUNMatDestroy_Dense = _external("SUNMatDestroy_Dense")
SUNLinSol_Dense = _external("SUNLinSol_Dense")
SUNLinSolFree_Dense = _external("SUNLinSolFree_Dense")
SUNNonlinSol_FixedPoint = _external("SUNNonlinSol_FixedPoint")
SUNNonlinSolFree = _external("SUNNonlinSolFree")
CVodeCreate = _external("CVodeCreate")
CVodeFree = _external("CVodeFree")
CVodeInit = _external("CVodeInit")
CVodeReInit = _external("CVodeReInit")
CVodeSStolerances = _external("CVodeSStolerances")
CVodeSetUserData = _external("CVodeSetUserData")
CVodeSetLinearSolver = _external("CVodeSetLinearSolver")
CVodeSetNonlinearSolver = _external("CVodeSetNonlinearSolver")
CVodeSetJacFn = _external("CVodeSetJacFn")
CVodeSetStopTime = _external("CVodeSetStopTime")
CVodeSetMaxHnilWarns = _external("CVodeSetMaxHnilWarns")
CVode = _external("CVode")
CVodeGetDky = _external("CVodeGetDky")
CVodeQuadInit = _external("CVodeQuadInit")
CVodeQuadReInit = _external("CVodeQuadReInit")
CVodeQuadSStolerances = _external("CVodeQuadSStolerances")
CVodeQuadSVtolerances = _external("CVodeQuadSVtolerances")
CVodeSetQuadErrCon = _external("CVodeSetQuadErrCon")
CVodeGetQuad = _external("CVodeGetQuad")
