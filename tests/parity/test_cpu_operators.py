"""The CPU's kernels and launch plans of every operator with every knob against NumPy. Needs only wasmtime."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from nomoat_compiler.operators.cpu.emit import Build
from nomoat_compiler.operators.cpu.kv_layout import PAGE_TOKENS, head_bytes, padded
from nomoat_compiler.operators.known_answer import Arrays, Case, definition_of

from tests.parity.cpu_harness import CpuMachine, each_build
from tests.parity.cpu_plan import CpuPlan
from tests.parity.operator_instances import Instance, each_instance

each_threads = pytest.mark.parametrize("threads", [1, 3])


@each_build
@each_threads
@each_instance("linear", "rms_norm", "layer_norm", "add_position", "embed", "short_conv", "pool", plain=True)
def test_knobs(build: Build, threads: int, instance: Instance) -> None:
    arrays = instance.arrays()
    case, expected = instance.case, instance.expected(arrays)
    plan = CpuPlan(CpuMachine(build, 16), instance.definition, arrays, case.tokens, case.prefill)
    plan.run(threads)
    for name, values in expected.items():
        np.testing.assert_allclose(plan.read(name, values.shape), values, rtol=0, atol=instance.tolerance, err_msg=name)


class Cache:
    """Keys and values of one layer in the CPU's own layout, with scattered pages."""

    def __init__(self, machine: CpuMachine, definition: Mapping[str, Any], places: list[int]) -> None:
        self.machine, self.places, self.exact = machine, places, definition["exact_cache"]
        self.kv_heads, self.head_dim = definition["kv_heads"], definition["head_dim"]
        self.page = head_bytes(padded(self.head_dim), self.exact)
        self.stride = (max(places) + 1) * self.page
        self.address = machine.place(2 * self.kv_heads * self.stride)
        self.table = machine.place(np.array(places, np.int32))

    def symbols(self) -> dict[str, int]:
        values = {"kv__address": self.address}
        for index, name in enumerate(("k_pages", "v_pages")):
            values |= {
                f"{name}__offset": index * self.kv_heads * self.stride, f"{name}__head_stride": self.stride,
                f"{name}__block_table": self.table,
            }  # fmt: skip
        return values

    def tokens(self, which: int, count: int) -> np.ndarray:
        """(count, kv_heads, head_dim) of keys (0) or values (1), as they were rounded."""
        width = padded(self.head_dim)
        result = np.empty((count, self.kv_heads, self.head_dim))
        for head in range(self.kv_heads):
            for page, place in enumerate(self.places):
                at = self.address + (which * self.kv_heads + head) * self.stride + place * self.page
                scales = self.machine.read(at, np.float32, (PAGE_TOKENS,)).astype(np.float64)
                dtype = np.float16 if self.exact else np.int8
                stored = self.machine.read(at + 4 * PAGE_TOKENS, dtype, (width * PAGE_TOKENS,))
                if self.exact and which == 0:
                    values = stored.reshape(width, PAGE_TOKENS).T
                elif self.exact:
                    values = stored.reshape(width // 8, PAGE_TOKENS, 8).transpose(1, 0, 2)
                elif which == 0:
                    values = stored.reshape(width // 2, PAGE_TOKENS, 2).transpose(1, 0, 2)
                else:
                    values = stored.reshape(width // 8, 8, 8, 2).transpose(1, 3, 0, 2)
                values = values.reshape(PAGE_TOKENS, width)[:, : self.head_dim] * scales[:, None]
                first = page * PAGE_TOKENS
                rows = range(first, min(first + PAGE_TOKENS, count))
                result[rows, head] = values[: len(rows)]
        return result


@each_build
@each_threads
@each_instance("rope_append")
def test_rope_append(build: Build, threads: int, instance: Instance) -> None:
    """Queries and keys of the cache as the reference has them, rounded."""
    definition, case, arrays = instance.definition, instance.case, instance.arrays()
    heads, kv_heads, head_dim = (definition[name] for name in ("heads", "kv_heads", "head_dim"))
    expected = instance.expected(arrays)
    machine = CpuMachine(build, 16)
    cache = Cache(machine, definition, [int(page) for page in arrays["block_table"]])
    given = {name: value for name, value in arrays.items() if name not in ("k_pages", "v_pages", "block_table")}
    plan = CpuPlan(machine, definition, given, case.tokens, case.prefill)
    plan.run(threads, **cache.symbols())
    wanted = expected["q"]
    if cache.exact:
        np.testing.assert_allclose(plan.read("q", wanted.shape), wanted, rtol=0, atol=instance.tolerance)
    else:
        width = padded(head_dim)
        stored = machine.read(plan.symbols["queries.address"], np.uint8, (case.tokens, heads, width * 2 + 16))
        scales = stored[..., :4].copy().view(np.float32).astype(np.float64)
        queries = stored[..., 16:].copy().view(np.int16)[..., :head_dim] * scales
        atol = instance.tolerance + np.abs(wanted).max() / 64000
        np.testing.assert_allclose(queries, wanted.reshape(queries.shape), rtol=0, atol=atol)
    positions = case.position + np.arange(case.tokens)
    pages = arrays["block_table"][positions // PAGE_TOKENS]
    for which, name in enumerate(("k_pages", "v_pages")):
        values = expected[name].reshape(-1, kv_heads, PAGE_TOKENS, head_dim)[pages, :, positions % PAGE_TOKENS]
        # Half a step of a head, and a step where its largest differs in the last place.
        # A float16 has 11 bits of its own.
        steps = np.abs(values) / 1024 if cache.exact else np.abs(values).max(-1, keepdims=True) / 127
        got = cache.tokens(which, int(positions[-1]) + 1)[positions]
        assert (np.abs(got - values) <= 0.51 * steps + instance.tolerance).all(), name


@each_build
@each_threads
@each_instance("attention")
def test_attention(build: Build, threads: int, instance: Instance) -> None:
    """Over keys and values that rope_append wrote without a rotation."""
    definition, case, arrays = instance.definition, instance.case, instance.arrays()
    kv_heads, head_dim = definition["kv_heads"], definition["head_dim"]
    length, machine = case.position + case.tokens, CpuMachine(build, 16)
    table = [int(page) for page in arrays["block_table"]]
    cache = Cache(machine, definition, table)
    _append(machine, cache, definition, arrays, length)
    positions = np.arange(length)
    for which, name in enumerate(("k_pages", "v_pages")):
        pages = arrays[name].reshape(-1, kv_heads, PAGE_TOKENS, head_dim).astype(np.float64)
        pages[arrays["block_table"][positions // PAGE_TOKENS], :, positions % PAGE_TOKENS] = cache.tokens(which, length)
        arrays[name] = pages.reshape(arrays[name].shape)
    expected = instance.expected(arrays)["out"]
    given = {name: arrays[name] for name in ("q", "state", "out")}
    plan = CpuPlan(machine, definition, given, case.tokens, case.prefill)
    plan.run(threads, **cache.symbols())
    # Queries have 15 bits, weights 15 of the largest of a page, and 2^x is good to 3e-6.
    # With an exact cache nothing is rounded but to float32.
    atol = instance.tolerance if cache.exact else 3e-4
    np.testing.assert_allclose(plan.read("out", expected.shape), expected, rtol=0, atol=atol)


def _append(machine: CpuMachine, cache: Cache, definition: Mapping[str, Any], arrays: Arrays, length: int) -> None:
    """Writes the first ``length`` keys and values of the pages into the cache."""
    kv_heads, head_dim = definition["kv_heads"], definition["head_dim"]
    positions = np.arange(length)
    parts = [np.zeros((length, kv_heads, head_dim), np.float32)]
    for name in ("k_pages", "v_pages"):
        pages = arrays[name].reshape(-1, kv_heads, PAGE_TOKENS, head_dim)
        parts.append(pages[arrays["block_table"][positions // PAGE_TOKENS], :, positions % PAGE_TOKENS])
    shape = {"heads": kv_heads, "kv_heads": kv_heads, "head_dim": head_dim, "page_size": PAGE_TOKENS, "rotary_dim": 0}
    shape |= {"exact_cache": definition["exact_cache"]}
    rope = definition_of("rope_append", Case(shape))
    given = {"qkv": np.concatenate(parts, 1), "state": np.zeros(8, np.int32), "q": np.zeros_like(parts[0])}
    CpuPlan(machine, rope, given, length, True).run(1, **cache.symbols())
