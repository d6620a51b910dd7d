"""The C driver of `cvodes_driver.c`, compiled by gcc and loaded into this process."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import sundials4py
from numpy.typing import NDArray

SOURCE = Path(__file__).with_name("cvodes_driver.c")
_POINTER = ctypes.c_void_p


class DriverUnavailableError(RuntimeError):
    """The C driver could not be compiled here; the message says why."""


class DriverResult(NamedTuple):
    """Predictions (subjects, rows), cotangents, and mean steps for each subject."""

    cp: NDArray[np.float64]
    to_parameters: NDArray[np.float64]
    to_weights: NDArray[np.float64]
    steps: tuple[float, float]


def build(folder: Path) -> Path:
    """Compile the driver against the headers that sundials4py's wheel ships."""
    compiler = shutil.which("gcc")
    if compiler is None:
        raise DriverUnavailableError("gcc is not on the PATH; install it to race against C.")
    library = Path(sundials4py.__file__)
    include = library.parent / "include"
    if not (include / "cvodes" / "cvodes.h").is_file():
        raise DriverUnavailableError(f"{include} holds no headers of CVODES.")
    target = folder / "cvodes_driver.so"
    command = [
        *(compiler, "-O3", "-march=native", "-shared", "-fPIC"),
        *(str(SOURCE), f"-I{include}", "-o", str(target), "-lm"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise DriverUnavailableError(f"gcc refused {SOURCE.name}:\n{done.stderr}")
    return target


class Driver:
    """Integrators that stay alive between calls."""

    def __init__(self, library: Path, rtol: float, atol: float, *, gradient: bool) -> None:
        # Global, so that the driver finds CVODES's symbols when it is loaded.
        ctypes.CDLL(str(sundials4py.__file__), mode=ctypes.RTLD_GLOBAL)
        self._functions = ctypes.CDLL(str(library))
        self._functions.driver_create.restype = _POINTER
        self._functions.driver_create.argtypes = [ctypes.c_double, ctypes.c_double, ctypes.c_int]
        self._functions.driver_solve.argtypes = [
            *(_POINTER, ctypes.c_long, ctypes.c_long, ctypes.c_double),
            *[_POINTER] * 8,
        ]
        self._functions.driver_free.argtypes = [_POINTER]
        self._gradient = gradient
        self._handle = self._functions.driver_create(rtol, atol, int(gradient))
        if not self._handle:
            raise DriverUnavailableError("CVODES refused the driver's settings.")

    def solve(
        self, values: dict[str, Any], times: NDArray[np.float64], dose: float
    ) -> DriverResult:
        """Solve every subject; with the gradient where the driver was made for it."""
        parameters, weights = values["parameters"], values["weights"]
        subjects, rows = len(parameters), len(times)
        cp = np.empty((subjects, rows))
        to_parameters, to_weights = np.zeros_like(parameters), np.zeros_like(weights)
        steps = np.zeros(2, np.int64)
        arrays = [parameters, weights, times, values["cotangents"], cp]
        arrays += [to_parameters, to_weights, steps]
        addresses = [array.ctypes.data for array in arrays]
        if not self._gradient:
            addresses[3] = None
        bad = self._functions.driver_solve(self._handle, subjects, rows, dose, *addresses)
        if bad:
            raise RuntimeError("A solve of the C driver failed.")
        return DriverResult(
            cp, to_parameters, to_weights, (steps[0] / subjects, steps[1] / subjects)
        )

    def close(self) -> None:
        """Give its memory back."""
        self._functions.driver_free(self._handle)
