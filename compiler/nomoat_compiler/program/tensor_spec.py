"""What a plan tells the quantizer: the model's logical tensors and the checkpoint tensors they come from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

TensorKind = Literal["linear", "embedding", "lm_head", "norm", "bias"]
TENSOR_KINDS: tuple[str, ...] = get_args(TensorKind)


@dataclass(frozen=True)
class Source:
    """``rows`` rows of a logical tensor: those of the checkpoint's tensor ``name``, or what a rule makes of them."""

    name: str
    rows: int
    optional: bool = False  # zeros where the checkpoint has no such tensor
    # ``block`` rows from each ``stride`` rows of the checkpoint's tensor, the first block beginning at row ``first``:
    # how fused projections are taken apart. Block 0: the tensor as it is.
    first: int = 0
    block: int = 0
    stride: int = 0
    columns: int = 0  # of a vector that is stored as (rows // columns, columns); 0: it is stored as a vector
    plus: float = 0.0  # added to every value in float32
    plus_row_of: str = ""  # row 0 of this tensor is added to every row, in float32

    @property
    def stored_rows(self) -> int:
        """Rows that the checkpoint's tensor must have."""
        if self.block:
            return self.rows // self.block * self.stride
        return self.rows // self.columns if self.columns else self.rows

    @property
    def computes(self) -> bool:
        """Whether its values are others than the stored ones."""
        return self.plus != 0 or self.plus_row_of != ""


@dataclass(frozen=True)
class TensorSpec:
    """One logical tensor: its sources, stacked along rows in this order."""

    name: str  # model.layers.0.self_attn.qkv_proj
    kind: TensorKind
    shape: tuple[int, ...]  # (N, K) or (N,)
    sources: tuple[Source, ...]  # model.layers.0.self_attn.q_proj.weight, ...k_proj..., ...v_proj...
