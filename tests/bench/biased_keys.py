"""What the CPU device costs a model whose keys have a bias: Qwen2.5-Coder-0.5B in the browser against transformers.

    python -m tests.bench.biased_keys [--sequences 4]

Both sides have the values of the GGUF file, the reference in float32. The text is this project's decisions, with
teacher forcing, decoded from the first token. Prints a summary as JSON; the exit code is 1 where the browser's
perplexity differs from the reference's by more than 1 %.
"""

from __future__ import annotations

import argparse
import json
import sys

import numpy as np
import torch
from nomoat.browser import open_model
from nomoat.browser.device import Device
from transformers import Qwen2Config, Qwen2ForCausalLM

from tests.bench.quality import MAX_PERPLEXITY_DIFFERENCE, Figures
from tests.fixtures.packages import ROOT, PackageTensors, compiled
from tests.fixtures.real_models import QWEN

SEQUENCE = 128  # tokens, whose logits a browser hands over at once


def main() -> int:
    about = (__doc__ or "").splitlines()[0]
    parser = argparse.ArgumentParser(prog="python -m tests.bench.biased_keys", description=about)
    parser.add_argument("--sequences", type=int, default=4, help=f"of {SEQUENCE} tokens each")
    options = parser.parse_args()
    package = compiled(QWEN.path, None, name="qwen-coder")
    prose = "\n".join(path.read_text() for path in sorted((ROOT / "docs" / "decisions").glob("*.md")))
    figures, reference = Figures(), reference_of(PackageTensors(package))
    with open_model(package, device=Device.WASM) as model:
        ids = model.tokenize(prose)
        for start in range(0, options.sequences * SEQUENCE, SEQUENCE):
            sequence = ids[start : start + SEQUENCE]
            figures.add(logits(reference, sequence), model.logits(sequence), sequence[1:])
    summary = figures.summary()
    print(json.dumps(summary, indent=2))
    return 0 if abs(summary["perplexity_difference"]) <= MAX_PERPLEXITY_DIFFERENCE else 1


def reference_of(tensors: PackageTensors) -> Qwen2ForCausalLM:
    config = {name: value for name, value in tensors.program["model"].items() if name != "architecture"}
    model = Qwen2ForCausalLM(Qwen2Config(**config, attn_implementation="eager"))
    state = {name: torch.from_numpy(np.ascontiguousarray(value, np.float32)) for name, value in tensors.items()}
    model.load_state_dict(state, strict=True)
    return model.eval()


@torch.inference_mode()
def logits(model: Qwen2ForCausalLM, ids: list[int]) -> np.ndarray:
    """(T, vocab_size) float32"""
    return np.asarray(model(torch.tensor([ids])).logits[0].numpy())


if __name__ == "__main__":
    sys.exit(main())
