"""Builds program.json and its WGSL from a configuration and a scheme per tensor. Needs no weights.

The order of everything in the result is fixed by the model, so the same input gives the same bytes.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .models.config import LlamaConfig
from .models.graph import External, Graph
from .models.llama import LlamaGraph
from .models.sampling import sample, sample_greedy
from .models.tensors import TensorSpec
from .operators.sample_greedy.gpu import TOKEN_RING
from .passes.plan_memory import PlannedFunction, plan_memory
from .scheme import Parameter, Scheme, stored_parameters
from .targets.webgpu import compile_operator

PAGE_SIZE = 16
PREFILL_CHUNK = 128
FUNCTIONS = ("prefill", "decode", "sample_greedy", "sample")
_DTYPES = {"<f4": "float32", "<i4": "int32"}


@dataclass(frozen=True)
class Program:
    """``json`` is program.json; ``modules`` are the WGSL texts by content hash."""

    json: dict[str, Any]
    modules: dict[str, str]


def build_program(
    config: LlamaConfig,
    specs: list[TensorSpec],
    schemes: dict[str, Scheme],
    *,
    quantization: str,
    context_length: int,
    on_progress: Callable[[int, int], None] | None = None,
) -> Program:
    """Compiles every kernel the model needs. ``on_progress(done, total)`` counts operators."""
    stored = {spec.name: stored_parameters(spec.name, spec.shape, schemes[spec.name]) for spec in specs}
    model = LlamaGraph(config, schemes, context_length=context_length, prefill_chunk=PREFILL_CHUNK, page_size=PAGE_SIZE)
    runtime = _runtime_buffers(config, model)
    externals = [
        *(External(p.name, p.shape, p.dtype) for parameters in stored.values() for p in parameters),
        *(External(name, array.shape, str(array.dtype)) for name, array in model.constants.items()),
        *(
            External(name, tuple(1 if d == "kv_pages" else d for d in shape), dtype)
            for name, _, dtype, shape in runtime
        ),
    ]
    graph = Graph(
        externals={e.name: e for e in externals},
        parameter_names={(name, p.role): p.name for name, parameters in stored.items() for p in parameters},
        shapes={spec.name: spec.shape for spec in specs},
        max_tokens=PREFILL_CHUNK,
    )
    model.prefill(graph)
    model.decode(graph)
    sample_greedy(graph, config.vocab_size)
    sample(graph, config.vocab_size)
    planned = plan_memory(graph.builder.get(), [e.name for e in externals])

    operators: dict[str, Any] = {}
    kernels: dict[str, Any] = {}
    modules: dict[str, str] = {}
    for done, (name, operator) in enumerate(graph.operators.items()):
        compiled = compile_operator(operator)
        operators[name] = {
            "definition": operator.definition,
            "arguments": list(operator.arguments),
            "variants": [c.variant for c in compiled],
        }
        for c in compiled:
            kernels[c.hash], modules[c.hash] = c.kernel, c.wgsl
        if on_progress:
            on_progress(done + 1, len(graph.operators))

    scratch = _scratch_sizes(planned)
    buffers = [
        *({"name": name, "kind": kind, "dtype": dtype, "shape": list(shape)} for name, kind, dtype, shape in runtime),
        *(
            {"name": f"scratch.{i}", "kind": "scratch", "dtype": "float32", "shape": [-(-nbytes // 4)]}
            for i, nbytes in enumerate(scratch)
        ),
    ]
    program = {
        "format": "nomoat-program",
        "version": 2,
        "model": config.to_json(),
        "context_length": context_length,
        "prefill_chunk": PREFILL_CHUNK,
        "page_size": PAGE_SIZE,
        "quantization": quantization,
        "tensors": [_tensor(spec, schemes[spec.name], stored[spec.name]) for spec in specs],
        "parameters": [
            {"name": p.name, "shape": list(p.shape), "dtype": p.dtype, "nbytes": p.nbytes}
            for parameters in stored.values()
            for p in parameters
        ],
        "constants": [_constant(name, array) for name, array in model.constants.items()],
        "buffers": buffers,
        "kernels": dict(sorted(kernels.items())),
        "operators": operators,
        "functions": {name: _steps(planned[name], graph, operators) for name in FUNCTIONS},
    }
    return Program(program, modules)


def _runtime_buffers(config: LlamaConfig, model: LlamaGraph) -> list[tuple[str, str, str, tuple[Any, ...]]]:
    """(name, kind, dtype, shape) of the buffers with fixed names: docs/program-interface.md."""
    vocab = config.vocab_size
    kv = model.kv_shape("kv_pages")
    return [
        ("state", "state", "int32", (8,)),
        ("prompt_ids", "input", "int32", (PREFILL_CHUNK,)),
        ("block_table", "input", "int32", (model.rope.pages_per_sequence,)),
        ("sampling", "input", "float32", (8,)),
        ("token_counts", "state", "int32", (vocab,)),
        ("logits", "output", "float32", (vocab,)),
        ("tokens", "output", "int32", (TOKEN_RING,)),
        *(
            (f"kv.{role}.{layer}", "kv_cache", "float32", kv)
            for layer in range(config.num_hidden_layers)
            for role in ("k", "v")
        ),
    ]


def _scratch_sizes(planned: dict[str, PlannedFunction]) -> list[int]:
    """Functions run one after the other, so storage i of each shares the buffer scratch.i."""
    count = max(len(f.storage_bytes) for f in planned.values())
    sizes = [0] * count
    for function in planned.values():
        for i, nbytes in enumerate(sorted(function.storage_bytes, reverse=True)):
            sizes[i] = max(sizes[i], nbytes)
    return sizes


def _steps(function: PlannedFunction, graph: Graph, operators: dict[str, Any]) -> list[dict[str, Any]]:
    # Largest storage first, so that sharing between functions wastes little (see _scratch_sizes).
    order = sorted(range(len(function.storage_bytes)), key=lambda i: (-function.storage_bytes[i], i))
    scratch = {f"storage:{index}": f"scratch.{rank}" for rank, index in enumerate(order)}
    return [
        {
            "operator": call.operator,
            "arguments": {
                argument: scratch.get(name, name)
                for argument, name in zip(operators[call.operator]["arguments"], call.arguments, strict=True)
            },
        }
        for call in function.calls
    ]


def _tensor(spec: TensorSpec, scheme: Scheme, parameters: list[Parameter]) -> dict[str, Any]:
    return {
        "name": spec.name,
        "shape": list(spec.shape),
        "scheme": scheme.to_json(),
        "parameters": {p.role: p.name for p in parameters},
    }


def _constant(name: str, array: np.ndarray) -> dict[str, Any]:
    little = np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<"))
    return {
        "name": name,
        "shape": list(array.shape),
        "dtype": _DTYPES[little.dtype.str],
        "data": base64.b64encode(little.tobytes()).decode(),
    }
