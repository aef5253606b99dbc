"""How an answer leaves: whole as JSON, or as server-sent events; either way it is aborted when the client leaves."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

from fastapi import Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from nomoat_compiler.errors import NomoatError

from nomoat.openai_api.errors import HttpError, error_body, error_response

Answer = AsyncGenerator[tuple[str, Any], None]
# Between two pieces a proxy may take a silent connection for a dead one.
KEEP_ALIVE_S = 15.0
POLL_S = 0.25
NOT_CACHED = {"Cache-Control": "no-store"}


async def whole(request: Request, answer: Answer) -> Response:
    """The result as JSON. A client that hangs up ends the computation."""
    work = asyncio.ensure_future(result_of(answer))
    try:
        while not work.done():
            await asyncio.wait({work}, timeout=POLL_S)
            if not work.done() and await request.is_disconnected():
                work.cancel()
                await asyncio.wait({work})
                return Response(status_code=499)
        return JSONResponse(work.result(), headers=NOT_CACHED)
    except (HttpError, NomoatError) as error:
        return error_response(error)
    finally:
        work.cancel()


async def result_of(answer: Answer) -> Any:
    result = None
    try:
        async for kind, value in answer:
            if kind == "result":
                result = value
    finally:
        await answer.aclose()
    return result


async def streamed(answer: Answer) -> Response:
    """Events as they come. What fails before the first one is an answer with its status, what fails later an event."""
    try:
        first = await anext(answer)
    except (HttpError, NomoatError) as error:
        await answer.aclose()
        return error_response(error)
    except BaseException:
        await answer.aclose()
        raise
    headers = NOT_CACHED | {"X-Accel-Buffering": "no"}
    return StreamingResponse(events(first, answer), media_type="text/event-stream", headers=headers)


async def events(first: tuple[str, Any], answer: Answer) -> AsyncIterator[bytes]:
    following: asyncio.Future[tuple[str, Any]] | None = None
    try:
        kind, value = first
        while kind == "event":
            yield event(value)
            following = asyncio.ensure_future(anext(answer))
            while not (await asyncio.wait({following}, timeout=KEEP_ALIVE_S))[0]:
                yield b": still computing\n\n"
            kind, value = following.result()
        yield b"data: [DONE]\n\n"
    except NomoatError as error:
        yield event(error_body(error))
    finally:
        if following is not None and not following.done():
            following.cancel()
            await asyncio.wait({following})
        await answer.aclose()


def event(value: Any) -> bytes:
    return f"data: {json.dumps(value, ensure_ascii=False)}\n\n".encode()
