"""``nomoat generate``: a package answers one prompt in headless Chromium."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from nomoat_compiler.errors import NomoatError
from nomoat_compiler.program.adapters import MOST_STACKED

from nomoat.browser import Adapter, BrowserModel, Device, Generated, open_model
from nomoat.cli.console import Debug, Json, err, print_json, reports_errors
from nomoat.cli.device_options import AdapterOption, DeviceOption, ThreadsOption, refuse_contradictions
from nomoat.cli.load_progress import load_progress


def above_zero(value: float | None) -> float | None:
    """Nothing at all is no nucleus: the runtime refuses 0, and what is meant by it has an option of its own."""
    if value is not None and not value > 0:
        raise typer.BadParameter(
            f"{value:g} leaves no token to sample. Give more than 0, or --temperature 0 for greedy."
        )
    return value


@reports_errors
def generate_command(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A compiled package.")],
    prompt: Annotated[str, typer.Argument(metavar="PROMPT", help="What to ask; - reads it from standard input.")],
    max_tokens: Annotated[int | None, typer.Option(min=1, help="Most tokens to generate.")] = None,
    temperature: Annotated[float | None, typer.Option(min=0, help="0 is greedy. Default: the model's.")] = None,
    top_p: Annotated[
        float | None, typer.Option(callback=above_zero, max=1, help="Nucleus sampling. Default: the model's.")
    ] = None,
    top_k: Annotated[
        int | None, typer.Option(min=0, help="Sample among the k likeliest. Default: the model's.")
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, max=2**32 - 1, help="Same seed, same text.")] = None,
    stop: Annotated[list[str] | None, typer.Option(help="End before this text; may be given several times.")] = None,
    system: Annotated[str | None, typer.Option(help="System message.")] = None,
    raw: Annotated[bool, typer.Option("--raw", help="Give the prompt to the model without chat template.")] = False,
    lora: Annotated[
        list[str] | None,
        typer.Option(metavar="DIR[=WEIGHT]", help="An adapter that runs along; several are added up."),
    ] = None,
    device: DeviceOption = Device.AUTO,
    threads: ThreadsOption = None,
    adapter: AdapterOption = Adapter.AUTO,
    json_output: Json = False,
    debug: Debug = False,
) -> None:
    """Let the package DIR answer PROMPT in headless Chromium, streaming to the terminal."""
    refuse_contradictions(device, threads, adapter)
    given: dict[str, Any] = {
        "maxTokens": max_tokens, "temperature": temperature, "topP": top_p, "topK": top_k,
        "seed": seed, "stop": stop or None, "system": system, "raw": raw or None,
    }  # fmt: skip
    options = {name: value for name, value in given.items() if value is not None}
    adapters = [folder_and_weight(value) for value in lora or []]
    if len(adapters) > MOST_STACKED:
        raise NomoatError(
            "invalid_request", f"--lora was given {len(adapters)} times, and {MOST_STACKED} adapters may run together."
        )
    text = sys.stdin.read() if prompt == "-" else prompt
    with (
        load_progress(hidden=json_output) as on_progress,
        open_model(
            folder,
            device=device,
            threads=threads,
            adapter=adapter,
            lora=[path for path, _ in adapters],
            on_progress=on_progress,
        ) as model,
    ):
        on_progress.stop()
        weights = [weight for _, weight in adapters]
        options["adapter"] = [
            {"name": name, "weight": weight} for name, weight in zip(model.adapters, weights, strict=True)
        ]
        generated = model.generate(text, options, on_text=(lambda _piece: None) if json_output else print_piece)
    if json_output:
        print_json(as_json(model, generated))
    else:
        typer.echo()
        err().print(figures(model, generated), style="dim")


def folder_and_weight(value: str) -> tuple[Path, float]:
    """``DIR`` or ``DIR=WEIGHT``."""
    folder, found, weight = value.rpartition("=")
    if not found or Path(value).exists():
        return Path(value), 1.0
    try:
        return Path(folder), float(weight)
    except ValueError:
        raise typer.BadParameter(f"{value}: the weight must be a number.", param_hint="--lora") from None


def as_json(model: BrowserModel, generated: Generated) -> dict[str, object]:
    return {
        "prompt_ids": generated.prompt_ids,
        "generated_ids": generated.generated_ids,
        "text": generated.text,
        "finish_reason": generated.finish_reason,
        "device": generated.device.device,
        "adapter": generated.device.adapter,
        "threads": generated.device.threads,
        "load_ms": model.load_ms,
        "ttft_ms": generated.ttft_ms,
        "prefill_tok_per_s": generated.prefill_tok_per_s,
        "decode_tok_per_s": generated.decode_tok_per_s,
    }


def figures(model: BrowserModel, generated: Generated) -> str:
    return (
        f"{len(generated.generated_ids)} tokens ({generated.finish_reason}), {generated.decode_tok_per_s:.2f} tok/s, "
        f"first after {generated.ttft_ms / 1000:.1f} s, loaded in {model.load_ms / 1000:.1f} s, "
        f"{generated.device.describe()}"
    )


def print_piece(piece: str) -> None:
    sys.stdout.write(piece)
    sys.stdout.flush()
