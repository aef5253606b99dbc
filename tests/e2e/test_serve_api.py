"""OpenAI's API over HTTP with its official client: answers, streams, hanging up, a dead browser. Needs Chromium."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import openai
import psutil
import pytest

from tests.conftest import PackageOf
from tests.limits import PROCESS_S, WAIT_S

pytestmark = pytest.mark.browser
ROOT = Path(__file__).parents[2]
QUESTION = [{"role": "user", "content": "What is the capital of France?"}]
ENDLESS = [{"role": "user", "content": "Tell me everything."}]


@contextmanager
def served(*arguments: str | Path) -> Iterator[tuple[str, psutil.Process]]:
    """(base URL of /v1, process) of a server on the CPU."""
    command = [sys.executable, "-m", "nomoat", "serve", *map(str, arguments), "--port", "0", "--json"]
    process = subprocess.Popen(
        [*command, "--device", "wasm", "--threads", "1"], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        assert process.stdout is not None
        yield f"{json.loads(process.stdout.readline())['url']}/v1", psutil.Process(process.pid)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(PROCESS_S)


@pytest.fixture(scope="module")
def server(endless_package: Path, tiny_package: PackageOf) -> Iterator[tuple[str, psutil.Process]]:
    with served(
        tiny_package("f32"), endless_package, "--parallel", "2", "--queue", "1", "--loaded-models", "2"
    ) as running:
        yield running


@pytest.fixture(scope="module")
def client(server: tuple[str, psutil.Process]) -> openai.OpenAI:
    return openai.OpenAI(base_url=server[0], api_key="none", max_retries=0, timeout=WAIT_S)


def tiny(client: openai.OpenAI) -> str:
    return next(model.id for model in client.models.list() if "endless" not in model.id)


def endless(client: openai.OpenAI) -> str:
    return next(model.id for model in client.models.list() if "endless" in model.id)


def test_chat_whole_and_streamed_say_the_same(client: openai.OpenAI) -> None:
    asked = {"model": tiny(client), "messages": QUESTION, "temperature": 0, "max_tokens": 12}
    whole = client.chat.completions.create(**asked)
    chunks = list(client.chat.completions.create(**asked, stream=True, stream_options={"include_usage": True}))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert whole.choices[0].message.content == text != ""
    assert whole.usage is not None and chunks[-1].usage is not None
    assert whole.usage.completion_tokens == chunks[-1].usage.completion_tokens > 0
    reasons = [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices]
    assert reasons[-1] == whole.choices[0].finish_reason and set(reasons[:-1]) == {None}


def test_completions_go_on_from_the_prompt(client: openai.OpenAI) -> None:
    answer = client.completions.create(
        model=tiny(client), prompt="The capital of", max_tokens=4, temperature=0, echo=True
    )
    assert answer.choices[0].text.startswith("The capital of") and answer.usage.completion_tokens == 4


def javascript(url: str, model: str, what: str) -> dict[str, Any]:
    """What the Vercel AI SDK and LangChain.js get of a server."""
    script = ROOT / "runtime" / "tests" / "clients" / "over_http.js"
    ran = subprocess.run(
        ["node", script, url, model, what], capture_output=True, text=True, timeout=PROCESS_S, check=False
    )
    assert ran.returncode == 0, ran.stderr
    got: dict[str, Any] = json.loads(ran.stdout)
    return got


def test_clients_of_javascript(client: openai.OpenAI, server: tuple[str, psutil.Process]) -> None:
    model = tiny(client)
    answer = client.chat.completions.create(model=model, messages=QUESTION, temperature=0, max_tokens=12)
    text = answer.choices[0].message.content
    got = javascript(server[0], model, "chat")
    assert got["object"]["s"] in (0, 1, 23)
    assert {key: got[key] for key in ("text", "streamed", "answer", "chunks")} == dict.fromkeys(
        ("text", "streamed", "answer", "chunks"), text
    )
    assert (got["tools"], got["absent"]) == (400, 404)


def test_curl(client: openai.OpenAI, server: tuple[str, psutil.Process]) -> None:
    body = {"model": tiny(client), "messages": QUESTION, "temperature": 0, "max_tokens": 4, "stream": True}
    command = ["curl", "-sS", "--fail", "-N", f"{server[0]}/chat/completions", "--json", json.dumps(body)]
    events = subprocess.run(command, capture_output=True, text=True, timeout=PROCESS_S, check=True).stdout.split("\n\n")
    assert events[-2:] == ["data: [DONE]", ""]
    chunks = [json.loads(event.removeprefix("data: ")) for event in events[:-2]]
    whole = client.chat.completions.create(**{**body, "stream": False})
    text = "".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks)
    assert text == whole.choices[0].message.content != ""


def test_errors_are_those_of_the_client(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.create(model="absent", messages=QUESTION)
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(model=tiny(client), messages=QUESTION, temperature=-1)
    assert refused.value.code == "invalid_request"
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(
            model=tiny(client), messages=[{"role": "user", "content": "word " * 2000}], max_tokens=1
        )
    assert refused.value.code == "context_length_exceeded"


def test_hanging_up_ends_the_computation_and_a_full_queue_says_when_to_come_back(client: openai.OpenAI) -> None:
    asked = {"model": endless(client), "messages": ENDLESS, "max_tokens": 4000, "stream": True}
    streams = [client.chat.completions.create(**asked) for _ in range(2)]
    firsts = [next(iter(stream)) for stream in streams]
    assert all(firsts)
    # Two are computed, one waits, the next one is refused: one of these two.
    short = {"model": tiny(client), "messages": QUESTION, "max_tokens": 2}
    with ThreadPoolExecutor(2) as pool:
        asked_now = [pool.submit(client.chat.completions.create, **short) for _ in range(2)]
        first, others = wait(asked_now, WAIT_S, FIRST_COMPLETED)
        refusal = first.pop().exception()
        assert isinstance(refusal, openai.RateLimitError)
        assert int(refusal.response.headers["retry-after"]) >= 1
        for stream in streams:
            stream.close()
        # Their turns are free at once, not after 4,000 tokens.
        assert others.pop().result(WAIT_S).usage.completion_tokens == 2


def test_a_browser_that_dies_is_a_typed_error_and_is_started_again(
    client: openai.OpenAI, server: tuple[str, psutil.Process]
) -> None:
    stream = client.chat.completions.create(model=endless(client), messages=ENDLESS, max_tokens=4000, stream=True)
    next(iter(stream))
    for child in server[1].children(recursive=True):
        if "chrom" in child.name():
            child.kill()
    with pytest.raises(openai.APIError, match="went away"):
        for _ in stream:
            pass
    answer = client.chat.completions.create(model=tiny(client), messages=QUESTION, max_tokens=3, temperature=0)
    assert answer.usage is not None and answer.usage.completion_tokens > 0


def test_embeddings(family_package: Callable[[str, str], Path]) -> None:
    with served(family_package("bert", "f32")) as (url, _process):
        client = openai.OpenAI(base_url=url, api_key="none", max_retries=0, timeout=WAIT_S)
        model = client.models.list().data[0].id
        # The client asks for base64 by itself and gives numbers.
        packed = client.embeddings.create(model=model, input=["a b", "c"])
        plain = client.embeddings.create(model=model, input=["a b", "c"], encoding_format="float")
        for one, other in zip(packed.data, plain.data, strict=True):
            np.testing.assert_array_equal(np.float32(one.embedding), np.float32(other.embedding))
        wanted = [row.embedding for row in client.embeddings.create(model=model, input=["one", "two words"]).data]
        got = javascript(url, model, "embed")
        for found in (got["embeddings"], got["documents"]):
            np.testing.assert_array_equal(np.float32(found), np.float32(wanted))
        with pytest.raises(openai.BadRequestError):
            client.chat.completions.create(model=model, messages=QUESTION)


def test_keys_are_asked_for(tiny_package: PackageOf) -> None:
    with served(tiny_package("f32"), "--api-key", "secret") as (url, _process):
        with pytest.raises(openai.AuthenticationError):
            openai.OpenAI(base_url=url, api_key="wrong", max_retries=0).models.list()
        assert openai.OpenAI(base_url=url, api_key="secret", max_retries=0).models.list().data


def test_chat_in_the_terminal(tiny_package: PackageOf) -> None:
    command = [sys.executable, "-m", "nomoat", "chat", str(tiny_package("f32")), "--device", "wasm"]
    result = subprocess.run(
        [*command, "--temperature", "0", "--max-tokens", "8"],
        input="What is the capital of France?\n/clear\nHello\n/exit\n",
        capture_output=True, text=True, timeout=PROCESS_S, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert "error" not in result.stderr and len(result.stdout.splitlines()) >= 3
