"""MLC folders written by hand from the description of the format: an independent writer, in NumPy alone."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np

CHATML = {
    "name": "chatml", "system_template": "<|im_start|>system\n{system_message}<|im_end|>\n",
    "system_message": "You are helpful.", "system_prefix_token_ids": None, "add_role_after_system_message": True,
    "roles": {"user": "<|im_start|>user", "assistant": "<|im_start|>assistant"},
    "role_templates": {"user": "{user_message}", "assistant": "{assistant_message}", "tool": "{tool_message}"},
    "messages": [], "seps": ["<|im_end|>\n"], "role_content_sep": "\n", "role_empty_sep": "\n",
    "stop_str": ["<|im_end|>"], "stop_token_ids": [2], "function_string": "", "use_function_calling": False,
}  # fmt: skip


def chat_config(model: dict[str, Any], quantization: str, **changes: Any) -> dict[str, Any]:
    """mlc-chat-config.json of a checkpoint with the configuration ``model``."""
    names = (
        "hidden_size", "intermediate_size", "num_attention_heads", "num_hidden_layers", "num_key_value_heads",
        "head_dim", "rms_norm_eps", "vocab_size", "tie_word_embeddings",
    )  # fmt: skip
    model_config = {name: model[name] for name in names} | {
        "position_embedding_base": model["rope_theta"], "rope_scaling": model["rope_scaling"],
        "context_window_size": model["max_position_embeddings"], "prefill_chunk_size": 128, "max_batch_size": 1,
    }  # fmt: skip
    return {
        "version": "0.1.0", "model_type": model["model_type"], "quantization": quantization,
        "model_config": model_config, "vocab_size": model["vocab_size"], "context_window_size": 128,
        "sliding_window_size": -1, "temperature": 0.6, "top_p": 0.9, "conv_template": CHATML, "bos_token_id": 1,
        "eos_token_id": 2, "pad_token_id": 0,
    } | changes  # fmt: skip


def stacks(tensors: dict[str, np.ndarray], qkv: str = "qkv_proj") -> dict[str, np.ndarray]:
    """MLC's parameters: q, k, v and gate, up stacked along rows."""
    result = {}
    for name, value in tensors.items():
        if ".k_proj." in name or ".v_proj." in name or ".up_proj." in name:
            continue
        if ".q_proj." in name:
            parts = [tensors[name.replace(".q_proj.", f".{part}_proj.")] for part in "qkv"]
            result[name.replace(".q_proj.", f".{qkv}.")] = np.concatenate(parts)
        elif ".gate_proj." in name:
            up = tensors[name.replace(".gate_proj.", ".up_proj.")]
            result[name.replace(".gate_proj.", ".gate_up_proj.")] = np.concatenate([value, up])
        else:
            result[name] = value
    return result


def quantized(values: np.ndarray, scheme: str) -> tuple[np.ndarray, np.ndarray]:
    """(words, scales), row by row and group by group as the format's description says; slow and plain.

    q4: scale = max|w| / 7, q = clamp(round half to even(w / scale + 7), 0, 14), every step in the scheme's dtype.
    """
    dtype = np.float32 if scheme == "q4f32_1" else np.float16
    bits, size, per_word, zero = (3, 40, 10, 3) if scheme == "q3f16_1" else (4, 32, 8, 7)
    rows, columns = values.shape
    groups = -(-columns // size)
    padded = np.zeros((rows, groups * size), dtype)
    padded[:, :columns] = values.astype(dtype)
    words = np.zeros((rows, groups * size // per_word), np.uint32)
    scales = np.zeros((rows, groups), dtype)
    for row in range(rows):
        for group in range(groups):
            w = padded[row, group * size : (group + 1) * size]
            scale = dtype(np.abs(w).max()) / dtype(zero)
            scales[row, group] = scale
            for i in range(size):
                if scale == 0 or group * size + i >= columns:
                    continue
                q = int(np.clip(np.rint(w[i] / scale + dtype(zero)), 0, 2 * zero))
                column = group * size + i
                words[row, column // per_word] |= np.uint32(q << bits * (column % per_word))
    return words, scales


def records(parameters: dict[str, np.ndarray], quantization: str) -> dict[str, np.ndarray]:
    """What the folder holds by name; vectors and q0 weights in the float dtype."""
    dtype = np.float32 if "f32" in quantization else np.float16
    result: dict[str, np.ndarray] = {}
    for name, value in parameters.items():
        if value.ndim == 1 or quantization.startswith("q0"):
            result[name] = value.astype(dtype)
            continue
        words, scales = quantized(value, quantization)
        transposed = quantization == "q4f16_0" and "embed_tokens" not in name
        base = name.removesuffix(".weight")
        result[f"{base}.q_weight"] = words.T if transposed else words
        result[f"{base}.q_scale"] = scales.T if transposed else scales
    return result


def write(
    folder: Path,
    config: dict[str, Any],
    arrays: dict[str, np.ndarray],
    index: str = "tensor-cache.json",
    shards: int = 2,
) -> Path:
    """mlc-chat-config.json, the index and its shards; float32 lies as bfloat16, as mlc-llm writes it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "mlc-chat-config.json").write_text(json.dumps(config))
    names = list(arrays)
    described = []
    for shard in range(shards):
        data, entries = b"", []
        for name in names[shard::shards]:
            array = np.ascontiguousarray(arrays[name])
            stored = array.astype(ml_dtypes.bfloat16) if array.dtype == np.float32 else array
            octets = stored.tobytes()
            entries.append(
                {
                    "name": name, "shape": list(array.shape), "dtype": array.dtype.name, "format": "f32-to-bf16",
                    "nbytes": len(octets), "byteOffset": len(data),
                }
            )  # fmt: skip
            data += octets
        path = f"params_shard_{shard}.bin"
        (folder / path).write_bytes(data)
        described.append(
            {
                "dataPath": path, "format": "raw-shard", "nbytes": len(data), "md5sum": hashlib.md5(data).hexdigest(),
                "records": entries,
            }
        )  # fmt: skip
    (folder / index).write_text(json.dumps({"metadata": {"ParamSize": len(names)}, "records": described}))
    return folder
