"""Shows that the memory of a compile follows the largest tensor and not the model. Needs about 5 GB of disk.

Makes random checkpoints of the shape of Llama 3.2 1B (bf16 safetensors, one shard per layer), with all layers, with a
quarter of them, and with a smaller vocabulary; compiles each in a process of its own; prints one JSON object; deletes
everything it made.

    python tests/bench/compile_memory.py [--quantization q4] [--folder DIR]
    python tests/bench/compile_memory.py --seven-billion [--layers 2]

The second compiles the shape of Llama 2 7B, 13 GB of weights in files that take no room (every weight is 0, and the
files are sparse), into a package of 4 GB; with fewer layers it takes a fraction of the time, and the peak is the same.
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
import struct
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np

CONFIG: dict[str, Any] = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 128256, "hidden_size": 2048,
    "intermediate_size": 8192, "num_hidden_layers": 16, "num_attention_heads": 32, "num_key_value_heads": 8,
    "head_dim": 64, "rms_norm_eps": 1e-5, "max_position_embeddings": 131072, "tie_word_embeddings": True,
    "rope_theta": 500000.0, "rope_scaling": {
        "rope_type": "llama3", "factor": 32.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
        "original_max_position_embeddings": 8192,
    },
}  # fmt: skip
CASES = {
    "all 16 layers": {},
    "4 layers": {"num_hidden_layers": 4},
    "16 layers, vocabulary of 32000": {"vocab_size": 32000},
}
SEVEN_BILLION = {
    "vocab_size": 32000, "hidden_size": 4096, "intermediate_size": 11008, "num_hidden_layers": 32, "head_dim": 128,
    "num_key_value_heads": 32, "max_position_embeddings": 4096, "tie_word_embeddings": False, "rope_theta": 10000.0,
    "rope_scaling": None,
}  # fmt: skip
# Reused for every tensor: making 1.2 billion normal numbers would take longer than compiling them.
RANDOM_VALUES = 1 << 22
MARGIN_BYTES = 1 << 30
REPORTED = ("parameter_count", "weights_bytes", "bits_per_weight", "peak_memory_bytes", "seconds")
COMPILE = """
import json, sys
from nomoat_compiler.pipeline import compile_model
print(json.dumps(compile_model(sys.argv[1], sys.argv[2], quantization=sys.argv[3], context_length=4096).to_json()))
"""


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--quantization", default="q4")
    arguments.add_argument("--folder", type=Path, help="where to make the temporary checkpoints")
    arguments.add_argument("--seven-billion", action="store_true", help="the shape of Llama 2 7B, in sparse files")
    arguments.add_argument("--layers", type=int, default=32, help="of the 32 layers of --seven-billion")
    options = arguments.parse_args()
    cases = CASES
    if options.seven_billion:
        cases = {f"7B, {options.layers} layers": SEVEN_BILLION | {"num_hidden_layers": options.layers}}
    results = []
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        for name, changes in cases.items():
            figures = measure(Path(folder), CONFIG | changes, options.quantization, sparse=options.seven_billion)
            results.append({"case": name} | figures)
    result = {"quantization": options.quantization, "tvm": metadata.version("apache-tvm"), "cases": results}
    print(json.dumps(result, indent=1))


def measure(folder: Path, config: dict[str, Any], quantization: str, *, sparse: bool) -> dict[str, Any]:
    """Makes the checkpoint, compiles it in a subprocess, deletes both, and returns the sizes and the peak."""
    shapes = shards(config)
    nbytes = sum(2 * math.prod(shape) for shard in shapes for shape in shard.values())
    if shutil.disk_usage(folder).free < (1 if sparse else 3) * nbytes + MARGIN_BYTES:
        raise SystemExit(f"{folder} has too little free space for a checkpoint of {nbytes} bytes and its package")
    model, package = folder / "model", folder / "package"
    try:
        write_checkpoint(model, config, shapes, sparse=sparse)
        run = subprocess.run(
            [sys.executable, "-c", COMPILE, str(model), str(package), quantization], capture_output=True, text=True
        )
        if run.returncode:
            raise SystemExit(run.stderr)
        report = json.loads(run.stdout.splitlines()[-1])
        return {
            "checkpoint_bytes": nbytes,
            "largest_tensor_bytes": max(2 * math.prod(shape) for shard in shapes for shape in shard.values()),
            **{key: report[key] for key in REPORTED},
        }
    finally:
        shutil.rmtree(model, ignore_errors=True)
        shutil.rmtree(package, ignore_errors=True)


def shards(config: dict[str, Any]) -> list[dict[str, tuple[int, ...]]]:
    """Tensor shapes by name: the embedding, then one shard per layer, then the last norm."""
    hidden, ffn = config["hidden_size"], config["intermediate_size"]
    kv_rows = config["num_key_value_heads"] * config["head_dim"]
    result: list[dict[str, tuple[int, ...]]] = [{"model.embed_tokens.weight": (config["vocab_size"], hidden)}]
    for i in range(config["num_hidden_layers"]):
        layer = f"model.layers.{i}"
        result.append(
            {
                f"{layer}.input_layernorm.weight": (hidden,),
                f"{layer}.post_attention_layernorm.weight": (hidden,),
                f"{layer}.self_attn.q_proj.weight": (hidden, hidden),
                f"{layer}.self_attn.k_proj.weight": (kv_rows, hidden),
                f"{layer}.self_attn.v_proj.weight": (kv_rows, hidden),
                f"{layer}.self_attn.o_proj.weight": (hidden, hidden),
                f"{layer}.mlp.gate_proj.weight": (ffn, hidden),
                f"{layer}.mlp.up_proj.weight": (ffn, hidden),
                f"{layer}.mlp.down_proj.weight": (hidden, ffn),
            }
        )
    head = {} if config["tie_word_embeddings"] else {"lm_head.weight": (config["vocab_size"], hidden)}
    result.append({"model.norm.weight": (hidden,), **head})
    return result


def write_checkpoint(
    folder: Path, config: dict[str, Any], shapes: list[dict[str, tuple[int, ...]]], *, sparse: bool
) -> None:
    """Written by hand, as the safetensors library wants a whole shard in memory."""
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config))
    rng = np.random.default_rng(0)
    random = (rng.standard_normal(RANDOM_VALUES, np.float32) * 0.02).astype(ml_dtypes.bfloat16).tobytes()
    weight_map: dict[str, str] = {}
    for number, shard in enumerate(shapes):
        name = f"model-{number + 1:05d}-of-{len(shapes):05d}.safetensors"
        header: dict[str, Any] = {}
        end = 0
        for tensor, shape in shard.items():
            begin, end = end, end + 2 * math.prod(shape)
            header[tensor] = {"dtype": "BF16", "shape": shape, "data_offsets": [begin, end]}
        text = json.dumps(header).encode()
        with (folder / name).open("wb") as file:
            file.write(struct.pack("<Q", len(text)) + text)
            if sparse:
                file.truncate(file.tell() + end)
            else:
                for start in range(0, end, len(random)):
                    file.write(random[: min(len(random), end - start)])
        weight_map |= dict.fromkeys(shard, name)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))


if __name__ == "__main__":
    main()
