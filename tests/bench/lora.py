"""What an adapter costs: the token rate with one of rank 16 on all projections, and switching between stacks.

    python -m tests.bench.lora [--device wasm|webgpu] [--threads N] [--pairs N]

SmolLM2 in q4 and three adapters with small random weights. An answer alone and an adapted one are a pair, timed one
right after the other and in changing order, so that a machine that grows warm or busy slows both: the cost is the
median over the pairs, with its quartiles. Outputs are checked while they are timed: the adapted text differs from the
model's own, and each is the same every time. Prints JSON.

Switching is what the first request with a stack waits for that is not on the device: it is composed and copied there;
where no stack of such ranks was there before, its functions are prepared, too. The same request again, which finds all
that there, is taken off. On a software WebGPU adapter a token takes so long that only switching is measured.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

from nomoat.browser import Device, open_model
from nomoat.browser.runner import BrowserModel
from nomoat.demo.sample_model import find_gguf
from nomoat_compiler.adapter.compile import compile_adapter

from tests.fixtures.packages import compiled
from tests.fixtures.written_lora import write_lora

RANK, OTHER_RANK, TOKENS = 16, 8, 48
PROMPT = "Tell me a story about the sea."


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.lora")
    parser.add_argument("--device", type=Device, default=Device.WASM)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--pairs", type=int, default=16)
    given = parser.parse_args()
    base = compiled(find_gguf(), "q4", name="smollm2")
    with tempfile.TemporaryDirectory() as temporary:
        packages = []
        for seed, rank in enumerate((RANK, RANK, OTHER_RANK)):
            folder = Path(temporary) / f"adapter-{seed}"
            write_lora(base, folder, seed, rank)
            packages.append(folder.with_name(f"package-{seed}"))
            compile_adapter(folder, packages[-1], base=base)
        with open_model(base, device=given.device, threads=given.threads, lora=packages) as model:
            report = {"device": model.device.describe(), "rank": RANK}
            if given.device is Device.WASM:
                report |= measure_cost(model, given.pairs)
            report |= measure_switching(model)
    print(json.dumps(report, indent=1))


def measure_cost(model: BrowserModel, pairs: int) -> dict[str, object]:
    kinds: dict[str, dict[str, object]] = {"alone": {}, "adapted": {"adapter": model.adapters[0]}}
    rates: dict[str, list[float]] = {kind: [] for kind in kinds}
    texts: dict[str, set[str]] = {kind: set() for kind in kinds}
    for pair in range(pairs + 1):
        for kind in sorted(kinds, reverse=pair % 2 == 1):
            answer = model.generate(PROMPT, {"temperature": 0, "maxTokens": TOKENS, **kinds[kind]})
            texts[kind].add(answer.text)
            if pair > 0:  # The first pair warms up.
                rates[kind].append(answer.decode_tok_per_s)
    assert len(texts["alone"]) == len(texts["adapted"]) == 1, "an answer changed"
    assert texts["alone"] != texts["adapted"], "the adapter changes nothing"
    costs = [1 - adapted / alone for alone, adapted in zip(rates["alone"], rates["adapted"], strict=True)]
    quartiles = statistics.quantiles(costs, n=4)
    return {
        "pairs": pairs,
        "alone_tok_per_s": round(statistics.median(rates["alone"]), 1),
        "adapted_tok_per_s": round(statistics.median(rates["adapted"]), 1),
        "cost": round(quartiles[1], 3),
        "cost_quartiles": [round(quartiles[0], 3), round(quartiles[2], 3)],
    }


def measure_switching(model: BrowserModel) -> dict[str, object]:
    a, b, c = model.adapters

    def request_ms(stack: dict[str, float]) -> float:
        adapter = [{"name": name, "weight": weight} for name, weight in stack.items()]
        started = time.perf_counter()
        model.generate("a", {"temperature": 0, "maxTokens": 1, "raw": True, "adapter": adapter})
        return 1000 * (time.perf_counter() - started)

    def switch_ms(stack: dict[str, float]) -> tuple[float, float]:
        fresh, kept = request_ms(stack), request_ms(stack)
        return fresh - kept, kept

    new_ranks = [switch_ms(stack)[0] for stack in ({a: 1.0, b: 1.0}, {a: 1.0, c: 1.0}, {a: 1.0, b: 1.0, c: 1.0})]
    pairs = [switch_ms(dict.fromkeys(names, 2.0**-i)) for i in range(1, 5) for names in ((a,), (a, b), (b,))]
    switches, kept = zip(*pairs, strict=True)
    return {
        "switch_to_new_ranks_ms": [round(ms, 1) for ms in new_ranks],
        "switch_to_new_stack_ms": round(statistics.median(switches), 1),
        "switch_to_new_stack_most_ms": round(max(switches), 1),
        "request_with_kept_stack_ms": round(statistics.median(kept), 1),
    }


if __name__ == "__main__":
    main()
