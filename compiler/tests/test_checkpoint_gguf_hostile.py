"""Truncated, lying and foreign GGUF files fail quickly with a typed error. Needs no network."""

from __future__ import annotations

import os
import random
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from nomoat_compiler.assembly import tensor_specs
from nomoat_compiler.checkpoint.gguf_file import GgufCheckpoint
from nomoat_compiler.errors import NomoatError
from nomoat_compiler.models.registry import read_model
from nomoat_compiler.quantize.sources import check_sources
from tiny_checkpoints import config, tokenizer_metadata, weights, write_gguf

HEADER = "<4sIQQ"  # magic, version, tensor_count, kv_count


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("gguf") / "m.gguf"
    write_gguf(path, config(), weights(config()), "Q4_1")
    return path.read_bytes()


def open_bytes(tmp_path: Path, data: bytes) -> GgufCheckpoint:
    path = tmp_path / "m.gguf"
    path.write_bytes(data)
    return GgufCheckpoint(path)


def code_of(tmp_path: Path, data: bytes) -> str:
    handles = len(os.listdir("/proc/self/fd"))
    with pytest.raises(NomoatError) as caught:
        open_bytes(tmp_path, data)
    assert len(os.listdir("/proc/self/fd")) == handles
    return caught.value.code


def string(text: str) -> bytes:
    return struct.pack("<Q", len(text.encode())) + text.encode()


def file_with(pairs: list[bytes] = [], tensors: list[bytes] = [], tail: bytes = b"") -> bytes:  # noqa: B006
    return struct.pack(HEADER, b"GGUF", 3, len(tensors), len(pairs)) + b"".join(pairs) + b"".join(tensors) + tail


def tensor(name: str, dimensions: list[int], kind: int = 0, offset: int = 0) -> bytes:
    return string(name) + struct.pack(f"<I{len(dimensions)}QIQ", len(dimensions), *dimensions, kind, offset)


LLAMA = string("general.architecture") + struct.pack("<I", 8) + string("llama")
CASES: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "empty": (lambda good: b"", "invalid_checkpoint"),
    "another magic": (lambda good: b"GGML" + good[4:], "invalid_checkpoint"),
    "version 1": (lambda good: good[:4] + struct.pack("<I", 1) + good[8:], "unsupported"),
    "version 99": (lambda good: good[:4] + struct.pack("<I", 99) + good[8:], "unsupported"),
    "big-endian": (lambda good: good[:4] + struct.pack(">I", 3) + good[8:], "unsupported"),
    "2**63 tensors": (lambda good: good[:8] + struct.pack("<Q", 1 << 63) + good[16:], "invalid_checkpoint"),
    "2**64-1 pairs": (lambda good: good[:16] + struct.pack("<Q", (1 << 64) - 1) + good[24:], "invalid_checkpoint"),
    "65536 tensors in no bytes": (lambda good: struct.pack(HEADER, b"GGUF", 3, 65536, 0), "invalid_checkpoint"),
    "a key of 2**60 bytes": (lambda good: file_with([struct.pack("<Q", 1 << 60)]), "invalid_checkpoint"),
    "a string of 2**63 bytes": (
        lambda good: file_with([string("k") + struct.pack("<IQ", 8, 1 << 63)]), "invalid_checkpoint",
    ),
    "an array of 2**40 bytes": (
        lambda good: file_with([string("k") + struct.pack("<IIQ", 9, 0, 1 << 40)]), "invalid_checkpoint",
    ),
    "an array of 2**40 strings": (
        lambda good: file_with([string("k") + struct.pack("<IIQ", 9, 8, 1 << 40)]), "invalid_checkpoint",
    ),
    "arrays in arrays": (
        lambda good: file_with([string("k") + struct.pack("<I", 9) + struct.pack("<IQ", 9, 1) * 1000]),
        "invalid_checkpoint",
    ),
    "value type 99": (lambda good: file_with([string("k") + struct.pack("<I", 99)]), "invalid_checkpoint"),
    "a key twice": (lambda good: file_with([LLAMA, LLAMA]), "invalid_checkpoint"),
    "a key that is not UTF-8": (
        lambda good: file_with([struct.pack("<Q", 1) + b"\xff" + struct.pack("<IB", 0, 0)]), "invalid_checkpoint",
    ),
    "no architecture": (lambda good: file_with(), "unknown_architecture"),
    "a tensor twice": (
        lambda good: file_with([LLAMA], [tensor("output.weight", [1])] * 2, bytes(99)), "invalid_checkpoint",
    ),
    "no dimensions": (lambda good: file_with([LLAMA], [tensor("output.weight", [])]), "invalid_checkpoint"),
    "2**31 dimensions": (
        lambda good: file_with([LLAMA], [string("output.weight") + struct.pack("<I", 1 << 31)]), "invalid_checkpoint",
    ),
    "a dimension of 0": (lambda good: file_with([LLAMA], [tensor("output.weight", [0, 4])]), "invalid_checkpoint"),
    "a dimension of -1": (
        lambda good: file_with([LLAMA], [tensor("output.weight", [(1 << 64) - 1, 4])]), "invalid_checkpoint",
    ),
    "2**62 values": (
        lambda good: file_with([LLAMA], [tensor("output.weight", [1 << 31, 1 << 31])]), "invalid_checkpoint",
    ),
    "an offset past the end": (
        lambda good: file_with([LLAMA], [tensor("output.weight", [4], offset=1 << 40)], bytes(99)),
        "invalid_checkpoint",
    ),
    "an offset of -32": (
        lambda good: file_with([LLAMA], [tensor("output.weight", [4], offset=(1 << 64) - 32)], bytes(99)),
        "invalid_checkpoint",
    ),
    "half a block": (
        lambda good: file_with([LLAMA], [tensor("output.weight", [16], 3)], bytes(99)), "invalid_checkpoint",
    ),
    "tensor type 99": (
        lambda good: file_with([LLAMA], [tensor("output.weight", [4], 99)], bytes(99)), "invalid_checkpoint",
    ),
    "alignment 3": (
        lambda good: file_with([LLAMA, string("general.alignment") + struct.pack("<II", 4, 3)]), "invalid_checkpoint",
    ),
    "alignment 0": (
        lambda good: file_with([LLAMA, string("general.alignment") + struct.pack("<II", 4, 0)]), "invalid_checkpoint",
    ),
    "alignment as text": (
        lambda good: file_with([LLAMA, string("general.alignment") + struct.pack("<I", 8) + string("32")]),
        "invalid_checkpoint",
    ),
    "no tensors": (lambda good: file_with([LLAMA]), "invalid_checkpoint"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_lying_files(tmp_path: Path, good: bytes, case: str) -> None:
    make, code = CASES[case]
    assert code_of(tmp_path, make(good)) == code


def test_every_truncation_fails(tmp_path: Path, good: bytes) -> None:
    for length in [*range(0, 3000, 37), *range(3000, len(good) - 1, 997), len(good) - 40]:
        assert code_of(tmp_path, good[:length]) in ("invalid_checkpoint", "unknown_architecture"), length


def test_damaged_headers_never_escape_as_another_error(tmp_path: Path, good: bytes) -> None:
    """Seeded: 600 files with a few header bytes overwritten either open or fail with a NomoatError."""
    rng = random.Random(7)
    checkpoint = open_bytes(tmp_path, good)
    header_bytes = min(tensor.offset for tensor in checkpoint._parts.tensors.values())
    checkpoint.close()
    opened = 0
    for _ in range(600):
        data = bytearray(good)
        for _ in range(rng.choice((1, 1, 2, 8))):
            data[rng.randrange(header_bytes)] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))
        try:
            checkpoint = open_bytes(tmp_path, bytes(data))
            try:
                check_sources(tensor_specs(read_model(checkpoint.config)), checkpoint)
                checkpoint.tokenizer_files()
                for name in checkpoint.names():
                    checkpoint.read(name)
                opened += 1
            finally:
                checkpoint.close()
        except NomoatError:
            pass
    assert 50 < opened < 550  # Damage to a token or to the license is no reason to fail.


@pytest.mark.parametrize("architecture", ["falcon", "qwen2moe", "mamba", "x" * 5000])
def test_other_architectures(tmp_path: Path, architecture: str) -> None:
    write_gguf(tmp_path / "m.gguf", config(), weights(config()), architecture=architecture)
    with pytest.raises(NomoatError) as caught:
        GgufCheckpoint(tmp_path / "m.gguf")
    assert caught.value.code == "unknown_architecture"
    assert len(caught.value.detail["architecture"]) <= 100


def test_unsupported_block_types_name_tensor_and_type(tmp_path: Path) -> None:
    data = file_with([LLAMA], [tensor("blk.3.ffn_down.weight", [256, 2], 16)], bytes(512))
    with pytest.raises(NomoatError) as caught:
        open_bytes(tmp_path, data)
    assert caught.value.code == "unsupported"
    assert caught.value.detail == {"tensor": "blk.3.ffn_down.weight", "type": "IQ2_XXS"}


@pytest.mark.parametrize(
    ("metadata", "code"),
    [
        ({"llama.embedding_length": None}, "invalid_checkpoint"),
        ({"llama.block_count": 0}, "invalid_checkpoint"),
        ({"llama.attention.head_count": "four"}, "invalid_checkpoint"),
        ({"llama.attention.head_count_kv": [2, 1]}, "unsupported"),
        ({"llama.attention.layer_norm_rms_epsilon": -1.0}, "invalid_checkpoint"),
        ({"llama.rope.dimension_count": 8}, "unsupported"),
        ({"llama.attention.value_length": 8}, "unsupported"),
        ({"llama.expert_count": 8}, "unknown_architecture"),
        ({"split.count": 3}, "invalid_checkpoint"),
    ],
)
def test_metadata_that_cannot_be_a_llama(tmp_path: Path, metadata: dict[str, object], code: str) -> None:
    write_gguf(tmp_path / "m.gguf", config(), weights(config()), metadata=metadata)
    with pytest.raises(NomoatError) as caught:
        GgufCheckpoint(tmp_path / "m.gguf")
    assert caught.value.code == code


def test_more_tokens_than_embeddings(tmp_path: Path) -> None:
    model = config(vocab_size=300)
    write_gguf(tmp_path / "m.gguf", model, weights(model), metadata=tokenizer_metadata(320))
    with pytest.raises(NomoatError, match="320") as caught:
        GgufCheckpoint(tmp_path / "m.gguf").tokenizer_files()
    assert caught.value.code == "invalid_checkpoint"


def test_tensors_that_llama_does_not_have(tmp_path: Path) -> None:
    extra = {"blk.0.attn_q_norm.weight": np.ones(16, np.float32)}
    write_gguf(tmp_path / "m.gguf", config(), weights(config()), extra_tensors=extra)
    with pytest.raises(NomoatError, match="attn_q_norm") as caught:
        GgufCheckpoint(tmp_path / "m.gguf")
    assert caught.value.code == "unsupported"
