"""Whether an encoder's embeddings in the browser are those of its reference, and by which limits.

Figures are of directions (cosine), which is what embeddings are compared by, and of the largest difference of a value,
in lengths of the reference's vector.

WebGPU computes in float32 and differs in the order of sums only. wasm keeps keys and values of encoders in float16,
whose rounding of 2^-12 turns MiniLM's vectors by 2e-4: cosines of 1 - 4e-8. Before weights of 8 bits and less it rounds
the input of a matmul to 8 bits, too: 0.9994.
The limits for the checkpoint's weights tell a broken scheme from a coarse one: with q4 MiniLM shows 0.97.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from nomoat_compiler.interpreter.interpreter import Interpreter
from nomoat_compiler.models.model import Model
from nomoat_compiler.program.package import Package

from nomoat.browser import Embedded
from nomoat.verification.references import Verified, compute_references
from nomoat.verification.tolerances import INTEGER_SCHEMES
from nomoat.verification.transformers_oracle import transformers_embeddings
from nomoat.verification.weights import Tensors

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
class EncoderVerification(Verified):
    texts: int
    execution: EmbeddingComparison
    quantization: EmbeddingComparison

    @property
    def execution_min_cosine(self) -> float:
        if self.device.device != "wasm":
            return 1 - 1e-6
        return 0.995 if self.quantization_name in INTEGER_SCHEMES else 1 - 1e-5

    @property
    def quantization_min_cosine(self) -> float:
        return min(self.execution_min_cosine, COARSE_SCHEMES.get(self.quantization_name, 0.9999))

    @property
    def limits(self) -> dict[str, Any]:
        return {
            "execution": {"min_cosine": self.execution_min_cosine},
            "quantization": {"min_cosine": self.quantization_min_cosine},
        }

    @property
    def failures(self) -> list[str]:
        return [
            *self.execution.misses("the package's own weights", self.execution_min_cosine),
            *self.quantization.misses("the checkpoint", self.quantization_min_cosine),
        ]


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
    tensors: Tensors,
    on_status: Callable[[str], None],
) -> EncoderVerification:
    """``token_ids``: those of each text by the package's tokenizer, at most its context_length. ``tensors``: the
    checkpoint's."""

    def reference(weights: Tensors) -> Rows:
        encoder = Interpreter(package.instance, weights, np.float32)
        return np.stack([encoder.encode(ids) for ids in token_ids]).astype(np.float32)

    references = compute_references(
        package, tensors, reference,
        lambda: transformers_embeddings(
            checkpoint_path, package.manifest["parameter_count"], texts,
            pools_mean=described.config["pools_mean"], normalizes=described.config["normalizes"],
        ),
        on_status,
    )  # fmt: skip
    return EncoderVerification(
        id=package.manifest["id"],
        quantization_name=package.manifest["quantization"],
        device=embedded.device,
        texts=len(texts),
        weights_equal_checkpoint=references.weights_equal,
        checkpoint_read_by=references.read_by,
        not_read_by_transformers=references.not_read,
        execution=compare_embeddings(references.own, embedded.embeddings),
        quantization=compare_embeddings(references.theirs, embedded.embeddings),
    )
