"""``nomoat compile``: a checkpoint becomes a package that browsers run."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from nomoat_compiler.errors import NomoatError, NomoatWarning

if TYPE_CHECKING:
    from nomoat_compiler.adapter.compile import AdapterReport
    from nomoat_compiler.pipeline import CompileReport, OnProgress
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from nomoat.cli.console import Debug, Json, err, out, print_json, reports_errors
from nomoat.cli.quantities import format_bytes, format_count

STAGES = {
    "open": "Reading the checkpoint",
    "program": "Compiling the program",
    "weights": "Quantizing weights",
    "package": "Writing the package",
}


class Quantization(StrEnum):
    Q4 = "q4"
    Q8 = "q8"
    F16 = "f16"
    F32 = "f32"
    Q4F16_1 = "q4f16_1"
    Q4F32_1 = "q4f32_1"
    Q0F16 = "q0f16"
    Q0F32 = "q0f32"


class Format(StrEnum):
    NOMOAT = "nomoat"
    MLC = "mlc"


@reports_errors
def compile_command(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="A Hugging Face folder, a GGUF file, a hub id (owner/name), or a PEFT adapter.",
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Where the package goes.")],
    quantization: Annotated[
        Quantization | None,
        typer.Option(help="How weights are stored. Default: a quantized GGUF as it is, anything else in q4."),
    ] = None,
    context_length: Annotated[
        int | None, typer.Option(min=1, help="Most tokens of prompt and answer. Default: the model's, at most 8192.")
    ] = None,
    program_only: Annotated[
        bool, typer.Option("--program-only", help="Write the program from config.json alone, without weights.")
    ] = False,
    own_kernels: Annotated[
        bool,
        typer.Option("--own-kernels", help="Put the GPU kernels into the package, for runtimes without the library."),
    ] = False,
    output_format: Annotated[
        Format, typer.Option("--format", help="What is written: a package, or a folder for mlc-llm and WebLLM.")
    ] = Format.NOMOAT,
    chat_template: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE",
            help="The chat template: alpaca, chatml, llama2, vicuna, … (a wrong name lists them), one that the "
            "checkpoint names, or a Jinja file. Default: the checkpoint's.",
        ),
    ] = None,
    base: Annotated[
        str | None,
        typer.Option(metavar="BASE", help="Of an adapter: its model's package; with --merge, its model."),
    ] = None,
    merge: Annotated[
        bool, typer.Option("--merge", help="Fold the adapter into the weights of BASE: the package is a model.")
    ] = False,
    bits_per_weight: Annotated[
        float | None,
        typer.Option(
            min=1, max=16, metavar="BITS", help="The size of q4 from floats. Default: as large as llama.cpp's Q4_K_M."
        ),
    ] = None,
    imatrix: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="llama.cpp's importance matrix, which weighs the errors of q4 from floats."),
    ] = None,
    json_output: Json = False,
    debug: Debug = False,
) -> None:
    """Compile MODEL into the package DIR."""
    if output_format is Format.MLC:
        if chat_template is not None:
            raise typer.BadParameter("an MLC folder gets the checkpoint's own", param_hint="--chat-template")
        if bits_per_weight is not None or imatrix is not None:
            raise typer.BadParameter(
                "MLC's groups have a formula of their own", param_hint="--bits-per-weight, --imatrix"
            )
        write_mlc(model, output, quantization, context_length, program_only or own_kernels, json_output)
        return
    # Here, because the readers of checkpoints take a while to import, which the other commands should not pay.
    from nomoat_compiler.adapter.compile import compile_adapter
    from nomoat_compiler.adapter.peft_folder import is_peft_folder
    from nomoat_compiler.pipeline import compile_model

    adapter = Path(model).expanduser() if is_peft_folder(Path(model).expanduser()) else None
    refuse_half_adapters(model, adapter, base, merge=merge)
    started = time.perf_counter()
    if adapter is not None and base is not None and not merge:
        if context_length is not None or program_only or own_kernels or bits_per_weight is not None or imatrix:
            raise NomoatError("invalid_request", "An adapter has no program: only --quantization says something of it.")
        kept = quantization.value if quantization else None
        with compile_progress(hidden=json_output) as on_progress:
            made = compile_adapter(adapter, output, base=base, quantization=kept, on_progress=on_progress)
        if json_output:
            print_json({"output": str(output), **made.to_json()})
        else:
            out().print(adapter_summary(made, output, time.perf_counter() - started))
        return
    with collected_warnings() as told, compile_progress(hidden=json_output) as on_progress:
        report = compile_model(
            model if base is None else base,
            output,
            quantization=quantization.value if quantization else None,
            context_length=context_length,
            program_only=program_only,
            own_kernels=own_kernels,
            chat_template=chat_template,
            merge=adapter,
            bits_per_weight=bits_per_weight,
            imatrix=imatrix,
            on_progress=on_progress,
        )
    for message in told:
        err().print(f"[yellow]Warning:[/] {escape(message)}")
    if json_output:
        print_json({"output": str(output), **report.to_json(), "warnings": told})
    else:
        out().print(summary(report, output, time.perf_counter() - started))


def write_mlc(
    model: str,
    output: Path,
    quantization: Quantization | None,
    context_length: int | None,
    asks_for_a_program: bool,
    json_output: bool,
) -> None:
    if asks_for_a_program:
        raise typer.BadParameter(
            "an MLC folder has no program: leave out --program-only and --own-kernels", param_hint="--format"
        )
    from nomoat_compiler.mlc_export import export_mlc

    with compile_progress(hidden=json_output) as on_progress:
        warnings = export_mlc(
            model,
            output,
            quantization=quantization.value if quantization else None,
            context_length=context_length,
            on_progress=on_progress,
        )
    if json_output:
        print_json({"output": str(output), "format": "mlc", "warnings": warnings})
        return
    for warning in warnings:
        err().print(f"[yellow]Warning:[/] {warning}")
    out().print(f"Wrote the MLC folder {output}")


@contextmanager
def collected_warnings() -> Iterator[list[str]]:
    """What the compiler has to say about the checkpoint, each thing once; other warnings go where they always go."""
    told: list[str] = []
    with warnings.catch_warnings():
        show = warnings.showwarning

        def collect(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
            if not issubclass(category, NomoatWarning):
                show(message, category, *where, **more)
            elif str(message) not in told:
                told.append(str(message))

        warnings.showwarning = collect
        warnings.simplefilter("always", NomoatWarning)
        yield told


def refuse_half_adapters(model: str, adapter: Path | None, base: str | None, *, merge: bool) -> None:
    """An adapter needs a base, and nothing else has one."""
    if adapter is not None and base is None:
        problem = f"{model} is an adapter: name the package that it runs beside with --base."
    elif adapter is None and (base is not None or merge):
        problem = f"--base and --merge are for adapters, and {model} has no adapter_config.json."
    else:
        return
    raise NomoatError("invalid_request", problem)


@contextmanager
def compile_progress(*, hidden: bool) -> Iterator[OnProgress]:
    """One bar per stage; they stay on the screen when all is done."""
    columns = (
        TextColumn("{task.description:<22}"),
        BarColumn(),
        TextColumn("{task.fields[amount]}"),
        TimeElapsedColumn(),
    )
    tasks: dict[str, TaskID] = {}
    console = err()
    with Progress(*columns, console=console, disable=hidden or not console.is_terminal) as progress:

        def on_progress(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = progress.add_task(STAGES.get(stage, stage), total=total, amount="")
            count = format_count if stage == "weights" else str
            amount = "" if stage == "open" else f"{count(done)} of {count(total)}"
            progress.update(tasks[stage], completed=done, total=total, amount=amount)

        yield on_progress


def summary(report: CompileReport, output: Path, seconds: float) -> Table:
    rows = {
        "Package": str(output),
        "Parameters": format_count(report.parameter_count),
        "Context": f"{report.context_length} tokens",
        "Quantization": report.quantization,
    }
    for description, count in report.schemes.items():
        rows[f"  {count} tensors"] = description
    bits = "" if report.bits_per_weight is None else f", {report.bits_per_weight:.2f} bits per weight"
    rows |= {
        "Weights": "none (--program-only)" if bits == "" else f"{format_bytes(report.weights_bytes)}{bits}",
        "Program": format_bytes(report.program_bytes)
        + (f", {report.kernel_count} own kernels" if report.kernel_count else ""),
        "Whole package": format_bytes(report.package_bytes),
        "Time": f"{seconds:.1f} s ({', '.join(f'{stage} {s:.1f}' for stage, s in report.seconds.items())})",
    }
    if report.peak_memory_bytes is not None:
        rows["Peak memory"] = format_bytes(report.peak_memory_bytes)
    return _two_columns(report.id, rows)


def adapter_summary(report: AdapterReport, output: Path, seconds: float) -> Table:
    rows = {
        "Adapter": str(output),
        "Base": report.base,
        "Parameters": f"{format_count(report.parameter_count)}, rank {report.rank} in {report.modules} modules",
        "Whole package": format_bytes(report.package_bytes),
        "Time": f"{seconds:.1f} s",
    }
    return _two_columns(report.id, rows)


def _two_columns(title: str, rows: dict[str, str]) -> Table:
    table = Table(title=title, show_header=False, box=None, padding=(0, 2, 0, 0), title_justify="left")
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    for name, value in rows.items():
        table.add_row(name, value)
    return table
