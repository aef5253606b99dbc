"""llama.cpp as compiled for this machine's kind of processor, in a process of its own: JSON lines in, JSON lines out.

Runs in the benchmark's virtual environment, which has the package xllamacpp. Speaks as measure.js does:
{"load": {...}} and {"generate": {"prompt", "maxTokens"}}; the clock runs outside the engine.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import xllamacpp  # type: ignore[import-not-found]


def main() -> None:
    # llama.cpp writes its log to the standard streams; the answers get a copy of the real one.
    answers = os.fdopen(os.dup(1), "w")
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    generate: Callable[[dict[str, Any]], dict[str, Any]] | None = None
    for line in sys.stdin:
        request = json.loads(line)
        if "load" in request:
            start = time.perf_counter()
            server = load(request["load"])
            answer = {
                "load_ms": 1000 * (time.perf_counter() - start),
                "build": xllamacpp.get_system_info().strip(" |").replace(" = 1", "").replace(" |", ","),
                "threads": request["load"]["threads"],
            }
            generate = generator(server)
        else:
            assert generate is not None
            answer = generate(request["generate"])
        print(json.dumps(answer), file=answers, flush=True)


def load(options: dict[str, Any]) -> Any:
    params = xllamacpp.CommonParams()
    params.model.path = options["ggufPath"]
    params.n_ctx = options["contextLength"]
    params.n_parallel = 1
    params.n_gpu_layers = 0
    params.verbosity = -1
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = options["threads"]
    return xllamacpp.Server(params)


def generator(server: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    def generate(request: dict[str, Any]) -> dict[str, Any]:
        arrivals: list[float] = []
        pieces: list[str] = []
        usage: dict[str, int] = {}

        def receive(chunk: Any) -> None:
            event = json.loads(chunk) if isinstance(chunk, str | bytes) else chunk
            usage.update({key: n for key, n in (event.get("usage") or {}).items() if isinstance(n, int)})
            piece = event["choices"][0]["text"] if event.get("choices") else ""
            if piece:
                arrivals.append(time.perf_counter())
                pieces.append(piece)

        start = time.perf_counter()
        server.handle_completions(
            {
                "prompt": request["prompt"],
                "max_tokens": request["maxTokens"],
                "temperature": 0,
                "ignore_eos": True,
                "cache_prompt": False,
                "stream": True,
            },
            receive,
        )
        return {
            "text": "".join(pieces),
            "completion_tokens": usage["completion_tokens"],
            "prompt_tokens": usage["prompt_tokens"],
            "first_token_ms": 1000 * (arrivals[0] - start),
            "last_token_ms": 1000 * (arrivals[-1] - start),
        }

    return generate


if __name__ == "__main__":
    main()
