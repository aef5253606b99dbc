"""How the weights of each width are multiplied: what differs between the matrices of gemv.py and gemm.py.

2 to 6 bits meet int8 in groups of 32 (activations.py), 8 bits meet integers of 12 bits (fine_activations.py). A token
is ``head_bytes`` and then a block of ``block_bytes(build)`` bytes for each 32 columns.
"""

from __future__ import annotations

from typing import Any, Protocol

from ..cpu.blocks import Format
from ..cpu.emit import Build, Expr, Memory
from .cpu_block_product import BlockProduct
from .cpu_fine_product import FineProduct
from .cpu_quad_product import QuadProduct


class Product(Protocol):
    """Made inside a kernel, of its ``zero`` and the ``pointers`` that it has beside ``x`` and ``w``."""

    pointers: tuple[str, ...]
    streams: int
    """Of gemv.py."""
    head_bytes: int

    @staticmethod
    def block_bytes(build: Build) -> int: ...

    def add(
        self,
        blocks: list[Memory],
        tokens: list[Memory],
        totals: list[list[Expr]],
        headers: list[Memory] | None,
    ) -> list[list[Expr]]:
        """totals[b][t] + block b · x[t], float32x4 over the block's 4 rows, of blocks of weights and of activations.

        ``headers``: what the scales of each block are multiples of, in formats with integer scales.
        """
        ...

    def finish(self, total: Expr, row: Expr, token: Memory) -> Expr:
        """The result, float32x4, of all blocks of group ``row`` of 4 rows. ``token``: the whole token."""
        ...


def product_of(layout: Format) -> Any:
    """The class whose instances are a Product."""
    if layout.bits == 8:
        return FineProduct
    return BlockProduct if layout.plain else QuadProduct
