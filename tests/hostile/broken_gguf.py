"""Damage to a GGUF file of a Llama in Q4_0, as data: what the compiler and the importer of the runtime must refuse."""

from __future__ import annotations

import struct
from collections.abc import Callable


def patch(offset: int, layout: str, value: int) -> Callable[[bytes], bytes]:
    size = struct.calcsize(layout)
    return lambda data: data[:offset] + struct.pack(layout, value) + data[offset + size :]


def after(marker: bytes, skip: int, layout: str, value: int) -> Callable[[bytes], bytes]:
    """Patches the number that stands ``skip`` bytes behind the first ``marker``."""

    def edit(data: bytes) -> bytes:
        return patch(data.index(marker) + len(marker) + skip, layout, value)(data)

    return edit


# GGUF: magic, version u32, tensor count u64, key count u64, then keys {length u64, text, type u32, value} and tensors
# {length u64, name, dimensions u32, extents u64..., type u32, offset u64}.
GGUF: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "magic": lambda data: b"GGML" + data[4:],
    "version": patch(4, "<I", 99),
    "big_endian_version": patch(4, ">I", 3),
    "tensor_count_huge": patch(8, "<Q", 1 << 60),
    "tensor_count_one_more": lambda data: patch(8, "<Q", struct.unpack("<Q", data[8:16])[0] + 1)(data),
    "key_count_huge": patch(16, "<Q", 1 << 60),
    "key_length_huge": patch(24, "<Q", 1 << 62),
    "value_type_unknown": after(b"general.architecture", 0, "<I", 77),
    "architecture_length": after(b"general.architecture", 4, "<Q", 1 << 62),
    "architecture_other": lambda data: data.replace(b"\x05\0\0\0\0\0\0\0llama", b"\x05\0\0\0\0\0\0\0mamba", 1),
    "tokens_count_huge": after(b"tokenizer.ggml.tokens", 8, "<Q", 1 << 60),
    "tokens_nested_arrays": after(b"tokenizer.ggml.tokens", 4, "<I", 9),
    "block_count_huge": after(b"llama.block_count", 4, "<I", 0xFFFFFFFF),
    "block_count_zero": after(b"llama.block_count", 4, "<I", 0),
    "heads_zero": after(b"llama.attention.head_count", 4, "<I", 0),
    "embedding_length_other": after(b"llama.embedding_length", 4, "<I", 96),
    "pre_tokenizer_unknown": lambda data: data.replace(b"\x05\0\0\0\0\0\0\0gpt-2", b"\x05\0\0\0\0\0\0\0gpt-9", 1),
    "dimensions_many": after(b"token_embd.weight", 0, "<I", 100),
    "extent_huge": after(b"token_embd.weight", 4, "<Q", 1 << 62),
    "extent_zero": after(b"token_embd.weight", 4, "<Q", 0),
    "extent_not_whole_blocks": after(b"token_embd.weight", 4, "<Q", 63),
    "block_type_unknown": after(b"token_embd.weight", 20, "<I", 250),
    "block_type_unsupported": after(b"token_embd.weight", 20, "<I", 16),
    "offset_beyond": after(b"token_embd.weight", 24, "<Q", 1 << 50),
    "offset_not_aligned": after(b"token_embd.weight", 24, "<Q", 7),
    "half": lambda data: data[: len(data) // 2],
    "header_only": lambda data: data[:24],
    "one_byte_short": lambda data: data[:-1] if data[-1:] != b"\0" else data.rstrip(b"\0")[:-1],
}
