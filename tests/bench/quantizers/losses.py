"""What a model makes of a text: transformers in float32 with the weights of a file or a package, token by token."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
from nomoat_compiler.checkpoint.gguf_architectures import ARCHITECTURES
from nomoat_compiler.checkpoint.gguf_tensors import huggingface_name
from nomoat_compiler.checkpoint.open import open_checkpoint
from nomoat_compiler.quantize.sources import float_values
from transformers import AutoConfig, AutoModelForCausalLM

SEQUENCE = 512  # tokens
Weights = Mapping[str, np.ndarray]


class GgufWeights(Mapping[str, np.ndarray]):
    """The values of a GGUF file in float32, by Hugging Face name, read when asked for."""

    def __init__(self, path: Path) -> None:
        self._checkpoint = open_checkpoint(path)

    def __getitem__(self, name: str) -> np.ndarray:
        return float_values(self._checkpoint.read(name))

    def __iter__(self) -> Iterator[str]:
        return iter(self._checkpoint.names())

    def __len__(self) -> int:
        return len(self._checkpoint.names())


@dataclass(frozen=True)
class Figures:
    """Of each position but the last of a sequence: the loss in nats, and KL of the float model's prediction to this."""

    losses: np.ndarray
    divergences: np.ndarray


class Judge:
    """A model's architecture with the predictions of its float weights on fixed sequences."""

    def __init__(self, checkpoint: Path, sequences: Sequence[Sequence[int]], cache: Path) -> None:
        with closing(open_checkpoint(checkpoint)) as opened:
            config = dict(opened.config)
        config = AutoConfig.for_model(**config, attn_implementation="eager")
        self._model = AutoModelForCausalLM.from_config(config, dtype=torch.float32).eval()
        self._sequences = sequences
        self._cache = cache
        self._reference = GgufWeights(checkpoint)

    def reference(self) -> Figures:
        """Of the float weights; their predictions are kept on disk."""
        losses = []
        self._load(self._reference)
        for number, ids in enumerate(self._sequences):
            predicted = self._log_probabilities(ids)
            np.save(self._cache / f"{number}.npy", predicted.numpy())
            losses.append(_losses(predicted, ids))
        joined = np.concatenate(losses)
        return Figures(joined, np.zeros_like(joined))

    def judge(self, weights: Weights) -> Figures:
        """Of other weights of the same model; ``reference`` ran before."""
        self._load(weights)
        losses, divergences = [], []
        for number, ids in enumerate(self._sequences):
            predicted = self._log_probabilities(ids)
            expected = torch.from_numpy(np.load(self._cache / f"{number}.npy", mmap_mode="c"))
            losses.append(_losses(predicted, ids))
            kl = (expected.exp() * (expected - predicted)).sum(dim=-1)[:-1]
            divergences.append(kl.double().numpy())
        return Figures(np.concatenate(losses), np.concatenate(divergences))

    def mean_squares(self, sequences: Sequence[Sequence[int]]) -> dict[str, np.ndarray]:
        """What llama-imatrix measures: of each matrix of a layer, by GGUF name, the mean square of every input."""
        architecture = ARCHITECTURES[self._model.config.model_type]
        self._load(self._reference)
        sums: dict[str, np.ndarray] = {}
        hooks = []

        def counting(name: str) -> Callable[..., None]:
            def hook(_module: Any, inputs: tuple[torch.Tensor, ...]) -> None:
                squares = inputs[0].flatten(0, -2).double().square().sum(dim=0).numpy()
                sums[name] = sums.get(name, 0) + squares

            return hook

        names = {
            huggingface_name(name, architecture): name for name in gguf_names(self._model.config.num_hidden_layers)
        }
        for module_name, module in self._model.named_modules():
            if name := names.get(f"{module_name}.weight"):
                hooks.append(module.register_forward_pre_hook(counting(name)))
        for ids in sequences:
            self._log_probabilities(ids)
        for hook in hooks:
            hook.remove()
        count = sum(map(len, sequences))
        return {name: (squares / count).astype(np.float32) for name, squares in sums.items()}

    def _load(self, weights: Weights) -> None:
        state = {name: torch.from_numpy(np.ascontiguousarray(weights[name], np.float32)) for name in weights}
        self._model.load_state_dict(state, strict=True, assign=True)

    @torch.inference_mode()
    def _log_probabilities(self, ids: Sequence[int]) -> torch.Tensor:
        """(T, vocab_size) float32."""
        return self._model(torch.tensor([list(ids)])).logits[0].float().log_softmax(dim=-1)


def _losses(predicted: torch.Tensor, ids: Sequence[int]) -> np.ndarray:
    targets = torch.tensor(list(ids[1:]))
    return -predicted[torch.arange(len(targets)), targets].double().numpy()


def gguf_names(layers: int) -> list[str]:
    parts = ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down")
    return [f"blk.{layer}.{part}.weight" for layer in range(layers) for part in parts]
