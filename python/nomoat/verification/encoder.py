"""Whether an encoder's embeddings in the browser are those of its reference, and by which limits.

Figures are of directions (cosine), which is what embeddings are compared by, and of the largest difference of a value,
in lengths of the reference's vector.

WebGPU computes in float32 and differs in the order of sums only. wasm keeps keys and values in 8 bits, and before
weights of 8 bits and less it rounds the input of a matmul to 8 bits too: MiniLM shows cosines of 0.99998 and 0.9996.
The limits for the checkpoint's weights tell a broken scheme from a coarse one: with q4 MiniLM shows 0.97.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from nomoat_compiler.interpreter.interpreter import Interpreter
from nomoat_compiler.models.model import Model
from nomoat_compiler.program.package import Package

from nomoat.browser import DeviceInfo, Embedded
from nomoat.verification.tolerances import INTEGER_SCHEMES
from nomoat.verification.transformers_oracle import NotRead, transformers_embeddings
from nomoat.verification.weights import Tensors, equal_weights

Rows = npt.NDArray[np.float32]  # (texts, hidden_size)
COARSE_SCHEMES = {"q8": 0.999, "q4": 0.9, "q4f16_1": 0.9, "q4f32_1": 0.9}


@dataclass(frozen=True)
class EmbeddingComparison:
    min_cosine: float  # of all texts
    max_error: float  # of a value, in lengths of the reference's vector

    def misses(self, against: str, least: float) -> list[str]:
        """Written as `not within`, because NaN fails too."""
        if self.min_cosine >= least:
            return []
        return [f"the least cosine to the embeddings of {against} {self.min_cosine:.6f} is below {least:g}"]


@dataclass(frozen=True)
class EncoderVerification:
    """``execution``: against the package's own weights. ``quantization``: against the checkpoint's.

    ``checkpoint_read_by`` is what computed the latter; ``not_read_by_transformers`` says why it was not transformers.
    """

    id: str
    quantization_name: str
    device: DeviceInfo
    texts: int
    weights_equal_checkpoint: bool
    checkpoint_read_by: str
    not_read_by_transformers: str | None
    execution: EmbeddingComparison
    quantization: EmbeddingComparison

    @property
    def execution_min_cosine(self) -> float:
        if self.device.device != "wasm":
            return 1 - 1e-6
        return 0.995 if self.quantization_name in INTEGER_SCHEMES else 0.9999

    @property
    def quantization_min_cosine(self) -> float:
        return min(self.execution_min_cosine, COARSE_SCHEMES.get(self.quantization_name, 0.9999))

    @property
    def failures(self) -> list[str]:
        """What is out of tolerance, a sentence each."""
        return [
            *self.execution.misses("the package's own weights", self.execution_min_cosine),
            *self.quantization.misses("the checkpoint", self.quantization_min_cosine),
        ]

    @property
    def passed(self) -> bool:
        return not self.failures

    def to_json(self) -> dict[str, Any]:
        device = {"device": self.device.device, "adapter": self.device.adapter, "threads": self.device.threads}
        limits = {
            "execution": {"min_cosine": self.execution_min_cosine},
            "quantization": {"min_cosine": self.quantization_min_cosine},
        }
        return asdict(self) | device | {"failures": self.failures, "tolerances": limits, "passed": self.passed}


def compare_embeddings(reference: Rows, measured: Rows) -> EmbeddingComparison:
    expected, got = reference.astype(np.float64), measured.astype(np.float64)
    lengths = np.linalg.norm(expected, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        cosines = (expected * got).sum(axis=1) / (lengths * np.linalg.norm(got, axis=1))
        errors = np.abs(expected - got).max(axis=1) / lengths
    return EmbeddingComparison(float(cosines.min()), float(errors.max()))


def verify_encoder(
    package: Package,
    described: Model,
    checkpoint_path: str,
    texts: Sequence[str],
    token_ids: Sequence[Sequence[int]],
    embedded: Embedded,
    own: Tensors,
    theirs: Tensors,
    on_status: Callable[[str], None],
) -> EncoderVerification:
    """``token_ids``: those of each text by the package's tokenizer, at most its context_length."""

    def reference(tensors: Tensors) -> Rows:
        encoder = Interpreter(package.instance, tensors, np.float32)
        return np.stack([encoder.encode(ids) for ids in token_ids]).astype(np.float32)

    on_status("Reference on the package's weights")
    own_rows = reference(own)
    on_status("Reference on the checkpoint's weights")
    is_equal = equal_weights(package, own, theirs)
    try:
        read_by, their_rows = transformers_embeddings(
            checkpoint_path, package.manifest["parameter_count"], texts,
            pools_mean=described.config["pools_mean"], normalizes=described.config["normalizes"],
        )  # fmt: skip
        reason = None
    except NotRead as error:
        read_by, reason = "nomoat", str(error)
        their_rows = own_rows if is_equal else reference(theirs)
    return EncoderVerification(
        id=package.manifest["id"],
        quantization_name=package.manifest["quantization"],
        device=embedded.device,
        texts=len(texts),
        weights_equal_checkpoint=is_equal,
        checkpoint_read_by=read_by,
        not_read_by_transformers=reason,
        execution=compare_embeddings(own_rows, embedded.embeddings),
        quantization=compare_embeddings(their_rows, embedded.embeddings),
    )
