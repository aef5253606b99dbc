"""Proves OpenAI's paths without a browser: who may ask, what is refused and how, streams, queue. Needs nothing."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from nomoat.openai_api import ApiOptions, app, create_api_app
from nomoat.openai_api.errors import HttpError
from nomoat.openai_api.guards import MAX_BODY_BYTES, Guards, is_address, name_of
from nomoat.openai_api.turns import Turns
from nomoat_compiler.errors import NomoatError
from package_folder import write_package

BASE = "http://127.0.0.1:8000"
MESSAGES = [{"role": "user", "content": "Hi"}]


class FakePage:
    """Answers by rule: the words of the prompt one by one, or the error that its options name."""

    def __init__(self) -> None:
        self.aborted = 0
        self.asked: list[tuple[str, Any]] = []

    async def stream(self, method: str, params: Any) -> AsyncGenerator[tuple[str, Any], None]:
        self.asked.append((method, params))
        ended = False
        try:
            if method == "chat":
                if params.get("user") == "fails":
                    raise NomoatError("context_overflow", "Too long.", param="messages")
                for index in range(3):
                    yield "event", {"object": "chat.completion.chunk", "index": index}
                    if params.get("user") == "breaks":
                        raise NomoatError("device_lost", "Gone.")
                    if params.get("user") == "hangs":
                        await asyncio.sleep(3600)
                yield "result", {"object": "chat.completion"}
            else:
                words = params["prompt"].split()
                for word in words:
                    yield "event", {"text": f" {word}"}
                figures = {"promptTokens": len(words), "completionTokens": len(words), "finishReason": "length"}
                yield "result", {"usage": figures}
            ended = True
        finally:
            self.aborted += not ended

    async def call(self, method: str, params: Any) -> Any:
        self.asked.append((method, params))
        rows = np.arange(2 * len(params), dtype="<f4")
        return {"rows": base64.b64encode(rows.tobytes()).decode(), "usage": {"promptTokens": 7}}


class FakeHost:
    def __init__(self, *_options: object) -> None:
        self.page = FakePage()

    @asynccontextmanager
    async def model(self, model_id: str, base_url: str) -> AsyncIterator[FakePage]:
        assert model_id == "small-f32" and base_url.startswith("http://")
        yield self.page

    async def close(self) -> None:
        pass


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FastAPI:
    monkeypatch.setattr(app, "EngineHost", FakeHost)
    guards = Guards(hosts=["models.example"], origins=["https://friend.example"], api_key="secret")
    return create_api_app([write_package(tmp_path / "small")], ApiOptions(guards=guards))


@pytest.fixture
def client(served: FastAPI) -> Iterator[TestClient]:
    with TestClient(served, base_url=BASE, headers={"Authorization": "Bearer secret"}) as client:
        yield client


def page_of(served: FastAPI) -> FakePage:
    return served.state.engine_host.page


def test_models(client: TestClient) -> None:
    models = client.get("/v1/models").json()
    assert models["object"] == "list" and [model["id"] for model in models["data"]] == ["small-f32"]
    one = client.get("/v1/models/small-f32").json()
    assert one == models["data"][0] and set(one) == {"id", "object", "created", "owned_by"}
    assert client.get("/v1/models/absent").status_code == 404


@pytest.mark.parametrize("method", ["get", "post"])
def test_unknown_paths_below_v1_answer_in_openais_form(client: TestClient, method: str) -> None:
    response = getattr(client, method)("/v1/nowhere")
    assert response.status_code == 404
    assert set(response.json()["error"]) == {"message", "type", "param", "code"}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Host": "localhost:8000"}, 200),
        ({"Host": "[::1]:8000"}, 200),
        ({"Host": "192.168.1.7:8000"}, 200),
        ({"Host": "models.example"}, 200),
        ({"Host": "MODELS.example.:8000"}, 200),
        ({"Host": "rebound.example"}, 403),
        ({"Host": "127.0.0.1.rebound.example"}, 403),
        ({"Origin": "https://friend.example"}, 200),
        ({"Origin": BASE}, 200),
        ({"Origin": "https://stranger.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Authorization": "Bearer wrong"}, 401),
        ({"Authorization": "secret"}, 401),
        ({"Authorization": ""}, 401),
    ],
)
def test_who_may_ask(client: TestClient, headers: dict[str, str], status: int) -> None:
    response = client.get("/v1/models", headers=headers)
    assert response.status_code == status
    allowed = headers.get("Origin") if status == 200 else None
    assert response.headers.get("access-control-allow-origin") == allowed
    if status != 200:
        assert response.json()["error"]["message"]


def test_preflights_are_answered_for_allowed_origins_only(client: TestClient) -> None:
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}
    friend = client.options("/v1/chat/completions", headers={**asked, "Origin": "https://friend.example"})
    assert friend.status_code == 204
    assert friend.headers["access-control-allow-origin"] == "https://friend.example"
    stranger = client.options("/v1/chat/completions", headers={**asked, "Origin": "https://stranger.example"})
    assert stranger.status_code == 403 and "access-control-allow-origin" not in stranger.headers


@pytest.mark.parametrize(
    ("content", "headers", "status", "code"),
    [
        (b"{", {}, 400, "invalid_request"),
        (b"[]", {}, 400, "invalid_request"),
        (b"[" * 100_000, {}, 400, "invalid_request"),
        (b"{}", {"Content-Type": "text/plain"}, 415, "unsupported_media_type"),
        (b" " * (MAX_BODY_BYTES + 1), {}, 413, "request_too_large"),
        (b'{"model": "absent", "messages": []}', {}, 404, "model_not_found"),
        (b'{"model": 7, "messages": []}', {}, 404, "model_not_found"),
    ],
)
def test_bodies_that_are_refused(
    client: TestClient, content: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    response = client.post(
        "/v1/chat/completions", content=content, headers={"Content-Type": "application/json", **headers}
    )
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)


def test_chat_is_handed_on_as_it_is(client: TestClient, served: FastAPI) -> None:
    body = {"model": "small-f32", "messages": MESSAGES, "temperature": 0}
    assert client.post("/v1/chat/completions", json=body).json() == {"object": "chat.completion"}
    assert page_of(served).asked == [("chat", body)]


def test_chat_streams_events_and_done(client: TestClient) -> None:
    body = {"model": "small-f32", "messages": MESSAGES, "stream": True}
    response = client.post("/v1/chat/completions", json=body)
    assert response.headers["content-type"].startswith("text/event-stream")
    lines = [line for line in response.text.split("\n\n") if line]
    assert [json.loads(line.removeprefix("data: "))["index"] for line in lines[:-1]] == [0, 1, 2]
    assert lines[-1] == "data: [DONE]"


@pytest.mark.parametrize("stream", [False, True])
def test_what_fails_before_the_first_piece_has_a_status(client: TestClient, stream: bool) -> None:
    body = {"model": "small-f32", "messages": MESSAGES, "user": "fails", "stream": stream}
    response = client.post("/v1/chat/completions", json=body)
    assert response.status_code == 400
    assert response.json()["error"] == {
        "message": "Too long.",
        "type": "invalid_request_error",
        "param": "messages",
        "code": "context_length_exceeded",
    }


def test_what_fails_later_is_an_event(client: TestClient) -> None:
    body = {"model": "small-f32", "messages": MESSAGES, "user": "breaks", "stream": True}
    lines = [line for line in client.post("/v1/chat/completions", json=body).text.split("\n\n") if line]
    assert len(lines) == 2
    assert json.loads(lines[1].removeprefix("data: "))["error"]["code"] == "device_lost"


def test_completions(client: TestClient, served: FastAPI) -> None:
    body = {"model": "small-f32", "prompt": ["a b", "c"], "n": 2, "seed": 5, "echo": True, "max_tokens": 4}
    answer = client.post("/v1/completions", json=body).json()
    assert [choice["text"] for choice in answer["choices"]] == ["a b a b", "a b a b", "c c", "c c"]
    assert [choice["index"] for choice in answer["choices"]] == [0, 1, 2, 3]
    assert answer["usage"] == {"prompt_tokens": 3, "completion_tokens": 6, "total_tokens": 9}
    options = [params["options"] for _, params in page_of(served).asked]
    assert [option["seed"] for option in options] == [5, 6, 5, 6]
    assert all(option["raw"] is True and option["maxTokens"] == 4 for option in options)


def test_completions_stream(client: TestClient) -> None:
    body = {"model": "small-f32", "prompt": "a b", "stream": True, "stream_options": {"include_usage": True}}
    lines = [line for line in client.post("/v1/completions", json=body).text.split("\n\n") if line]
    chunks = [json.loads(line.removeprefix("data: ")) for line in lines[:-1]]
    assert [chunk["choices"][0]["text"] for chunk in chunks[:-1]] == [" a", " b", ""]
    assert chunks[2]["choices"][0]["finish_reason"] == "length"
    assert chunks[-1]["choices"] == [] and chunks[-1]["usage"]["total_tokens"] == 4


@pytest.mark.parametrize(
    ("path", "field", "value"),
    [
        ("completions", "suffix", "x"),
        ("completions", "prompt", [1, 2]),
        ("completions", "prompt", []),
        ("completions", "temperature", -1),
        ("completions", "temperature", "1"),
        ("completions", "max_tokens", 0),
        ("completions", "n", 17),
        ("embeddings", "input", [[1, 2]]),
        ("embeddings", "input", []),
        ("embeddings", "encoding_format", "hex"),
        ("embeddings", "dimensions", 1),
    ],
)
def test_fields_that_are_refused_are_named(client: TestClient, path: str, field: str, value: object) -> None:
    body = {"model": "small-f32", "prompt": "a"} if path == "completions" else {"model": "small-f32", "input": "a"}
    response = client.post(f"/v1/{path}", json={**body, field: value})
    assert (response.status_code, response.json()["error"]["param"]) == (400, field)


def test_embeddings(client: TestClient) -> None:
    answer = client.post("/v1/embeddings", json={"model": "small-f32", "input": ["a", "b"]}).json()
    assert [entry["embedding"] for entry in answer["data"]] == [[0.0, 1.0], [2.0, 3.0]]
    assert answer["usage"] == {"prompt_tokens": 7, "total_tokens": 7}
    body = {"model": "small-f32", "input": "a", "encoding_format": "base64"}
    packed = client.post("/v1/embeddings", json=body).json()["data"][0]["embedding"]
    assert np.frombuffer(base64.b64decode(packed), dtype="<f4").tolist() == [0.0, 1.0]


def test_turns_run_some_let_some_wait_and_refuse_the_rest() -> None:
    async def scenario() -> None:
        turns = Turns(running=2, waiting=1)
        release = asyncio.Event()
        running: list[int] = []

        async def request(number: int) -> None:
            async with turns.turn():
                running.append(number)
                await release.wait()

        tasks = [asyncio.create_task(request(number)) for number in range(3)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert running == [0, 1] and turns.inside == 3
        with pytest.raises(HttpError) as refused:
            await request(3)
        assert refused.value.status == 429 and int(refused.value.headers["Retry-After"]) >= 1
        # One that waited and left makes room.
        tasks[2].cancel()
        await asyncio.gather(tasks[2], return_exceptions=True)
        assert turns.inside == 2
        release.set()
        await asyncio.gather(*tasks[:2])
        assert turns.inside == 0

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("host", "name"),
    [("localhost:1", "localhost"), ("[::1]:80", "::1"), ("A.B.", "a.b"), ("", ""), ("[", "")],
)
def test_names_of_hosts(host: str, name: str) -> None:
    assert name_of(host) == name


def test_addresses_are_told_from_names() -> None:
    assert is_address("127.0.0.1") and is_address("fe80::1")
    assert not is_address("127.0.0.1.example") and not is_address("")
