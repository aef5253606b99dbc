"""``nomoat chat``: a conversation in the terminal, with a package or with any server that speaks OpenAI's API."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer
from nomoat_compiler.errors import NomoatError
from rich.prompt import Prompt
from rich.text import Text

from nomoat.browser import Adapter, Device
from nomoat.cli.console import Debug, err, out, reports_errors
from nomoat.cli.device_options import AdapterOption, DeviceOption, ThreadsOption, refuse_contradictions

HELP = "Enter sends; Ctrl+C stops an answer. /clear starts again, /system TEXT says how to answer, /exit leaves."
STOP_TIMEOUT_S = 10


@reports_errors
def chat_command(
    folder: Annotated[Path | None, typer.Argument(metavar="[DIR]", help="A compiled package.")] = None,
    server: Annotated[
        str | None, typer.Option(metavar="URL", help="A server instead, as in http://127.0.0.1:8000/v1.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="Model of the server. Default: its first one.")] = None,
    api_key: Annotated[
        str | None, typer.Option(envvar="NOMOAT_API_KEY", show_envvar=True, help="Key of the server.")
    ] = None,
    system: Annotated[str | None, typer.Option(help="System message.")] = None,
    temperature: Annotated[float | None, typer.Option(min=0, help="0 is greedy. Default: the model's.")] = None,
    max_tokens: Annotated[int | None, typer.Option(min=1, help="Most tokens of an answer.")] = None,
    device: DeviceOption = Device.AUTO,
    threads: ThreadsOption = None,
    adapter: AdapterOption = Adapter.AUTO,
    debug: Debug = False,
) -> None:
    """Talk with the package DIR, or with a model of a server, in the terminal."""
    refuse_contradictions(device, threads, adapter)
    if (folder is None) == (server is None):
        raise typer.BadParameter("Give a package or --server URL, one of them.", param_hint="DIR")
    options = {"temperature": temperature, "max_completion_tokens": max_tokens}
    given = {name: value for name, value in options.items() if value is not None}
    if server is not None:
        talk(Server(server, api_key), model, system, given)
        return
    assert folder is not None
    arguments = ["--device", device.value, "--adapter", adapter.value]
    with serving(folder, [*arguments, *([] if threads is None else ["--threads", str(threads)])]) as url:
        talk(Server(f"{url}/v1", None), None, system, given)


def talk(server: Server, model: str | None, system: str | None, options: Mapping[str, Any]) -> None:
    """Reads, sends and prints until the end of the input or /exit."""
    model = model or server.first_model()
    console = out()
    console.print(Text.assemble((model, "bold"), "  ", (HELP, "dim")))
    messages = first_messages(system)
    while True:
        try:
            text = Prompt.ask("[bold]>[/bold]", console=console).strip()
        except (EOFError, KeyboardInterrupt):
            console.print()
            return
        if text in ("/exit", "/quit"):
            return
        if text == "/clear":
            messages = first_messages(system)
        elif text.startswith("/system"):
            system = text.removeprefix("/system").strip() or None
            messages = first_messages(system)
        elif text.startswith("/"):
            console.print(HELP, style="dim")
        elif text:
            asked = [*messages, {"role": "user", "content": text}]
            answer = print_answer(server, {"model": model, "messages": asked, **options})
            # What failed or was stopped before its first word leaves no trace in the conversation.
            if answer:
                messages = [*asked, {"role": "assistant", "content": answer}]


def first_messages(system: str | None) -> list[dict[str, str]]:
    return [] if system is None else [{"role": "system", "content": system}]


def print_answer(server: Server, request: Mapping[str, Any]) -> str:
    """Prints the answer as it comes; what there is of it when it ends, fails or is stopped."""
    answer = ""
    try:
        for chunk in server.stream("chat/completions", {**request, "stream": True}):
            for choice in chunk.get("choices", []):
                piece = choice.get("delta", {}).get("content") or ""
                answer += piece
                sys.stdout.write(piece)
                sys.stdout.flush()
        sys.stdout.write("\n")
    except KeyboardInterrupt:
        err().print("\nStopped.", style="dim")
    except NomoatError as error:
        err().print(Text.assemble((f"\nerror {error.code}", "bold red"), (f": {error.message}", "red")))
    return answer


class Server:
    """The few requests of OpenAI's API that a conversation needs. Raises ``NomoatError`` with what the server said."""

    def __init__(self, base_url: str, api_key: str | None) -> None:
        address = urlsplit(base_url)
        if address.scheme not in ("http", "https") or not address.hostname:
            raise NomoatError(
                "invalid_request", f"{base_url!r} is no URL. Expected one as in http://127.0.0.1:8000/v1."
            )
        self._address = address
        self._headers = {"Content-Type": "application/json"}
        if api_key is not None:
            self._headers["Authorization"] = f"Bearer {api_key}"

    def first_model(self) -> str:
        with self._request("GET", "models", None) as response:
            models = json.load(response)["data"]
        if not models:
            raise NomoatError("model_not_found", "The server offers no model.")
        return str(models[0]["id"])

    def stream(self, path: str, body: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """The events of an answer. Leaving the loop hangs up, which ends the computation."""
        with self._request("POST", path, body) as response:
            for line in response:
                data = line.decode().removeprefix("data:").strip() if line.startswith(b"data:") else ""
                if data == "[DONE]":
                    return
                if data:
                    event = json.loads(data)
                    if "error" in event:
                        raise told(event)
                    yield event

    @contextmanager
    def _request(self, method: str, path: str, body: Mapping[str, Any] | None) -> Iterator[HTTPResponse]:
        address = self._address
        kind = HTTPSConnection if address.scheme == "https" else HTTPConnection
        connection = kind(str(address.hostname), address.port)
        try:
            encoded = None if body is None else json.dumps(body).encode()
            connection.request(method, f"{address.path.rstrip('/')}/{path}", encoded, self._headers)
            response = connection.getresponse()
            if response.status != 200:
                raise told(json.load(response))
            yield response
        except (OSError, HTTPException, ValueError) as error:
            raise NomoatError("network", f"{address.geturl()}: {error or type(error).__name__}.") from error
        finally:
            connection.close()


def told(body: Mapping[str, Any]) -> NomoatError:
    """What a server said in OpenAI's form of an error."""
    error = body.get("error")
    message = error.get("message") if isinstance(error, Mapping) else None
    return NomoatError("invalid_request", str(message or "The server refused the request and did not say why."))


@contextmanager
def serving(folder: Path, arguments: list[str]) -> Iterator[str]:
    """The URL of a ``nomoat serve`` of its own, in a session of its own: Ctrl+C stops an answer, not the engine."""
    command = [sys.executable, "-m", "nomoat", "serve", str(folder), "--port", "0", "--json", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            # It has said on stderr what was wrong.
            raise typer.Exit(process.wait() or 1)
        yield str(json.loads(line)["url"])
    finally:
        process.terminate()
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
