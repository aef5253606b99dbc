"""--device, --threads and --adapter: the options of every command that runs a model."""

from __future__ import annotations

from typing import Annotated

import typer

from nomoat.browser import Adapter, Device

DeviceOption = Annotated[
    Device, typer.Option("--device", help="Where the model runs; auto is WebGPU on a real GPU, else wasm on the CPU.")
]
ThreadsOption = Annotated[
    int | None, typer.Option("--threads", min=1, help="Threads of wasm. Default: the runtime's choice.")
]
AdapterOption = Annotated[
    Adapter, typer.Option("--adapter", help="WebGPU adapter of the browser; naming one means --device webgpu.")
]


def refuse_contradictions(device: Device, threads: int | None, adapter: Adapter) -> None:
    """Raises ``typer.BadParameter`` where an option belongs to the device that was not asked for."""
    if device is Device.WASM and adapter is not Adapter.AUTO:
        raise typer.BadParameter(f"wasm uses no WebGPU adapter, so {adapter} has no meaning.", param_hint="--adapter")
    is_webgpu = device is Device.WEBGPU or adapter is not Adapter.AUTO
    if is_webgpu and threads is not None:
        raise typer.BadParameter("WebGPU has no threads to choose; use --device wasm.", param_hint="--threads")
