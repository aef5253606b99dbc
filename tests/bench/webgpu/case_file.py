"""Kernel cases as files: jobs with their inputs and what must come out, for machines that cannot compute it.

``cases.json`` beside ``cases.bin``. The JSON holds ``texts``: WGSL by hash, and ``cases``, each with

    name, kernel_name, kernel_hash, entry_point, grid    as in a job of tests/parity/kernel_runner/kernels.js
    constants    name -> value of each pipeline-overridable constant
    uniform      bytes of the uniform struct as numbers, or null
    requires     {"features": [...], "subgroup_min_size": n}, both optional: what the adapter must have
    arguments    [{access, nbytes, at}] in the order of the storage bindings; ``at``: where the input begins in the data
    expected     [{argument, dtype, at, nbytes, atol, rtol}]: the argument at that index, afterwards

An output is right where |value - expected| <= atol + rtol * |expected| for each value; NaN must be NaN. Equal arrays
are stored once.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

JOB_KEYS = ("kernel_name", "kernel_hash", "entry_point", "grid", "uniform")


@dataclass(frozen=True)
class Expected:
    argument: int
    values: np.ndarray  # float32, int32 or uint32
    atol: float
    rtol: float


@dataclass(frozen=True)
class Case:
    """``job`` as kernels.js takes it, with one dispatch and ``requires``; ``inputs``: the bytes of each argument."""

    name: str
    job: Mapping[str, Any]
    inputs: tuple[bytes, ...]
    expected: tuple[Expected, ...]


def write_cases(path: Path, cases: Sequence[Case]) -> None:
    """``path``: the JSON file; the data goes beside it."""
    data = _Data()
    texts: dict[str, str] = {}
    entries = []
    for case in cases:
        job = case.job
        texts[job["kernel_hash"]] = job["wgsl"]
        entries.append(
            {
                "name": case.name,
                **{key: job[key] for key in JOB_KEYS},
                "constants": dict(job.get("constants") or {}),
                "requires": dict(job.get("requires") or {}),
                "arguments": [
                    {**argument, "at": data.place(values)}
                    for argument, values in zip(job["arguments"], case.inputs, strict=True)
                ],
                "expected": [
                    {
                        "argument": expected.argument,
                        "dtype": expected.values.dtype.name,
                        "at": data.place(expected.values.tobytes()),
                        "nbytes": expected.values.nbytes,
                        "atol": expected.atol,
                        "rtol": expected.rtol,
                    }
                    for expected in case.expected
                ],
            }
        )
    path.write_text(json.dumps({"texts": texts, "cases": entries}, separators=(",", ":")))
    path.with_suffix(".bin").write_bytes(data.joined())


class _Data:
    """Bytes one after another, each beginning at a multiple of 4."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._places: dict[bytes, int] = {}
        self._size = 0

    def place(self, values: bytes) -> int:
        key = sha256(values).digest()
        if key not in self._places:
            self._places[key] = self._size
            padded = values + bytes(-len(values) % 4)
            self._pieces.append(padded)
            self._size += len(padded)
        return self._places[key]

    def joined(self) -> bytes:
        return b"".join(self._pieces)
