"""``nomoat serve``: playground, model registry and package files over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
import uvicorn
from rich.console import Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from nomoat.cli.console import Debug, out, reports_errors
from nomoat.cli.quantities import format_bytes
from nomoat.server import create_app
from nomoat.server.listen import listen
from nomoat.server.packages import ServedPackage
from nomoat.server.site import site_is_built


@reports_errors
def serve_command(
    folders: Annotated[
        list[Path] | None, typer.Argument(metavar="[DIR]...", help="Compiled packages to offer.")
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 for the whole network.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes any free one.")] = 8000,
    debug: Debug = False,
) -> None:
    """Serve the playground and the packages DIR... until Ctrl+C."""
    app = create_app(folders or [])
    listener = listen(host, port)
    # "localhost" and 127.0.0.1 are secure contexts, which WebGPU needs; a network address without TLS is not.
    shown_host = "127.0.0.1" if host in ("0.0.0.0", "127.0.0.1") else f"[{host}]" if ":" in host else host
    base_url = f"http://{shown_host}:{listener.getsockname()[1]}"
    out().print(welcome(base_url, list(app.state.packages.values()), site_is_built()))
    uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off")).run(sockets=[listener])


def welcome(base_url: str, packages: list[ServedPackage], has_site: bool) -> Panel:
    links = Table.grid(padding=(0, 2))
    links.add_row("Playground", Text(f"{base_url}/", style="bold") if has_site else "not built: npm run build -w web")
    links.add_row("Registry", f"{base_url}/models")
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
