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
    """A model that embeds a token and multiplies with its table; the package has a kernel of its own for embed."""
    scheme = {"bits": 32, "dtype": "float32"}
    embed = {
        "op": "embed", "fields": {"rows": "vocab_size", "columns": "hidden_size", "scale": 1},
        "arguments": {"token_ids": "state", "w": "model.embed_tokens", "out": "hidden"},
    }  # fmt: skip
    head = {
        "op": "linear",
        "fields": {
            "rows": "vocab_size", "columns": "hidden_size", "norm_eps": None, "bias": False, "activation": 0,
            "gated": False, "delta": False, "scale": 1, "softcap": None, "residual": False,
        },
        "arguments": {"x": "hidden", "w": "model.embed_tokens", "out": "logits"},
    }  # fmt: skip
    prompt = embed | {"arguments": embed["arguments"] | {"token_ids": "prompt_ids"}}
    return {
        "format": "nomoat-program",
        "version": 3,
        "model": {
            "architecture": "LlamaForCausalLM", "vocab_size": VOCAB, "hidden_size": HIDDEN, "num_hidden_layers": 1,
            "num_key_value_heads": 1, "head_dim": 8,
        },
        "layers": {},
        "context_length": 64,
        "prefill_chunk": 8,
        "page_size": 16,
        "quantization": "f32",
        "plan": {
            "tensors": [
                {
                    "name": "model.embed_tokens", "kind": "embedding", "shape": ["vocab_size", "hidden_size"],
                    "sources": [{"name": "model.embed_tokens.weight", "rows": "vocab_size"}],
                }
            ],
            "constants": [],
            "buffers": [
                {"name": "hidden", "kind": "scratch", "dtype": "float32", "shape": [["*", "n", 2], "hidden_size"]},
                *(
                    {
                        "name": f"kv.{role}.0", "kind": "kv_cache", "dtype": "float32",
                        "shape": ["kv_pages", "num_key_value_heads", "page_size", "head_dim"],
                    }
                    for role in ("k", "v")
                ),
            ],
            "functions": {"prefill": [prompt], "decode": [embed, head]},
        },
        "schemes": [scheme],
        "tensor_schemes": {"model.embed_tokens": 0},
        "constants": [],
        "kernels": {
            kernel_hash: {
                "name": "copy", "entry_point": "main", "workgroup_size": [1, 1, 1],
                "bindings": [{"argument": "out", "access": "read_write"}], "uniforms": [], "workgroup_bytes": 0,
            }
        },
        "own_operators": [
            {
                "definition": {"op": "embed", "rows": VOCAB, "columns": HIDDEN, "scheme": scheme, "scale": 1},
                "prefill": 0, "scratch": [],
                "stages": [{"name": "copy", "variants": [{"requires": {}, "kernel": kernel_hash, "grid": [1, 1, 1]}]}],
            }
        ],
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
