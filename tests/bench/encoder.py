"""Embeddings of all-MiniLM-L6-v2 on wasm, one text and 32 at a time, against transformers.js.

    python -m tests.bench.encoder [--quantization q8] [--rounds 8] [--threads 2] [--json FILE]

q8 is measured against transformers.js's q8 (8 bits, its default on wasm), f32 against its fp32. Both pages are in one
Chromium and take turns with the same texts, which differ from round to round, and the same number of threads. The
vectors that are timed are compared with those of transformers in float32. What transformers.js needs is made below
.cache/bench, as for side_by_side. Exit code 1 where the goal is missed or ours differ.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import shutil
import statistics
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from nomoat.browser import Adapter, find_chromium
from nomoat.browser.local_site import local_site
from nomoat.browser.runner import RunnerPage, headless_browser
from nomoat.server import create_app
from nomoat_compiler.program.package import read_manifest
from transformers import AutoModel, AutoTokenizer

from tests.bench.machine import machine
from tests.bench.side_by_side import install
from tests.bench.side_by_side.site import peer_site
from tests.fixtures.packages import compiled
from tests.fixtures.real_models import MINILM, fetched

GOAL = 2.0  # times the texts per second of transformers.js
BATCHES = (1, 32)
TEXTS = 32  # of a measurement, in batches
DTYPES = {"q8": "q8", "f32": "fp32"}
# Of our vectors with the exact ones. With 8 bits weights are rounded; the peer's activations, too, which is reported.
LEAST_COSINE = {"q8": 0.99, "f32": 0.9999}
NAME = "minilm"
SENTENCES = (
    "The home team scored twice in the last minutes and won the match in front of a full stadium.",
    "Chop the onions and melt the butter.",
    "How do I reset my password when I no longer have access to the address that I signed up with?",
    "The new processor has more cores, but the compiler must learn to keep all of them busy.",
)
OURS = """async (lists) => {
  const at = performance.now();
  const rows = [];
  for (const texts of lists) {
    const { result, error } = await nomoatRunner.embed(texts);
    if (error) throw new Error(error.message);
    rows.push(result.rows);
  }
  return { ms: performance.now() - at, rows };
}"""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.encoder", description=__doc__.splitlines()[0])
    parser.add_argument("--quantization", choices=sorted(DTYPES), default="q8")
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--json", metavar="FILE", type=Path, help="also write the report there")
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error(f"--rounds must be at least 1, not {options.rounds}")
    checkpoint = fetched(MINILM)
    install.install_npm(print)
    install.install_venv(print)
    export(checkpoint)
    package = compiled(checkpoint, options.quantization, name=NAME)
    report = {"machine": machine(), "goal": GOAL, **measure(package, Reference(checkpoint), options)}
    print(json.dumps(report, indent=2))
    if options.json:
        options.json.write_text(json.dumps(report, indent=2) + "\n")
    fast = all(report["batches"][str(batch)]["speedup"] >= GOAL for batch in BATCHES)
    return 0 if fast and report["least_cosine"]["ours"] >= LEAST_COSINE[options.quantization] else 1


class Reference:
    """Vectors of transformers in float32, mean over the tokens and of length 1: (texts, 384)."""

    def __init__(self, checkpoint: Path) -> None:
        self.tokenizer = AutoTokenizer.from_pretrained(checkpoint)
        self.model = AutoModel.from_pretrained(checkpoint).eval()

    def __call__(self, texts: list[str]) -> npt.NDArray[np.float32]:
        inputs = self.tokenizer(texts, padding=True, return_tensors="pt")
        with torch.no_grad():
            hidden = self.model(**inputs).last_hidden_state.numpy()
        mask = inputs["attention_mask"].numpy()[:, :, None]
        mean = (hidden * mask).sum(axis=1) / mask.sum(axis=1)
        normal: npt.NDArray[np.float32] = mean / np.linalg.norm(mean, axis=1, keepdims=True)
        return normal


def export(checkpoint: Path) -> None:
    target = install.ONNX_MODELS / NAME
    script = install.PEERS / "export_encoder.py"
    key = script.read_bytes() + (install.PEERS / "requirements.txt").read_bytes()
    if install.fresh(target / ".stamp", key):
        return
    shutil.rmtree(target, ignore_errors=True)
    install.run([str(install.VENV_PYTHON), str(script), str(checkpoint), str(target)])
    install.stamp(target / ".stamp", key)


def measure(package: Path, exact: Reference, options: argparse.Namespace) -> dict[str, Any]:
    app = create_app([package])
    model_id = read_manifest(package)["id"]
    with (
        local_site(app) as url,
        local_site(peer_site(package, package)) as peers,
        headless_browser(find_chromium(), Adapter.SOFTWARE) as browser,
    ):
        theirs = browser.new_context().new_page()
        theirs.goto(f"{peers}/peers/encoder.html")
        theirs.wait_for_function("() => Boolean(window.bench) && crossOriginIsolated")
        asked = {"base": "/onnx/", "name": NAME, "dtype": DTYPES[options.quantization], "threads": options.threads}
        peer = theirs.evaluate("(options) => bench.load(options)", asked)
        ours = browser.new_context().new_page()
        runner = RunnerPage(ours, lambda _phase, _loaded, _total: None)
        runner.open(f"{url}/runner.html", None)
        loaded = runner.call("load", f"{url}/models/{model_id}/", {"device": "wasm", "threads": options.threads})
        return {"peer": peer, "device": loaded["device"], **rounds(ours, theirs, exact, options.rounds)}


def rounds(ours: Any, theirs: Any, exact: Reference, count: int) -> dict[str, Any]:
    cosines = {"ours": 1.0, "theirs": 1.0}
    batches: dict[str, Any] = {}
    for batch in BATCHES:
        ms: dict[str, list[float]] = {"ours": [], "theirs": []}
        for number in range(count + 1):
            texts = [f"{SENTENCES[i % len(SENTENCES)]} ({number}, {i})" for i in range(TEXTS)]
            lists = [texts[at : at + batch] for at in range(0, TEXTS, batch)]
            expected = exact(texts)
            for name in ("ours", "theirs")[:: 1 if number % 2 else -1]:
                page = ours if name == "ours" else theirs
                page.bring_to_front()
                got = page.evaluate(OURS if name == "ours" else "(lists) => bench.embed(lists)", lists)
                cosines[name] = min(cosines[name], float((unpacked(got["rows"]) * expected).sum(axis=1).min()))
                # In the first round the browser compiles what runs often.
                if number > 0:
                    ms[name].append(got["ms"])
        per_s = {name: round(1000 * TEXTS / statistics.median(taken), 1) for name, taken in ms.items()}
        ratios = [peer / own for own, peer in zip(ms["ours"], ms["theirs"], strict=True)]
        batches[str(batch)] = {"texts_per_s": per_s, "speedup": round(statistics.median(ratios), 2)}
    return {"batches": batches, "least_cosine": {name: round(least, 5) for name, least in cosines.items()}}


def unpacked(rows: list[Any]) -> npt.NDArray[np.float32]:
    """(texts, 384) of ours, in base64 for each list, or of theirs, a list of numbers for each text."""
    if isinstance(rows[0], str):
        return np.frombuffer(b"".join(map(base64.b64decode, rows)), np.float32).reshape(TEXTS, -1)
    return np.asarray(rows, np.float32)


if __name__ == "__main__":
    raise SystemExit(main())
