"""Measures the WebGPU device in Node with Dawn on this machine's adapter.

    python -m tests.bench.webgpu [--config NAME|FILE ...] [--quantization q4] [--context 0,1024,8192]
        [--sampler greedy,sample] [--variant NAME] [--profile] [--seconds 2] [--lavapipe] [--json FILE]

NAME is one of configs/, FILE any config.json. --variant takes the kernels of that ending (sg8, wg16) wherever an
operator has one; "last" those that need no feature. Dawn takes the Vulkan driver that the system or the environment
(VK_DRIVER_FILES) names, --lavapipe Mesa's for the CPU. Outputs are checked while they are timed; the exit code is 1
where one was wrong.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from datetime import date
from pathlib import Path
from typing import Any

from tests.bench.webgpu.local import CONFIGS, local_node, made_facts, program_of
from tests.bench.webgpu.parts import CONTEXTS, SAMPLERS, SECONDS, host_facts, model_part, run_part
from tests.bench.webgpu.table import passed, report_text

# A program that hangs is told apart from a slow adapter.
LIMIT_S = 3600


def main(arguments: list[str]) -> int:
    options = parse(arguments)
    report: dict[str, Any] = {
        "date": date.today().isoformat(),
        "made": made_facts(),
        "host": host_facts(),
        "parts": [],
    }
    with tempfile.TemporaryDirectory() as folder:
        node = local_node(Path(folder), options.lavapipe)
        for config in options.config:
            name, program = program_of(config, options.quantization)
            print(f"{name} ...", file=sys.stderr, flush=True)
            part = model_part(
                name, str(program), LIMIT_S, contexts=options.context, samplers=options.sampler,
                seconds=options.seconds, variant=options.variant, profile=options.profile,
            )  # fmt: skip
            report["parts"].append(run_part(node, part, part.limit_s))
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n")
    print(report_text(report), end="")
    return 0 if passed(report) else 1


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.webgpu")
    parser.add_argument("--config", nargs="+", default=list(CONFIGS), metavar="NAME|FILE")
    parser.add_argument("--quantization", default="q4")
    parser.add_argument("--context", type=lambda text: [int(n) for n in text.split(",")], default=list(CONTEXTS))
    parser.add_argument("--sampler", type=lambda text: text.split(","), default=list(SAMPLERS))
    parser.add_argument("--variant", metavar="NAME")
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--lavapipe", action="store_true")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args(arguments)
    if unknown := set(options.sampler) - set(SAMPLERS):
        parser.error(f"there is no sampler {', '.join(sorted(unknown))}; there are {', '.join(SAMPLERS)}")
    return options


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
