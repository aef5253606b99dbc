"""Our q4 of floats against llama.cpp's Q4_K_M and Q4_0 and MLC's q4f16_1: perplexity and KL at equal or fewer bytes.

    python -m tests.bench.quantizers [--models smollm2,qwen] [--tokens 2560] [--output FOLDER]

The float models are real ones turned in their hidden space (float_model.py says why and how). Each quantizer gets the
same float16 GGUF file: ours through `compile_model`, llama.cpp's through its library, MLC's through our bit-exact copy.
Every result is dequantized and judged by transformers in float32 on this project's own prose (docs/decisions), which no
model was trained on; importance matrices are of other prose. Needs pip for the models, npm for llama.cpp, 6 GB of disk
and of memory, and some minutes; what peers made is kept in .cache/bench/quantizers. Writes quantizers.json, .md and a
picture. The exit code is 1 where we lose more than a peer by over two standard errors, or have more bytes.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
from nomoat.demo.sample_model import find_gguf
from nomoat_compiler.checkpoint.open import open_checkpoint
from nomoat_compiler.pipeline import compile_model
from tokenizers import Tokenizer

from tests.bench.machine import text_of
from tests.bench.quantizers import llama_cpp
from tests.bench.quantizers.float_model import write_turned
from tests.bench.quantizers.imatrix import write_imatrix
from tests.bench.quantizers.losses import SEQUENCE, Figures, GgufWeights, Judge
from tests.bench.quantizers.report import markdown
from tests.bench.side_by_side import install
from tests.bench.side_by_side.install import VENV_PYTHON, install_venv, run
from tests.fixtures.packages import ROOT, PackageTensors
from tests.fixtures.real_models import QWEN, fetched

CACHE = ROOT / ".cache" / "bench" / "quantizers"
CALIBRATION_TOKENS = 2048


@dataclass(frozen=True)
class FloatModel:
    name: str
    label: str
    source: Callable[[], Path]


MODELS = {
    "smollm2": FloatModel("smollm2", "SmolLM2-135M-Instruct", find_gguf),
    "qwen": FloatModel("qwen", "Qwen2.5-Coder-0.5B-Instruct", lambda: fetched(QWEN)),
}


@dataclass(frozen=True)
class Result:
    """``nbytes``: of the matrices alone; norms and biases are floats with everyone."""

    nbytes: int
    figures: Figures


def main() -> int:
    options = arguments()
    torch.set_num_threads(options.threads)
    report: dict[str, Any] = {"commit": text_of(["git", "rev-parse", "--short", "HEAD"]), "models": {}}
    options.output.mkdir(parents=True, exist_ok=True)
    path = options.output / "quantizers.json"
    if path.exists():  # Of models that are not measured this time.
        report["models"] = json.loads(path.read_text())["models"]
    for name in options.models.split(","):
        report["models"][name] = measured(MODELS[name], options.tokens, PEERS[:3] if options.no_imatrix else PEERS)
    path.write_text(json.dumps(report, indent=1) + "\n")
    (options.output / "quantizers.md").write_text(markdown(report))
    if not options.no_picture:
        install_venv(say)
        run(
            [str(VENV_PYTHON), str(install.PEERS / "plot_quantizers.py"), str(path), str(options.output / "quantizers")]
        )
    print(markdown(report), end="")
    return 0 if all(pair["passed"] for model in report["models"].values() for pair in model["pairs"]) else 1


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.quantizers")
    parser.add_argument("--models", default=",".join(MODELS))
    parser.add_argument("--tokens", type=int, default=2560)
    parser.add_argument("--threads", type=int, default=1, help="of torch")
    parser.add_argument("--no-imatrix", action="store_true", help="without importance matrices")
    parser.add_argument("--no-picture", action="store_true", help="without matplotlib, which is installed for it")
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "benchmarks")
    return parser.parse_args()


def measured(model: FloatModel, tokens: int, peers: Sequence[tuple[str, bool]]) -> dict[str, Any]:
    folder = CACHE / model.name
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint = folder / "float.gguf"
    once(checkpoint, lambda target: write_turned(model.source(), target))
    judge = Judge(checkpoint, text(checkpoint, "docs/decisions/*.md", tokens), folder)
    say(f"{model.label}: floats")
    reference = judge.reference()
    imatrix = folder / "imatrix.gguf"
    if any(weighed for _, weighed in peers):
        calibration = text(checkpoint, "*.md", CALIBRATION_TOKENS)
        once(imatrix, lambda target: write_imatrix(target, judge.mean_squares(calibration), CALIBRATION_TOKENS))
    results: dict[str, Result] = {}
    pairs = []
    for peer, weighed in peers:
        label = peer + (" with imatrix" if weighed else "")
        say(f"{model.label}: {label}")
        results[label] = of_peer(judge, checkpoint, peer, imatrix if weighed else None)
        bits = None if peer == "llama.cpp Q4_K_M" else 8 * results[label].nbytes / values_of(checkpoint)
        ours = f"q4{'' if bits is None else f', {bits:.2f} bits'}{' with imatrix' if weighed else ''}"
        if ours not in results:
            say(f"{model.label}: {ours}")
            results[ours] = of_ours(judge, checkpoint, bits, imatrix if weighed else None)
        pairs.append(pair(label, results[label], ours, results[ours]))
    values = values_of(checkpoint)
    return {
        "label": model.label,
        "tokens": tokens,
        "values": values,
        "reference_perplexity": round(float(np.exp(reference.losses.mean())), 3),
        "rows": {label: row(result, reference, values) for label, result in results.items()},
        "pairs": pairs,
    }


# (quantizer, whether it gets the importance matrix)
PEERS = (
    ("llama.cpp Q4_K_M", False),
    ("llama.cpp Q4_0", False),
    ("MLC q4f16_1", False),
    ("llama.cpp Q4_K_M", True),
    ("llama.cpp Q4_0", True),
)


def of_peer(judge: Judge, checkpoint: Path, peer: str, imatrix: Path | None) -> Result:
    if peer.startswith("MLC"):
        return of_package(judge, checkpoint, quantization="q4f16_1")
    file_type = peer.rsplit(" ", 1)[1]
    target = checkpoint.with_name(f"{file_type}{'-imatrix' if imatrix else ''}.gguf")
    libraries = llama_cpp.fetch_library(CACHE / "llama.cpp")
    means = None if imatrix is None else read_means(imatrix)
    once(target, lambda temporary: llama_cpp.quantize(libraries, checkpoint, temporary, file_type, means))
    tensors = gguf.GGUFReader(target).tensors
    return Result(sum(int(t.n_bytes) for t in tensors if len(t.shape) == 2), judge.judge(GgufWeights(target)))


def of_ours(judge: Judge, checkpoint: Path, bits: float | None, imatrix: Path | None) -> Result:
    return of_package(judge, checkpoint, quantization="q4", bits_per_weight=bits, imatrix=imatrix)


def of_package(judge: Judge, checkpoint: Path, **how: Any) -> Result:
    with tempfile.TemporaryDirectory(dir=checkpoint.parent) as folder:
        compile_model(checkpoint, Path(folder) / "package", **how)
        package = PackageTensors(Path(folder) / "package")
        matrices = (t for t in package.instance.tensors if len(t["shape"]) == 2)
        names = {name for tensor in matrices for name in tensor["parameters"].values()}
        stored = (parameter for parameter in package.instance.parameters if parameter["name"] in names)
        return Result(sum(parameter["nbytes"] for parameter in stored), judge.judge(package))


def pair(peer: str, theirs: Result, label: str, ours: Result) -> dict[str, Any]:
    """Ours minus theirs, position by position: what both find hard cancels out."""
    more_loss = ours.figures.losses - theirs.figures.losses
    more_kl = ours.figures.divergences - theirs.figures.divergences
    difference, error = more_perplexity(more_loss)
    return {
        "peer": peer,
        "ours": label,
        "bytes": round(ours.nbytes / theirs.nbytes, 4),
        "perplexity": difference,
        "perplexity_error": error,
        "kl": round(float(ours.figures.divergences.mean() / theirs.figures.divergences.mean()), 4),
        "kl_difference": mean_and_error(more_kl),
        "passed": ours.nbytes <= theirs.nbytes and difference <= 2 * error,
    }


def row(result: Result, reference: Figures, values: int) -> dict[str, Any]:
    difference, error = more_perplexity(result.figures.losses - reference.losses)
    kl, kl_error = mean_and_error(result.figures.divergences)
    return {
        "bytes": result.nbytes,
        "bits": round(8 * result.nbytes / values, 3),
        "perplexity": round(float(np.exp(result.figures.losses.mean())), 3),
        "more_perplexity": difference,
        "more_perplexity_error": error,
        "kl": kl,
        "kl_error": kl_error,
    }


def more_perplexity(more_loss: np.ndarray) -> tuple[float, float]:
    """As a share, with its standard error."""
    mean, error = mean_and_error(more_loss)
    return round(float(np.expm1(mean)), 6), round(float(np.exp(mean) * error), 6)


def mean_and_error(values: np.ndarray) -> tuple[float, float]:
    """The mean and its standard error, over positions as if they were independent."""
    return round(float(values.mean()), 6), round(float(values.std() / np.sqrt(len(values))), 6)


def text(checkpoint: Path, files: str, tokens: int) -> Sequence[list[int]]:
    """The first ``tokens`` tokens of this project's prose."""
    with closing(open_checkpoint(checkpoint)) as opened:
        tokenizer = Tokenizer.from_str(opened.tokenizer_files()["tokenizer.json"].decode())
    prose = "\n".join(path.read_text() for path in sorted(ROOT.glob(files)))
    ids = tokenizer.encode(prose, add_special_tokens=False).ids[:tokens]
    if len(ids) < tokens:
        sys.exit(f"{files} has {len(ids)} tokens, fewer than {tokens}")
    return [ids[start : start + SEQUENCE] for start in range(0, tokens, SEQUENCE)]


def values_of(checkpoint: Path) -> int:
    return sum(int(t.n_elements) for t in gguf.GGUFReader(checkpoint).tensors if len(t.shape) == 2)


def read_means(imatrix: Path) -> dict[str, np.ndarray]:
    stored = {tensor.name: tensor.data for tensor in gguf.GGUFReader(imatrix).tensors}
    sums = {name.removesuffix(".in_sum2"): data for name, data in stored.items() if name.endswith(".in_sum2")}
    return {name: data.reshape(-1) / stored[f"{name}.counts"].reshape(-1) for name, data in sums.items()}


def once(target: Path, make: Callable[[Path], object]) -> None:
    """``target`` from an earlier run, or made now; it appears whole."""
    if not target.exists():
        temporary = target.with_name(f"making-{target.name}")
        make(temporary)
        os.replace(temporary, target)


def say(text: str) -> None:
    print(f"{text} ...", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
