"""What an adapter costs on the CPU: the token rate with one of rank 16 on all projections, and switching between two.

    python -m tests.bench.lora

SmolLM2 in q4 and two adapters with small random weights. Alone and adapted answers alternate, so that a machine that
grows warm or busy slows both; of each kind the median counts. Outputs are checked while they are timed: the adapted
text differs from the model's own, and is the same every time. Prints JSON.

Switching is what the first request with a stack waits for that is not on the device: it is composed (weights 0.5, 0.25,
...), copied to the device, and its functions are given to the threads. Requests afterwards find it there.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
from nomoat.browser import Device, open_model
from nomoat.browser.runner import BrowserModel
from nomoat.demo.sample_model import find_gguf
from nomoat_compiler.adapter.compile import compile_adapter
from nomoat_compiler.program.package import read_package
from safetensors.numpy import save_file

from tests.fixtures.packages import compiled

RANK, TOKENS, ROUNDS = 16, 64, 5
PROMPT = "Tell me a story about the sea."


def main() -> None:
    base = compiled(find_gguf(), "q4", name="smollm2")
    with tempfile.TemporaryDirectory() as temporary:
        folders = [Path(temporary) / name for name in ("first", "second")]
        for seed, folder in enumerate(folders):
            write_adapter(base, folder / "peft", seed)
            compile_adapter(folder / "peft", folder / "package", base=base)
            (folder / "package").rename(Path(temporary) / f"{folder.name}-package")
        packages = [Path(temporary) / f"{folder.name}-package" for folder in folders]
        rename(packages)
        with open_model(base, device=Device.WASM, lora=packages) as model:
            report = measure(model)
    print(json.dumps(report, indent=1))


def measure(model: BrowserModel) -> dict[str, object]:
    first, second = model.adapters
    rates: dict[str, list[float]] = {"alone": [], "adapted": []}
    texts: dict[str, set[str]] = {"alone": set(), "adapted": set()}
    for _ in range(ROUNDS):
        for kind, options in (("alone", {}), ("adapted", {"adapter": first})):
            answer = model.generate(PROMPT, {"temperature": 0, "maxTokens": TOKENS, **options})
            rates[kind].append(answer.decode_tok_per_s)
            texts[kind].add(answer.text)
    assert len(texts["alone"]) == len(texts["adapted"]) == 1, "an answer changed"
    assert texts["alone"] != texts["adapted"], "the adapter changes nothing"
    alone, adapted = (statistics.median(rates[kind]) for kind in ("alone", "adapted"))

    def first_token_ms(stack: list[dict[str, object]]) -> float:
        started = time.perf_counter()
        model.generate("a", {"temperature": 0, "maxTokens": 1, "raw": True, "adapter": stack})
        return 1000 * (time.perf_counter() - started)

    kept, fresh = [], []
    for i in range(8):
        stack = [{"name": first, "weight": 2.0**-i}, {"name": second, "weight": 1.0}]
        fresh.append(first_token_ms(stack))
        kept.append(first_token_ms(stack))
    return {
        "rank": RANK,
        "alone_tok_per_s": round(alone, 1),
        "adapted_tok_per_s": round(adapted, 1),
        "cost": round(1 - adapted / alone, 3),
        "switch_to_new_stack_ms": round(statistics.median(fresh) - statistics.median(kept), 1),
        "request_with_kept_stack_ms": round(statistics.median(kept), 1),
    }


def rename(packages: list[Path]) -> None:
    """Both were made of a folder called peft, and a server tells packages apart by their ids."""
    for package in packages:
        manifest = json.loads((package / "nomoat.json").read_text())
        manifest["id"] = package.name
        (package / "nomoat.json").write_text(json.dumps(manifest))


def write_adapter(base: Path, folder: Path, seed: int) -> None:
    """What peft would write of a LoRA on every projection, with weights that change words and leave sentences."""
    rng = np.random.default_rng(seed)
    arrays: dict[str, np.ndarray] = {}
    modules: set[str] = set()
    for tensor in read_package(base).instance.tensors:
        if tensor["kind"] != "linear":
            continue
        columns = tensor["shape"][1]
        for source in tensor["sources"]:
            path = source["name"].removesuffix(".weight")
            modules.add(path.rpartition(".")[2])
            scale = 0.3 / np.sqrt(columns * RANK)
            arrays[f"base_model.model.{path}.lora_A.weight"] = rng.normal(size=(RANK, columns)).astype(np.float32)
            b = rng.normal(size=(source["rows"], RANK)) * scale
            arrays[f"base_model.model.{path}.lora_B.weight"] = b.astype(np.float32)
    folder.mkdir(parents=True)
    config = {"peft_type": "LORA", "r": RANK, "lora_alpha": RANK, "target_modules": sorted(modules)}
    (folder / "adapter_config.json").write_text(json.dumps(config))
    save_file(arrays, folder / "adapter_model.safetensors")


if __name__ == "__main__":
    main()
