"""``POST /v1/completions``: text that goes on from a prompt, without a chat template. OpenAI's older shape."""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncGenerator, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from nomoat.openai_api.engine_page import EnginePage
from nomoat.openai_api.fields import read_fields

MAX_CHOICES = 16


class StreamOptions(BaseModel):
    model_config = ConfigDict(extra="forbid")
    include_usage: bool = False


class CompletionRequest(BaseModel):
    """The fields that are honoured; ``user`` is taken and not used. Another one is an error, never ignored."""

    model_config = ConfigDict(extra="forbid", strict=True)
    model: str
    prompt: str | Annotated[list[str], Field(min_length=1, max_length=MAX_CHOICES)]
    max_tokens: Annotated[int, Field(ge=1)] | None = 16
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    top_k: Annotated[int, Field(ge=0)] | None = None
    min_p: Annotated[float, Field(ge=0, le=1)] | None = None
    repetition_penalty: Annotated[float, Field(gt=0, le=10)] | None = None
    presence_penalty: Annotated[float, Field(ge=-2, le=2)] | None = None
    frequency_penalty: Annotated[float, Field(ge=-2, le=2)] | None = None
    seed: Annotated[int, Field(ge=0, lt=2**32)] | None = None
    stop: str | Annotated[list[str], Field(max_length=16)] | None = None
    n: Annotated[int, Field(ge=1, le=MAX_CHOICES)] | None = 1
    echo: bool | None = False
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    adapter: str | None = None
    user: str | None = None


# The runtime's name of each option that only changes its name.
OPTIONS = {
    "max_tokens": "maxTokens", "temperature": "temperature", "top_p": "topP", "top_k": "topK", "min_p": "minP",
    "repetition_penalty": "repetitionPenalty", "presence_penalty": "presencePenalty",
    "frequency_penalty": "frequencyPenalty", "stop": "stop", "adapter": "adapter",
}  # fmt: skip


def read_completion(body: Mapping[str, Any]) -> CompletionRequest:
    """Raises ``NomoatError`` ``invalid_request`` with the field's name as ``param``."""
    return read_fields(CompletionRequest, body, {})


async def complete(page: EnginePage, request: CompletionRequest) -> AsyncGenerator[tuple[str, Any], None]:
    """("event", chunk) of each piece, then ("result", the completion).

    Choices are computed one after another: with one prompt, all but the first find it in the cache.
    """
    prompts = [request.prompt] if isinstance(request.prompt, str) else request.prompt
    head = {"id": f"cmpl-{uuid.uuid4().hex}", "object": "text_completion", "created": int(time.time())}
    head["model"] = request.model
    options = {OPTIONS[name]: value for name in OPTIONS if (value := getattr(request, name)) is not None}
    choices: list[dict[str, Any]] = []
    usage = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
    for prompt in prompts:
        for choice in range(request.n or 1):
            index = len(choices)
            text = prompt if request.echo else ""
            if text:
                yield "event", head | {"choices": [piece(index, text, None)]}
            seeded = options | ({} if request.seed is None else {"seed": (request.seed + choice) % 2**32})
            answer: dict[str, Any] = {}
            async for kind, value in page.stream("generate", {"prompt": prompt, "options": seeded | {"raw": True}}):
                if kind == "result":
                    answer = value
                elif value["text"]:
                    text += value["text"]
                    yield "event", head | {"choices": [piece(index, value["text"], None)]}
            figures = answer["usage"]
            yield "event", head | {"choices": [piece(index, "", figures["finishReason"])]}
            choices.append(piece(index, text, figures["finishReason"]))
            usage["prompt_tokens"] += figures["promptTokens"] if choice == 0 else 0
            usage["completion_tokens"] += figures["completionTokens"]
    usage["total_tokens"] = usage["prompt_tokens"] + usage["completion_tokens"]
    if request.stream_options is not None and request.stream_options.include_usage:
        yield "event", head | {"choices": [], "usage": usage}
    yield "result", head | {"choices": choices, "usage": usage}


def piece(index: int, text: str, finish_reason: str | None) -> dict[str, Any]:
    return {"index": index, "text": text, "logprobs": None, "finish_reason": finish_reason}
