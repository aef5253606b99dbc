"""The models of the side-by-side benchmark: the GGUF files that every engine gets, and what to ask of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from nomoat.demo.sample_model import find_gguf

from tests.fixtures.packages import compiled
from tests.fixtures.real_models import GEMMA, QWEN, fetched


@dataclass(frozen=True)
class BenchModel:
    """``embedding_is_read``: the embedding is the head too, so that decoding reads the file whole.

    ``quantization`` keeps the file's blocks as they are. ``in_onnx``: the benchmark exports it for transformers.js.
    """

    name: str
    label: str
    gguf: Callable[[], Path]
    quantization: str
    embedding_is_read: bool
    in_onnx: bool = False

    @property
    def page(self) -> str:
        """Name of the report in docs/benchmarks, without a suffix."""
        return "without-a-gpu" if self is SMOLLM2 else f"without-a-gpu-{self.name}"

    def package(self) -> Path:
        """The model as our compiler makes it from the same GGUF file."""
        return compiled(self.gguf(), self.quantization, name=self.name)


SMOLLM2 = BenchModel("smollm2", "SmolLM2-135M-Instruct Q4_1", find_gguf, "q4", embedding_is_read=True, in_onnx=True)
MODELS = {
    model.name: model
    for model in (
        SMOLLM2,
        BenchModel("qwen2.5-coder-0.5b", "Qwen2.5-Coder-0.5B-Instruct Q4_K_M", lambda: fetched(QWEN), "q4", False),
        BenchModel("gemma-3-270m", "Gemma-3-270M Q4_K_M", lambda: fetched(GEMMA), "q4", embedding_is_read=True),
    )
}
