"""How long a memory of many texts takes to be searched, in Chromium on the CPU, and whether it finds what NumPy finds.

    python -m tests.bench.memory DIR [--records 100000] [--rounds 20] [--json FILE]

DIR is a compiled package of an encoder (all-MiniLM-L6-v2 has the 384 numbers of the goal). The memory's file is written
here, with random vectors, as docs/decisions/0210 and runtime/src/memory/frames.ts have it, and put where the browser
keeps it; that it can be opened checks both descriptions against each other. ``search_ms`` is all of a search as a page
sees it: embedding what is asked, the products, reading the texts; ``embed_ms`` is the first of these alone. Ids and
scores of every search are compared with NumPy. Exit code 1 where the goal is missed or a result differs.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import statistics
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from nomoat.browser import Adapter, find_chromium
from nomoat.browser.local_site import local_site
from nomoat.browser.runner import RunnerPage, headless_browser
from nomoat.server import create_app

from tests.bench.machine import machine
from tests.e2e.local_site import LocalSite

GOAL_MS = 30.0
NAME = "benchmark"
LIMIT = 10
# Sums of some hundred products in float32, of numbers whose squares add up to 1.
TOLERANCE = 2e-6
META, RECORD = 1, 2
FIRST_ID = 1_000_001  # of seven digits, like all others: then all frames have the same length

PUT = """async ([url, folder]) => {
  let place = await navigator.storage.getDirectory();
  for (const name of ["nomoat", "memories", folder]) place = await place.getDirectoryHandle(name, { create: true });
  const file = await place.getFileHandle("1.log", { create: true });
  await (await fetch(url)).body.pipeTo(await file.createWritable());
}"""
EMBED_MS = """async (text) => {
  const startedMs = performance.now();
  await nomoatRunner.embed([text]);
  return performance.now() - startedMs;
}"""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.memory", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", metavar="DIR", type=Path, help="a compiled package of an encoder")
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--json", metavar="FILE", type=Path, help="also write the report there")
    options = parser.parse_args()
    report = measured(options.folder, options.records, options.rounds)
    print(json.dumps({key: value for key, value in report.items() if key != "rounds"}, indent=2))
    if options.json:
        options.json.write_text(json.dumps(report, indent=2) + "\n")
    return 0 if report["same_as_numpy"] and report["search_ms"] <= GOAL_MS else 1


def measured(package: Path, records: int, rounds: int) -> dict[str, Any]:
    app = create_app([package])
    (model_id,) = app.state.packages
    with (
        tempfile.TemporaryDirectory() as folder,
        LocalSite(Path(folder), for_all_origins=True) as files,
        local_site(app) as server,
        headless_browser(find_chromium(), Adapter.SOFTWARE) as browser,
    ):
        page = browser.new_page()
        runner = RunnerPage(page, lambda _phase, _loaded, _total: None)
        runner.open(f"{server}/runner.html", None)
        model = {"url": f"{server}/models/{model_id}/"}
        loaded = runner.call("load", model["url"], {"device": "wasm"})
        dimensions = embed(runner, "a").size
        halves = random_halves(records, dimensions)
        (Path(folder) / "1.log").write_bytes(memory_file(package, model_id, halves))
        page.evaluate(PUT, [f"{files.origin}/1.log", hashlib.sha256(NAME.encode()).hexdigest()])
        memory = {"model": model, "name": NAME}
        info = runner.call("memory", memory, "info")
        assert (info["value"]["count"], info["value"]["damaged"]) == (records, 0), info
        wide = halves.astype(np.float32)
        found = []
        for number in range(-2, rounds):  # The first two warm up.
            text = f"What is number {number}?"
            answer = runner.call("memory", memory, "search", text, {"limit": LIMIT})
            same = agrees(answer["value"], wide @ embed(runner, text))
            found.append({"search_ms": answer["ms"], "embed_ms": page.evaluate(EMBED_MS, text), "same": same})
        version = browser.version
    timed = found[2:]
    return {
        "machine": machine(),
        "browser": version,
        "model": model_id,
        "threads": loaded["device"]["threads"],
        "records": records,
        "dimensions": dimensions,
        "open_ms": round(info["ms"], 1),
        "search_ms": round(statistics.median(each["search_ms"] for each in timed), 1),
        "search_least_ms": round(min(each["search_ms"] for each in timed), 1),
        "embed_ms": round(statistics.median(each["embed_ms"] for each in timed), 1),
        "goal_ms": GOAL_MS,
        "same_as_numpy": all(each["same"] for each in found),
        "rounds": timed,
    }


def embed(runner: RunnerPage, text: str) -> npt.NDArray[np.float32]:
    """(dimensions), of length 1"""
    row = np.frombuffer(base64.b64decode(runner.call("embed", [text])["rows"]), dtype="<f4")
    return (row / np.linalg.norm(row)).astype(np.float32)


def agrees(found: list[dict[str, Any]], scores: npt.NDArray[np.float32]) -> bool:
    """Whether these are the best, in their order, with their texts. What is as good as equal may change places."""
    best = np.sort(scores)[::-1][: len(found)]
    rows = [each["id"] - FIRST_ID for each in found]
    return (
        len(found) == min(LIMIT, scores.size)
        and len(set(rows)) == len(rows)
        and bool(np.allclose([each["score"] for each in found], best, atol=TOLERANCE))
        and bool(np.allclose(scores[rows], best, atol=TOLERANCE))
        and all(each["text"] == f"text {each['id']}" for each in found)
    )


def random_halves(records: int, dimensions: int) -> npt.NDArray[np.float16]:
    """(records, dimensions), of length 1"""
    rows = np.random.default_rng(0).standard_normal((records, dimensions), dtype=np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows.astype(np.float16)


def memory_file(package: Path, model_id: str, halves: npt.NDArray[np.float16]) -> bytes:
    records, dimensions = halves.shape
    manifest = json.loads((package / "nomoat.json").read_text())
    listed = sorted(
        f"{file['path']} {file['sha256']}\n" for file in manifest["files"] if not file["path"].startswith("program/")
    )
    meta = {
        "version": 1,
        "name": NAME,
        "model": model_id,
        "fingerprint": hashlib.sha256("".join(listed).encode()).hexdigest(),
        "dimensions": dimensions,
        "nextId": 1,
    }
    head = b"NoMoatM1" + bytes(8)
    first = np.frombuffer(padded(json.dumps(meta).encode()), dtype="<u4")[None]
    meta_frames = frames(META, first, len(head))
    padding = np.zeros((records, -dimensions % 4), dtype=np.float16)
    vectors = np.ascontiguousarray(np.concatenate([halves, padding], axis=1)).view("<u4")
    ids = range(FIRST_ID, FIRST_ID + records)
    texts = [
        (f'{{"id":{number},"createdMs":0,"tags":[]}}'.encode(), f'{{"text":"text {number}"}}'.encode())
        for number in ids
    ]
    json_words = np.stack([np.frombuffer(padded(one + other), dtype="<u4") for one, other in texts])
    sizes = np.tile(np.array([[len(part) for part in texts[0]]], dtype=np.uint32), (records, 1))
    contents = np.concatenate([sizes, vectors, json_words], axis=1)
    return head + meta_frames + frames(RECORD, contents, len(head) + len(meta_frames))


def padded(content: bytes) -> bytes:
    return content + bytes(-len(content) % 4)


def frames(kind: int, contents: npt.NDArray[np.uint32], at: int) -> bytes:
    """One behind the other, the first at ``at``: contents (frames, words)."""
    count, words = contents.shape
    nbytes = 12 + 4 * words + 4
    heads = np.empty((count, 3), dtype=np.uint32)
    heads[:, 0] = 4 * words + 4
    heads[:, 1] = kind
    heads[:, 2] = at + nbytes * np.arange(count)
    heads[:, 2] = checksums(heads)
    return np.concatenate([heads, contents, checksums(contents)[:, None]], axis=1).astype("<u4").tobytes()


def checksums(rows: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    """Of each row: (rows)"""
    hashes = np.full(len(rows), 0x811C9DC5, dtype=np.uint32)
    for column in rows.T:
        hashes = (hashes ^ column) * np.uint32(0x9E3779B1)
        hashes ^= hashes >> np.uint32(15)
    return hashes


if __name__ == "__main__":
    raise SystemExit(main())
