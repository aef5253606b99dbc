"""Pins WGSL of the GPU library: every operator, storage format and kind of variant, though not every combination.

Refresh with UPDATE_GOLDEN=1 and read the diff. The rest is pinned by the hash in library.gen.ts. Needs TVM only.
"""

from __future__ import annotations

import os
from pathlib import Path

from nomoat_compiler.gpu_library import compiled
from nomoat_compiler.operators.catalog import OPERATORS, gpu_operator

FOLDER = Path(__file__).parent / "kernels"
# The reader of each storage format is pinned by embed; of the matmuls one format is enough.
LINEAR = (
    "decode_q4m_float16_subgroup", "decode_q4m_float16_workgroup", "decode_q8s_float16_subgroup", "decode_q6_subgroup",
    "decode_bfloat16_x4_workgroup", "few_q4m_float16_subgroup", "few_float32_x4_workgroup", "prefill_q4m_float16",
    "prefill_q6", "prefill_float16_x8",
)  # fmt: skip


def golden_files() -> dict[str, str]:
    """File name to WGSL."""
    files = {}
    for op in OPERATORS:
        for s, stage in enumerate(gpu_operator(op).stages):
            for v, variant in enumerate(stage.variants):
                if op != "linear" or variant.name.removeprefix("linear_") in LINEAR:
                    files[f"{variant.name}.wgsl"] = compiled(op, s, v).wgsl
    return files


def test_generated_kernels_are_unchanged() -> None:
    files = golden_files()
    assert sum(name.removeprefix("linear_").removesuffix(".wgsl") in LINEAR for name in files) == len(LINEAR)
    if os.environ.get("UPDATE_GOLDEN") == "1":
        FOLDER.mkdir(exist_ok=True)
        for old in FOLDER.iterdir():
            old.unlink()
        for name, content in files.items():
            (FOLDER / name).write_text(content)
    assert sorted(p.name for p in FOLDER.iterdir()) == sorted(files)
    for name, content in files.items():
        assert (FOLDER / name).read_text() == content, f"{name} changed: UPDATE_GOLDEN=1 refreshes it; read the diff"
