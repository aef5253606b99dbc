"""``nomoat serve``: OpenAI's API over the served models, playground, registry and package files over HTTP."""

from __future__ import annotations

import ipaddress
import json
from pathlib import Path
from typing import Annotated

import typer
import uvicorn
from rich.console import Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from nomoat.browser import Adapter, Device
from nomoat.cli.console import Debug, err, out, reports_errors
from nomoat.cli.device_options import AdapterOption, DeviceOption, ThreadsOption, refuse_contradictions
from nomoat.cli.quantities import format_bytes
from nomoat.openai_api import ApiOptions, create_api_app
from nomoat.openai_api.guards import Guards, is_address, name_of
from nomoat.server.listen import listen
from nomoat.server.packages import ServedPackage
from nomoat.server.site import site_is_built

# How long answers that are being computed may go on after Ctrl+C.
STOP_TIMEOUT_S = 3


@reports_errors
def serve_command(
    folders: Annotated[
        list[Path] | None, typer.Argument(metavar="[DIR]...", help="Compiled packages to offer.")
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 for the whole network.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes any free one.")] = 8000,
    api_key: Annotated[
        str | None,
        typer.Option(envvar="NOMOAT_API_KEY", help="What clients of /v1 must send as bearer token.", show_envvar=True),
    ] = None,
    allow_origin: Annotated[
        list[str] | None, typer.Option(help="A site whose pages may ask /v1; * for all. Default: only our own.")
    ] = None,
    allow_host: Annotated[
        list[str] | None, typer.Option(help="A name of this machine under which /v1 answers, beside localhost.")
    ] = None,
    parallel: Annotated[int, typer.Option(min=1, max=64, help="Requests of /v1 computed at once.")] = 4,
    queue: Annotated[int, typer.Option(min=0, max=10_000, help="Requests that may wait; then 429.")] = 32,
    loaded_models: Annotated[int, typer.Option(min=1, max=16, help="Models of /v1 in memory at once.")] = 1,
    device: DeviceOption = Device.AUTO,
    threads: ThreadsOption = None,
    adapter: AdapterOption = Adapter.AUTO,
    json_output: Annotated[
        bool, typer.Option("--json", help="Print {url, models} as one line instead of text.")
    ] = False,
    debug: Debug = False,
) -> None:
    """Serve the packages DIR... until Ctrl+C: the playground, their files, and OpenAI's API below /v1."""
    refuse_contradictions(device, threads, adapter)
    guards = Guards(
        hosts=[name_of(name) for name in [*(allow_host or []), host]],
        origins=[origin.rstrip("/") for origin in allow_origin or []],
        api_key=api_key,
    )
    options = ApiOptions(
        guards=guards,
        device=device,
        adapter=adapter,
        threads=threads,
        running=parallel,
        waiting=queue,
        most_loaded=loaded_models,
    )
    app = create_api_app(folders or [], options)
    listener = listen(host, port)
    # "localhost" and 127.0.0.1 are secure contexts, which WebGPU needs; a network address without TLS is not.
    shown_host = "127.0.0.1" if host in ("0.0.0.0", "127.0.0.1") else f"[{host}]" if ":" in host else host
    base_url = f"http://{shown_host}:{listener.getsockname()[1]}"
    packages = list(app.state.packages.values())
    if json_output:
        typer.echo(json.dumps({"url": base_url, "models": [p.model_id for p in packages if not p.is_adapter]}))
    else:
        out().print(welcome(base_url, packages, site_is_built()))
        if api_key is None and not is_loopback(host):
            err().print(
                "Everybody in this network may ask the models. --api-key lets only those who know it.", style="yellow"
            )
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, lifespan="on", timeout_graceful_shutdown=STOP_TIMEOUT_S
    )
    uvicorn.Server(config).run(sockets=[listener])


def is_loopback(host: str) -> bool:
    return host == "localhost" or (is_address(host) and ipaddress.ip_address(host).is_loopback)


def welcome(base_url: str, packages: list[ServedPackage], has_site: bool) -> Panel:
    links = Table.grid(padding=(0, 2))
    links.add_row("Playground", Text(f"{base_url}/", style="bold") if has_site else "not built: npm run build -w web")
    links.add_row("Registry", f"{base_url}/models")
    links.add_row("OpenAI API", f"{base_url}/v1")
    models = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for title in ("Model", "Size", "Context"):
        models.add_column(title, overflow="fold")
    for package in packages:
        manifest = package.manifest
        reach = f"for {manifest['base']['id']}" if package.is_adapter else f"{manifest['context_length']} tokens"
        models.add_row(package.model_id, format_bytes(package.nbytes), reach)
        # What the extension's options page asks for.
        models.add_row(Text(f"{base_url}/models/{package.model_id}/", style="dim"))
    offered = models if packages else Text("No model is offered. Name package folders: nomoat serve DIR...", "yellow")
    return Panel(Group(links, "", offered), title="NoMoat", subtitle="Ctrl+C to stop", expand=False, padding=(1, 2))
