"""A float model with the quality of a real one, since no package carries any: a GGUF file turned in its hidden space.

What a quantized file holds lies on the very grids of its own formats, so quantizing it again would flatter those. But a
model whose norms only divide by a length computes the same when its hidden space is turned by an orthogonal matrix Q,
as long as everything that reads it (W Q) and writes it (Q^T W) is turned along. The gains of the norms go into the
matrices behind them before, and new ones of the same kind come out after, so every column keeps about its size:

    W' = W diag(g) Q diag(1 / g')        g'^2 = (Q * Q)^T g^2

Q is a few rounds of small rotations in random planes, so that each weight becomes a sum of dozens of others in which
its own still leads: off every grid, but with the outliers and the differing columns that real models have. The table of
embeddings and the head become two, as the last norm's gain stands between them. What comes out is rounded to float16.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import gguf
import numpy as np

ROUNDS, ANGLE = 6, 0.25  # radians
READERS = {
    "attn_q": "attn_norm", "attn_k": "attn_norm", "attn_v": "attn_norm", "ffn_gate": "ffn_norm", "ffn_up": "ffn_norm",
}  # fmt: skip
WRITERS = ("attn_output", "ffn_down")
WRITTEN = (gguf.Keys.General.ARCHITECTURE, gguf.Keys.General.FILE_TYPE)


def write_turned(source: Path, target: Path) -> None:
    """``source``: llama or qwen2 in GGUF. The metadata is copied."""
    reader = gguf.GGUFReader(source)
    architecture = str(reader.get_field(gguf.Keys.General.ARCHITECTURE).contents())
    writer = gguf.GGUFWriter(target, architecture)
    for field in reader.fields.values():
        if field.name.startswith("GGUF.") or field.name in WRITTEN:
            continue
        kind = field.types[0]
        writer.add_key_value(field.name, field.contents(), kind, field.types[-1] if len(field.types) > 1 else None)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    for name, values in turned(reader):
        dtype = np.float16 if values.ndim == 2 else np.float32
        writer.add_tensor(name, np.ascontiguousarray(values, dtype))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def turned(reader: gguf.GGUFReader) -> Iterator[tuple[str, np.ndarray]]:
    """(GGUF name, float32) of every tensor of the turned model."""
    stored = {tensor.name: tensor for tensor in reader.tensors}

    def values(name: str) -> np.ndarray:
        return gguf.quants.dequantize(stored[name].data, stored[name].tensor_type).astype(np.float32)

    embedding = values("token_embd.weight")
    q = rotation(embedding.shape[1])
    yield "token_embd.weight", embedding @ q
    last = values("output_norm.weight")
    head = values("output.weight") if "output.weight" in stored else embedding
    yield "output.weight", (head * last) @ q / new_gains(last, q)
    yield "output_norm.weight", new_gains(last, q)
    for name in stored:
        if not name.startswith("blk."):
            continue
        _, layer, part, kind = name.split(".")
        found = values(name)
        if part in READERS and kind == "weight":
            gains = values(f"blk.{layer}.{READERS[part]}.weight")
            found = (found * gains) @ q / new_gains(gains, q)
        elif part in WRITERS and kind == "weight":
            found = q.T @ found
        elif part in READERS.values():
            found = new_gains(found, q)
        yield name, found


def rotation(size: int) -> np.ndarray:
    """Q, orthogonal float32 (size, size)."""
    rng = np.random.default_rng(0)
    q = np.eye(size)
    for _ in range(ROUNDS):
        order = rng.permutation(size)
        one, other = order[: size // 2], order[size // 2 : size // 2 * 2]
        angle = ANGLE * rng.choice([-1, 1], len(one))
        cosine, sine = np.cos(angle), np.sin(angle)
        q[:, one], q[:, other] = cosine * q[:, one] - sine * q[:, other], sine * q[:, one] + cosine * q[:, other]
    return q.astype(np.float32)


def new_gains(gains: np.ndarray, q: np.ndarray) -> np.ndarray:
    return np.sqrt(gains.astype(np.float32) ** 2 @ (q * q))
