"""llama.cpp's own quantizer: llama_model_quantize of the library in an npm package, called through its C API."""

from __future__ import annotations

import ctypes
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

PACKAGE = "@node-llama-cpp/linux-x64@3.22.1"
FILE_TYPES = {"Q4_0": 2, "Q4_K_M": 15}  # enum llama_ftype
LIBRARIES = ("libggml-base.so", "libggml-cpu-x64.so", "libggml.v", "libllama.v")  # in the order of their needs


# Of ggml_log_callback(level, text, user_data): thousands of lines.
SILENT = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)(lambda *_: None)


class _Imatrix(ctypes.Structure):
    """struct llama_model_imatrix_data; a name that is NULL ends the array."""

    _fields_ = (("name", ctypes.c_char_p), ("data", ctypes.c_void_p), ("size", ctypes.c_size_t))


class _Parameters(ctypes.Structure):
    """The beginning of struct llama_model_quantize_params; what follows stays as the library fills it."""

    _fields_ = (
        ("nthread", ctypes.c_int32),
        ("ftype", ctypes.c_int32),
        ("output_tensor_type", ctypes.c_int32),
        ("token_embedding_type", ctypes.c_int32),
        ("flags", ctypes.c_bool * 6),
        ("imatrix", ctypes.c_void_p),
        ("rest", ctypes.c_byte * 256),
    )


def fetch_library(folder: Path) -> Path:
    """The folder of the shared libraries. Nothing of the package is run but them."""
    libraries = folder / "package" / "bins" / "linux-x64"
    if not libraries.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        packed = ["npm", "pack", "--silent", "--pack-destination", str(folder), PACKAGE]
        name = subprocess.run(packed, check=True, capture_output=True, text=True).stdout.split()[-1]
        with tarfile.open(folder / name) as archive:
            archive.extractall(folder, filter="data")
    return libraries


def quantize(
    libraries: Path, source: Path, target: Path, file_type: str, imatrix: Mapping[str, np.ndarray] | None
) -> None:
    """``imatrix``: by GGUF name, float32 (columns,)."""
    llama = _library(libraries)
    parameters = llama.llama_model_quantize_default_params()
    parameters.nthread, parameters.ftype = 1, FILE_TYPES[file_type]
    kept = {name: np.ascontiguousarray(values, np.float32) for name, values in (imatrix or {}).items()}
    entries = [_Imatrix(name.encode(), values.ctypes.data, values.size) for name, values in kept.items()]
    array = (_Imatrix * (len(entries) + 1))(*entries)
    if imatrix:
        parameters.imatrix = ctypes.addressof(array)
    status = llama.llama_model_quantize(str(source).encode(), str(target).encode(), ctypes.byref(parameters))
    if status:
        sys.exit(f"llama_model_quantize of {source.name} to {file_type} gave {status}")


def _library(folder: Path) -> ctypes.CDLL:
    files = [file for start in LIBRARIES for file in sorted(folder.glob(f"{start}*")) if file.is_file()]
    for file in dict.fromkeys(files):
        library = ctypes.CDLL(str(file), mode=ctypes.RTLD_GLOBAL)
    library.llama_model_quantize_default_params.restype = _Parameters
    library.llama_log_set(SILENT, None)
    library.llama_backend_init()
    return library
