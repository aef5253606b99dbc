"""Writes an importance matrix as llama-imatrix does, in GGUF."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import gguf
import numpy as np


def write_imatrix(path: Path, mean_squares: Mapping[str, np.ndarray], tokens: int) -> None:
    writer = gguf.GGUFWriter(path, "")
    writer.add_type("imatrix")
    writer.add_array("imatrix.datasets", ["prose"])
    writer.add_uint32("imatrix.chunk_count", 1)
    writer.add_uint32("imatrix.chunk_size", tokens)
    for name, means in mean_squares.items():
        writer.add_tensor(f"{name}.in_sum2", np.ascontiguousarray(means * tokens, np.float32).reshape(1, -1))
        writer.add_tensor(f"{name}.counts", np.full((1, 1), tokens, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
