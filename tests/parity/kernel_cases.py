"""Random stored tensors and their values in NumPy, and one-operator programs, for the kernel tests."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
from nomoat_compiler.operators.gpu.emit import Operator
from nomoat_compiler.scheme import Grouped, Plain, Scheme
from nomoat_compiler.targets.webgpu import compile_operator

from tests.parity.adapters import SWIFTSHADER, SoftwareAdapter
from tests.parity.webgpu_harness import run_operator, supported_variants

SCHEMES: dict[str, Scheme] = {
    "q4": Grouped(4, 32, None, "float16"),
    "q4_0": Grouped(4, 32, 8, "float16"),
    "q4f16_1": Grouped(4, 32, 7, "float16"),
    "q4f32_1": Grouped(4, 32, 7, "bfloat16"),
    "q8": Grouped(8, 32, 128, "float16"),
    "q8m": Grouped(8, 32, None, "float16"),
    "f16": Plain("float16"),
    "bf16": Plain("bfloat16"),
    "f32": Plain("float32"),
}
_NUMPY = {"float16": np.float16, "bfloat16": ml_dtypes.bfloat16, "float32": np.float32}


def random_matrix(rng: np.random.Generator, n: int, k: int, scheme: Scheme) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The values (n, k) float64 of a random tensor, and its stored arrays {"w", "w_scale"}."""
    if isinstance(scheme, Plain):
        stored = rng.normal(size=(n, k)).astype(np.float32).astype(_NUMPY[scheme.dtype])
        return stored.astype(np.float64), {"w": stored}
    groups = -(-k // scheme.group_size)
    q = rng.integers(0, 1 << scheme.bits, (n, groups * scheme.group_size), dtype=np.uint32)
    per_word = 32 // scheme.bits
    shifts = np.arange(per_word, dtype=np.uint32) * scheme.bits
    words = np.bitwise_or.reduce(q.reshape(n, -1, per_word) << shifts, axis=-1)
    scale = (rng.uniform(0.5, 1.5, (n, groups)) / (1 << scheme.bits)).astype(_NUMPY[scheme.scale_dtype])
    expanded = np.repeat(scale.astype(np.float64), scheme.group_size, axis=1)
    if scheme.zero is None:
        minimum = rng.normal(size=(n, groups)).astype(_NUMPY[scheme.scale_dtype])
        values = q * expanded + np.repeat(minimum.astype(np.float64), scheme.group_size, axis=1)
        stored_scale = np.stack([scale, minimum], axis=-1)
    else:
        values = (q.astype(np.float64) - scheme.zero) * expanded
        stored_scale = scale
    return values[:, :k], {"w": words, "w_scale": pad_to_words(stored_scale)}


def random_vector(rng: np.random.Generator, n: int, dtype: str) -> tuple[np.ndarray, np.ndarray]:
    """The values (n,) float64 of a random vector, and how it is stored."""
    stored = rng.normal(size=n).astype(np.float32).astype(_NUMPY[dtype])
    return stored.astype(np.float64), pad_to_words(stored)


def pad_to_words(array: np.ndarray) -> np.ndarray:
    """Flattened, with zeros up to a multiple of 16 bytes, as the runtime allocates it."""
    data = array.tobytes()
    return np.frombuffer(data + bytes(-len(data) % 16), dtype=np.uint32)


def run_everywhere(
    operator: Operator,
    arrays: dict[str, np.ndarray],
    symbols: dict[str, int],
    adapter: SoftwareAdapter = SWIFTSHADER,
) -> list[dict[str, np.ndarray]]:
    """The outputs of every variant that the adapter can run; at least one must."""
    program, modules = one_operator_program(operator)
    variants = supported_variants(program, operator.name, adapter)
    assert variants, "no variant runs on this adapter"
    return [run_operator(program, modules, operator.name, arrays, symbols, variant, adapter) for variant in variants]


def one_operator_program(operator: Operator) -> tuple[dict[str, Any], dict[str, str]]:
    compiled = compile_operator(operator)
    program = {
        "kernels": {c.hash: c.kernel for c in compiled},
        "operators": {
            operator.name: {"arguments": list(operator.arguments), "variants": [c.variant for c in compiled]}
        },
    }
    return program, {c.hash: c.wgsl for c in compiled}
