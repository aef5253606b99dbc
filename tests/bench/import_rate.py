"""How fast the importer packs, and how long it takes from a link to an answer, against installing the compiled package.

    python -m tests.bench.import_rate [--rounds 5] [--layers 6] [--json FILE]

Packing: Node makes the package of a file in the types of Q4_K_M; the rate is the file's bytes by the seconds that
writing takes longer than planning. Link to answer: a page in a fresh profile of Chromium loads SmolLM2 from a local
server, on wasm, and answers with four tokens; GGUF file and compiled package take turns. Packages must be the
compiler's byte for byte, and answers the same. Exit code 1 where a goal is missed or something differs.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from nomoat.browser import Adapter, find_chromium
from nomoat.browser.local_site import local_site
from nomoat.browser.runner import headless_browser
from nomoat.demo.sample_model import find_gguf
from nomoat_compiler.pipeline import compile_model
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from tests.bench.machine import machine
from tests.bench.page_download import PAGE, ROOT
from tests.fixtures.gguf_checkpoint import write_gguf
from tests.fixtures.packages import compiled
from tests.fixtures.variants import random_tensors, variant_config
from tests.limits import PROCESS_S
from tests.parity import importer

GOALS = {"packing_mb_per_s": 150.0, "link_to_answer_s": 6.0, "of_compiled": 1.3}
SIZES = {
    "hidden_size": 1024, "intermediate_size": 4096, "num_attention_heads": 16, "num_key_value_heads": 4, "head_dim": 64,
}  # fmt: skip
Q4_K_M = {"attn_v": "Q6_K", "ffn_down": "Q6_K"}
ANSWER = """async (url) => {
  const at = performance.now();
  const text = await window.answer(url, "The capital of France is");
  return { s: (performance.now() - at) / 1000, text };
}"""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.import_rate", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--layers", type=int, default=6, help="of the packed file, about 9 MB each")
    parser.add_argument("--json", metavar="FILE", type=Path, help="also write the report there")
    options = parser.parse_args()
    if min(options.rounds, options.layers) < 1:
        parser.error("--rounds and --layers must be at least 1")
    with tempfile.TemporaryDirectory() as folder:
        figures = packing(Path(folder), options) | link_to_answer(Path(folder), options)
    report = {"machine": machine(), "goals": GOALS, **figures}
    print(json.dumps(report, indent=2))
    if options.json:
        options.json.write_text(json.dumps(report, indent=2) + "\n")
    reached = (
        report["packing_mb_per_s"] >= GOALS["packing_mb_per_s"]
        and report["link_to_answer_s"] <= GOALS["link_to_answer_s"]
        and report["of_compiled"] <= GOALS["of_compiled"]
    )
    return 0 if reached and report["same_answers"] else 1


def packing(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    config = variant_config("base") | SIZES | {"num_hidden_layers": options.layers}
    path = folder / "packed.Q4_K_M.gguf"
    write_gguf(path, config, random_tensors(config, 0), "Q4_K", types=Q4_K_M)
    driver = importer.bundle(folder)
    planned, written = [], []
    for number in range(options.rounds):
        planned.append(_seconds(driver, path, None))
        written.append(_seconds(driver, path, folder / f"ours{number}"))
    compile_model(path, folder / "theirs")
    importer.assert_same_files(folder / "ours0", folder / "theirs")
    nbytes = path.stat().st_size
    seconds = statistics.median(written) - statistics.median(planned)
    return {"packed_bytes": nbytes, "packing_mb_per_s": round(nbytes / 1e6 / seconds, 1)}


def _seconds(driver: Path, path: Path, output: Path | None) -> float:
    start = time.perf_counter()
    result = importer.run(driver, [(path, output)])[0]
    seconds = time.perf_counter() - start
    assert "error" not in result, result
    return seconds


def link_to_answer(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    site = folder / "site"
    command = ["npx", "vite", "build", str(PAGE), "--outDir", str(site), "--logLevel", "error"]
    subprocess.run(command, cwd=ROOT, check=True, timeout=PROCESS_S)
    model = find_gguf()
    package = compiled(model, "q4", name="smollm2")
    app = Starlette(
        routes=[
            Mount("/file", StaticFiles(directory=model.parent)),
            Mount("/package", StaticFiles(directory=package)),
            Mount("/", StaticFiles(directory=site, html=True)),
        ]
    )
    taken: dict[str, list[float]] = {"file": [], "package": []}
    answers = set()
    with local_site(app) as server, headless_browser(find_chromium(), Adapter.SOFTWARE) as browser:
        urls = {"file": f"{server}/file/{model.name}", "package": f"{server}/package/"}
        for number in range(options.rounds):
            for name in sorted(urls, reverse=number % 2 == 1):
                page = browser.new_page()  # with a storage of its own
                page.goto(server)
                answer = page.evaluate(ANSWER, urls[name])
                page.context.close()
                taken[name].append(answer["s"])
                answers.add(answer["text"])
    file_s, package_s = (statistics.median(taken[name]) for name in ("file", "package"))
    ratios = [one / other for one, other in zip(taken["file"], taken["package"], strict=True)]
    return {
        "link_to_answer_s": round(file_s, 2),
        "compiled_link_to_answer_s": round(package_s, 2),
        "of_compiled": round(statistics.median(ratios), 3),
        "same_answers": len(answers) == 1,
    }


if __name__ == "__main__":
    raise SystemExit(main())
