"""``quantization_config`` of config.json: 8-bit floats with scales are read, every other packing is refused by name.

Sources: transformers' quantizers (finegrained_fp8, fbgemm_fp8); the configurations of compressed-tensors and modelopt.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import NomoatError

Block = tuple[int, int]
MAX_BLOCK = 1 << 20


def fp8_block(config: Mapping[str, Any]) -> Block | None:
    """(rows, columns) that share one scale, None where scales are for a tensor or for its rows.

    ``unsupported`` for a method that packs weights otherwise, before any weight is read.
    """
    quantization = config.get("quantization_config")
    if not quantization:
        return None
    if not isinstance(quantization, dict):
        raise _unsupported(str(quantization))
    method = quantization.get("quant_method")
    if method == "fp8":
        return _block(quantization.get("weight_block_size"), "weight_block_size")
    if method == "fbgemm_fp8":
        return None
    if method == "compressed-tensors":
        return _compressed_tensors_block(quantization)
    if method == "modelopt" and quantization.get("quant_algo") == "FP8":
        return None
    name = str(method if method is not None else "no quant_method")
    details = [
        str(quantization[key]) for key in ("quant_algo", "format", "bits", "checkpoint_format") if quantization.get(key)
    ]
    raise _unsupported(" ".join([name, *details]))


def _compressed_tensors_block(quantization: Mapping[str, Any]) -> Block | None:
    """All groups must hold 8-bit floats; a block size must be the same in all."""
    groups = quantization.get("config_groups")
    weights = [
        group.get("weights")
        for group in (groups.values() if isinstance(groups, dict) else [])
        if isinstance(group, dict)
    ]
    if quantization.get("format") not in ("float-quantized", "naive-quantized", None) or not weights:
        raise _unsupported(f"compressed-tensors {quantization.get('format')}")
    blocks: set[Block | None] = set()
    for spec in weights:
        if not isinstance(spec, dict) or (spec.get("type"), spec.get("num_bits")) != ("float", 8):
            raise _unsupported(f"compressed-tensors {quantization.get('format')}")
        is_block = spec.get("strategy") == "block"
        blocks.add(_block(spec.get("block_structure"), "block_structure") if is_block else None)
    if len(blocks) > 1:
        raise _unsupported("compressed-tensors with several block sizes")
    return blocks.pop()


def _block(value: object, field: str) -> Block | None:
    if value is None:
        return None
    if (
        isinstance(value, list)
        and len(value) == 2
        and all(isinstance(v, int) and not isinstance(v, bool) and 1 <= v <= MAX_BLOCK for v in value)
    ):
        return value[0], value[1]
    raise NomoatError(
        "invalid_checkpoint",
        f"config.json: {field} of quantization_config is {str(value)[:60]}; two positive integers are needed.",
        field=field,
    )


def _unsupported(method: str) -> NomoatError:
    return NomoatError(
        "unsupported",
        f"The checkpoint is quantized already ({method[:60]}), in a way that cannot be read; 8-bit floats with scales "
        "(fp8, compressed-tensors, fbgemm_fp8) can. Compile from the unquantized checkpoint, or from a GGUF file.",
        method=method[:60],
    )
