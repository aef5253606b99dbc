"""Numbers up to 2 in magnitude as integers of 16 bits, which multiply faster than halves: x * FACTOR, rounded.

Halves from 1/8 to 2 stay what they are; what is smaller is off by at most 2^-14. A package with larger ones is refused
(runtime/src/engine/adapter.ts); here they become the largest that there is.
"""

from __future__ import annotations

from typing import Any

from tvm.script.ir_builder import tirx as T

from .emit import HALF_SCALE, bind, function, half_bits, loop, narrow, offset, round_to_int, splat_f32

FACTOR = 2**13
LARGEST = 2 * FACTOR


def fix_halves() -> Any:
    """fix_halves(source, target, count): float16 (count,) -> int16 (count,). count is a multiple of 8. One thread."""

    def body(source: Any, target: Any, count: Any) -> None:
        limit = splat_f32(LARGEST)
        with loop(0, T.truncdiv(count, 8)) as i:
            at = offset(i * 16)
            values = [
                bind(bits * splat_f32(HALF_SCALE)) * splat_f32(FACTOR)
                for bits in half_bits(source.load("int16", at, 8))
            ]
            integers = [bind(round_to_int(T.max(T.min(value, limit), splat_f32(-LARGEST)))) for value in values]
            target.store("int16", at, narrow(*integers), 8)

    return function("fix_halves", ("source", "target"), ("count",), body)
