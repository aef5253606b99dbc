"""The GPU kernel of LoRA's second product against its NumPy reference, on each adapter."""

from __future__ import annotations

import numpy as np
import pytest
from nomoat_compiler.operators.lora_up.reference import reference
from nomoat_compiler.scheme import FloatDtype, Plain

from tests.parity.adapters import SoftwareAdapter, each_adapter
from tests.parity.kernel_cases import POISON, run_everywhere


@each_adapter
@pytest.mark.parametrize(("rows", "part_1", "part_2"), [(200, 0, 0), (90, 40, 72), (130, 64, 0), (6, 2, 4), (7, 3, 0)])
@pytest.mark.parametrize(
    ("rank", "tokens", "prefill", "dtype"), [(4, 1, False, "float32"), (20, 7, True, "float16")]
)  # fmt: skip
def test_lora_up(
    rows: int, part_1: int, part_2: int, rank: int, tokens: int, prefill: bool, dtype: FloatDtype,
    adapter: SoftwareAdapter,
) -> None:  # fmt: skip
    rng = np.random.default_rng(rows)
    definition = {
        "op": "lora_up", "rows": rows, "rank": rank, "scheme": Plain(dtype).to_json(), "part_1": part_1,
        "part_2": part_2, "gated": False,
    }  # fmt: skip
    parts = 1 + (part_1 > 0) + (part_2 > 0)
    h = rng.standard_normal((tokens, parts * rank)).astype(np.float32)
    h_scale = rng.uniform(0.5, 2, parts * rank).astype(np.float32)
    b = rng.standard_normal((rank // 2, 2 * rows)).astype(dtype)
    expected = reference(definition, {"h": h, "h_scale": h_scale, "b": b}, tokens)["out"]
    arrays = {"h": h, "h_scale": h_scale, "b": b, "out": np.full((tokens, rows), POISON)}
    if dtype == "float16":
        arrays["b"] = b.ravel().view(np.uint32)
    tolerance = 1e-6 * rank * 2 * np.abs(h).max() * np.abs(b).max()
    for outputs in run_everywhere(definition, arrays, prefill=prefill, n=tokens, adapter=adapter):
        np.testing.assert_allclose(outputs["out"], expected, rtol=0, atol=tolerance)
