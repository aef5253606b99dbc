"""``POST /v1/embeddings``: vectors of texts, by a model that gives them."""

from __future__ import annotations

import base64
from collections.abc import AsyncGenerator, Mapping
from typing import Annotated, Any, Literal

import numpy as np
from nomoat_compiler.errors import NomoatError
from pydantic import BaseModel, ConfigDict, Field

from nomoat.openai_api.engine_page import EnginePage
from nomoat.openai_api.fields import read_fields

MAX_TEXTS = 2048


class EmbeddingRequest(BaseModel):
    """The fields that are honoured; ``user`` is taken and not used. Another one is an error, never ignored."""

    model_config = ConfigDict(extra="forbid", strict=True)
    model: str
    input: str | Annotated[list[str], Field(min_length=1, max_length=MAX_TEXTS)]
    encoding_format: Literal["float", "base64"] | None = "float"
    dimensions: Annotated[int, Field(ge=1)] | None = None
    user: str | None = None


def read_embedding(body: Mapping[str, Any]) -> EmbeddingRequest:
    """Raises ``NomoatError`` ``invalid_request`` with the field's name as ``param``."""
    return read_fields(EmbeddingRequest, body, {"input": "Token ids are not taken: send the text."})


async def embed(page: EnginePage, request: EmbeddingRequest) -> AsyncGenerator[tuple[str, Any], None]:
    """("result", OpenAI's list): float32 (hidden_size) each, as numbers or as base64 of little-endian bytes."""
    texts = [request.input] if isinstance(request.input, str) else request.input
    answer = await page.call("embed", texts)
    raw = base64.b64decode(answer["rows"])
    rows = np.frombuffer(raw, dtype="<f4").reshape(len(texts), -1)
    if request.dimensions not in (None, rows.shape[1]):
        raise NomoatError(
            "invalid_request",
            f"dimensions is {request.dimensions}; {request.model} gives vectors of {rows.shape[1]} and none shorter.",
            param="dimensions",
        )
    as_text = request.encoding_format == "base64"
    tokens = answer["usage"]["promptTokens"]
    result = {
        "object": "list",
        "data": [
            {
                "object": "embedding",
                "index": index,
                "embedding": base64.b64encode(row.tobytes()).decode() if as_text else row.tolist(),
            }
            for index, row in enumerate(rows)
        ],
        "model": request.model,
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }
    yield "result", result
