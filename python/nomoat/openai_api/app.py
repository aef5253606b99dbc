"""The application of ``nomoat serve``: packages and playground, and OpenAI's paths over the served models.

=============================  =================================================
``GET /v1/models``, ``/ID``    the served models
``POST /v1/chat/completions``  the runtime's chat API, its JSON as it is
``POST /v1/completions``       a prompt continued (``completions.py``)
``POST /v1/embeddings``        vectors of texts (``embeddings.py``)
=============================  =================================================
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import Response
from nomoat_compiler.errors import NomoatError
from nomoat_compiler.program.manifest import MANIFEST_NAME

from nomoat.browser import Adapter, Device
from nomoat.openai_api.answers import Answer, streamed, whole
from nomoat.openai_api.completions import complete, read_completion
from nomoat.openai_api.embeddings import embed, read_embedding
from nomoat.openai_api.engine_host import EngineHost
from nomoat.openai_api.engine_page import EnginePage
from nomoat.openai_api.errors import HttpError, handle
from nomoat.openai_api.guards import GuardMiddleware, Guards, read_json
from nomoat.openai_api.turns import Turns
from nomoat.server.app import assemble
from nomoat.server.packages import ServedPackage, open_packages

Compute = Callable[[EnginePage], Answer]


@dataclass(frozen=True)
class ApiOptions:
    """``running`` requests are computed at once, ``waiting`` more may wait; ``most_loaded`` models are in memory."""

    guards: Guards = field(default_factory=Guards)
    device: Device = Device.AUTO
    adapter: Adapter = Adapter.AUTO
    threads: int | None = None
    running: int = 4
    waiting: int = 32
    most_loaded: int = 1


def create_api_app(packages: Sequence[Path], options: ApiOptions) -> FastAPI:
    """``create_app`` with /v1, and with its errors. The browser starts at the first request that computes."""
    load_options: dict[str, Any] = {"device": options.device.value}
    if options.threads is not None:
        load_options["threads"] = options.threads
    served = open_packages(packages)
    adapters: dict[str, list[str]] = {}
    for package in served.values():
        if package.is_adapter:
            adapters.setdefault(package.manifest["base"]["id"], []).append(package.model_id)
    host = EngineHost(options.adapter, load_options, adapters, options.most_loaded)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        await host.close()

    turns = Turns(options.running, options.waiting)
    app = assemble(served, [router(served, host, turns)], lifespan)
    app.add_exception_handler(HttpError, handle)
    app.add_exception_handler(NomoatError, handle)
    app.add_middleware(GuardMiddleware, guards=options.guards)
    app.state.engine_host = host
    return app


def router(served: Mapping[str, ServedPackage], host: EngineHost, turns: Turns) -> APIRouter:
    models = {model_id: package for model_id, package in served.items() if not package.is_adapter}
    routes = APIRouter(prefix="/v1")

    @routes.get("/models")
    def list_models() -> dict[str, Any]:
        return {"object": "list", "data": [described(package) for package in models.values()]}

    @routes.get("/models/{model_id}")
    def one_model(model_id: str) -> dict[str, Any]:
        return described(models[known(model_id)])

    @routes.post("/chat/completions")
    async def chat(request: Request) -> Response:
        body = await read_json(request)
        streams = body.get("stream") is True
        return await answered(request, known(body.get("model")), lambda page: page.stream("chat", body), streams)

    @routes.post("/completions")
    async def completions(request: Request) -> Response:
        asked = read_completion(await read_json(request))
        return await answered(request, known(asked.model), lambda page: complete(page, asked), bool(asked.stream))

    @routes.post("/embeddings")
    async def embeddings(request: Request) -> Response:
        asked = read_embedding(await read_json(request))
        return await answered(request, known(asked.model), lambda page: embed(page, asked), False)

    @routes.api_route("/{path:path}", methods=["GET", "POST", "PUT", "PATCH", "DELETE"], include_in_schema=False)
    def absent(path: str) -> Response:
        raise HttpError(404, "invalid_request_error", "unknown_url", f"There is no /v1/{path} here.")

    def known(model_id: object) -> str:
        """The id of a served model. A client that names none is right where only one is served."""
        if model_id is None and len(models) == 1:
            return next(iter(models))
        if not isinstance(model_id, str) or model_id not in models:
            names = ", ".join(models) or "none"
            raise NomoatError(
                "model_not_found", f"No model {model_id!r} is served here. Served: {names}.", param="model"
            )
        return model_id

    async def answered(request: Request, model_id: str, compute: Compute, streams: bool) -> Response:
        async def answer() -> Answer:
            async with (
                turns.turn(),
                host.model(model_id, own_url(request)) as page,
                aclosing(compute(page)) as events,
            ):
                async for event in events:
                    yield event

        return await (streamed(answer()) if streams else whole(request, answer()))

    return routes


def own_url(request: Request) -> str:
    """Where the browser of this machine reaches this server: the address that took the request, not the name."""
    host, port = request.scope["server"]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def described(package: ServedPackage) -> dict[str, Any]:
    """OpenAI's model object. ``created``: when the package was written."""
    created = int((package.root / MANIFEST_NAME).stat().st_mtime)
    return {"id": package.model_id, "object": "model", "created": created, "owned_by": "nomoat"}
