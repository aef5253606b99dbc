"""A small but whole package on disk: valid against both schemas, with a real kernel text, made in milliseconds."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from nomoat_compiler.program.manifest import MANIFEST_NAME, manifest_bytes, package_file

WGSL = "@compute @workgroup_size(1) fn main() {}\n"
SHARD = bytes(range(256)) * 8  # 2048 bytes, every one known
HIDDEN = 16
VOCAB = 32


def write_package(folder: Path, model_id: str = "small-f32") -> Path:
    """Writes the package into ``folder``, which must not exist, and returns it."""
    (folder / "program").mkdir(parents=True)
    (folder / "weights").mkdir()
    kernel_hash = hashlib.sha256(WGSL.encode()).hexdigest()[:16]
    (folder / "program" / f"{kernel_hash}.wgsl").write_text(WGSL)
    (folder / "program" / "program.json").write_text(json.dumps(program(kernel_hash)))
    (folder / "weights" / "params_shard_0.bin").write_bytes(SHARD)
    (folder / "weights" / "tensor-cache.json").write_text(json.dumps(weights_index()))
    (folder / "notes.txt").write_text("not in the manifest")
    listed = [
        f"program/{kernel_hash}.wgsl",
        "program/program.json",
        "weights/params_shard_0.bin",
        "weights/tensor-cache.json",
    ]
    manifest: dict[str, Any] = {
        "format": "nomoat-package",
        "version": 1,
        "id": model_id,
        "name": "Small",
        "architecture": "LlamaForCausalLM",
        "quantization": "f32",
        "context_length": 64,
        "parameter_count": VOCAB * HIDDEN,
        "license": "apache-2.0",
        "provenance": {"source": "small", "source_format": "safetensors", "compiler": "0", "tvm": "0"},
        "program": "program/program.json",
        "weights": "weights/tensor-cache.json",
        "tokenizer": dict.fromkeys(("tokenizer", "tokenizer_config", "chat_template", "generation_config")),
    }
    (folder / MANIFEST_NAME).write_bytes(manifest_bytes(manifest, [package_file(folder, path) for path in listed]))
    return folder


def program(kernel_hash: str) -> dict[str, Any]:
    step = {"operator": "copy", "arguments": {"x": "logits"}}
    return {
        "format": "nomoat-program",
        "version": 2,
        "model": {
            "architecture": "LlamaForCausalLM", "vocab_size": VOCAB, "hidden_size": HIDDEN, "intermediate_size": 16,
            "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 8,
            "rms_norm_eps": 1e-5, "max_position_embeddings": 64, "tie_word_embeddings": True,
            "attention_bias": False, "mlp_bias": False, "hidden_act": "silu",
            "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0},
        },
        "context_length": 64,
        "prefill_chunk": 8,
        "page_size": 16,
        "quantization": "f32",
        "tensors": [
            {
                "name": "model.embed_tokens", "shape": [VOCAB, HIDDEN],
                "scheme": {"bits": 32, "dtype": "float32"}, "parameters": {"weight": "model.embed_tokens.weight"},
            }
        ],
        "parameters": [
            {"name": "model.embed_tokens.weight", "shape": [VOCAB, HIDDEN], "dtype": "float32", "nbytes": len(SHARD)}
        ],
        "constants": [],
        "buffers": [
            {"name": "kv.k.0", "kind": "kv_cache", "dtype": "float32", "shape": ["kv_pages", 1, 16, 8]},
            {"name": "kv.v.0", "kind": "kv_cache", "dtype": "float32", "shape": ["kv_pages", 1, 16, 8]},
            {"name": "hidden", "kind": "scratch", "dtype": "float32", "shape": [["*", "n", 2], HIDDEN]},
            {"name": "logits", "kind": "output", "dtype": "float32", "shape": [VOCAB]},
        ],
        "kernels": {
            kernel_hash: {
                "name": "copy", "entry_point": "main", "workgroup_size": [1, 1, 1],
                "bindings": [{"argument": "x", "access": "read_write"}], "uniforms": [], "workgroup_bytes": 0,
            }
        },
        "operators": {
            "copy": {
                "definition": {"op": "opaque"}, "arguments": ["x"],
                "variants": [{"requires": {}, "kernel": kernel_hash, "grid": [1, 1, 1]}],
            }
        },
        "functions": {"prefill": [step], "decode": [step, step], "sample_greedy": [step], "sample": [step]},
    }  # fmt: skip


def weights_index() -> dict[str, Any]:
    record = {
        "name": "model.embed_tokens.weight", "shape": [VOCAB, HIDDEN], "dtype": "float32", "format": "raw",
        "nbytes": len(SHARD), "byteOffset": 0,
    }  # fmt: skip
    shard = {
        "dataPath": "params_shard_0.bin", "format": "raw-shard", "nbytes": len(SHARD),
        "md5sum": hashlib.md5(SHARD).hexdigest(), "records": [record],
    }  # fmt: skip
    return {"metadata": {"ParamSize": 1, "ParamBytes": len(SHARD), "BitsPerParam": 32.0}, "records": [shard]}
