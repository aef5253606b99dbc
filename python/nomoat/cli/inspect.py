"""``nomoat inspect``: what a package holds and what it costs to run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from nomoat_compiler.program.package import read_package
from rich.console import Console
from rich.table import Table

from nomoat.cli.console import Debug, Json, out, print_json, reports_errors
from nomoat.cli.quantities import format_bytes, format_count
from nomoat.inspection import Inspection, inspect_package


@reports_errors
def inspect_command(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A compiled package.")],
    context: Annotated[
        int | None, typer.Option(min=1, help="Context length to state the memory for. Default: the longest.")
    ] = None,
    json_output: Json = False,
    debug: Debug = False,
) -> None:
    """Show the configuration, tensors, kernels, dispatches and memory of the package DIR."""
    package = read_package(folder)
    inspection = inspect_package(package.manifest, package.program, context)
    if json_output:
        print_json(inspection.to_json())
        return
    console = out()
    print_summary(console, inspection)
    print_tensors(console, inspection)
    print_kernels(console, inspection)


def print_summary(console: Console, inspection: Inspection) -> None:
    config, memory = inspection.config, inspection.memory
    heads = f"{config['num_attention_heads']} heads, {config['num_key_value_heads']} KV heads of {config['head_dim']}"
    rows = {
        "Model": f"{inspection.name} ({config['architecture']})",
        "License": inspection.license or "not stated",
        "Parameters": format_count(inspection.parameter_count),
        "Shape": f"{config['num_hidden_layers']} layers, hidden {config['hidden_size']}, "
        f"intermediate {config['intermediate_size']}, {heads}, vocabulary {config['vocab_size']}",
        "Context": f"{inspection.context_length} tokens, prefill in chunks of {inspection.prefill_chunk}, "
        f"pages of {inspection.page_size}",
        "Quantization": f"{inspection.quantization}, {inspection.bits_per_weight:.2f} bits per weight",
        "Package": f"{format_bytes(inspection.package_bytes)} (program {format_bytes(inspection.program_bytes)})",
        "Dispatches": f"{inspection.dispatches_per_decode_token} per decoded token, "
        f"{inspection.dispatches_per_prefill_chunk} per prefill chunk",
        f"Memory at {memory.context_length} tokens": f"{format_bytes(memory.total_bytes)} = "
        f"weights {format_bytes(memory.weights_bytes)} + KV {format_bytes(memory.kv_cache_bytes)} "
        f"+ scratch {format_bytes(memory.scratch_bytes)}",
        "From": f"{inspection.provenance['source']} ({inspection.provenance['source_format']}), "
        f"nomoat {inspection.provenance['compiler']}, TVM {inspection.provenance['tvm']}",
    }
    table = Table(title=inspection.id, show_header=False, box=None, padding=(0, 2, 0, 0), title_justify="left")
    table.add_column(style="dim")
    table.add_column()
    for name, value in rows.items():
        table.add_row(name, value)
    console.print(table)


def print_tensors(console: Console, inspection: Inspection) -> None:
    table = Table(title="Tensors", box=None, padding=(0, 2, 0, 0), header_style="dim", title_justify="left")
    table.add_column("Name", overflow="fold")
    table.add_column("Count", justify="right", no_wrap=True)
    table.add_column("Shape", no_wrap=True)
    table.add_column("Stored as", no_wrap=True)
    table.add_column("Size", justify="right", no_wrap=True)
    for group in inspection.tensors:
        shape = " × ".join(str(extent) for extent in group.shape)
        table.add_row(group.name, str(group.count), shape, group.scheme, format_bytes(group.nbytes))
    console.print()
    console.print(table)


def print_kernels(console: Console, inspection: Inspection) -> None:
    table = Table(title="Kernels", box=None, padding=(0, 2, 0, 0), header_style="dim", title_justify="left")
    table.add_column("Name", overflow="fold")
    table.add_column("Needs", no_wrap=True)
    for title in ("WGSL", "Per token", "Per chunk"):
        table.add_column(title, justify="right", no_wrap=True)
    for kernel in sorted(inspection.kernels, key=lambda k: (-k.decode_dispatches, -k.prefill_dispatches, k.name)):
        table.add_row(
            kernel.name,
            ", ".join(kernel.requires) or "nothing",
            format_bytes(kernel.wgsl_bytes),
            str(kernel.decode_dispatches),
            str(kernel.prefill_dispatches),
        )
    console.print()
    console.print(table)
