"""A page of a site gives the engine the URL of a GGUF file and gets an answer: header, import in the worker, storage,
device. Needs Chromium and node_modules."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from nomoat.browser import Adapter, find_chromium
from nomoat.browser.local_site import local_site
from nomoat.browser.runner import headless_browser
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from tests.bench.page_download import PAGE, ROOT
from tests.fixtures.gguf_checkpoint import WIDE, write_gguf
from tests.fixtures.variants import random_tensors, variant_config
from tests.limits import PROCESS_S


@pytest.mark.browser
def test_a_page_runs_a_gguf_file(tmp_path: Path) -> None:
    command = ["npx", "vite", "build", str(PAGE), "--outDir", str(tmp_path), "--logLevel", "error"]
    subprocess.run(command, cwd=ROOT, check=True, timeout=PROCESS_S)
    config = variant_config("base") | WIDE
    write_gguf(tmp_path / "tiny.Q4_K.gguf", config, random_tensors(config, 0), "Q4_K")
    data = (tmp_path / "tiny.Q4_K.gguf").read_bytes()
    (tmp_path / "broken.gguf").write_bytes(data.replace(b"gpt-2", b"gpt-9"))
    site = Starlette(routes=[Mount("/", StaticFiles(directory=tmp_path, html=True))])
    with local_site(site) as server, headless_browser(find_chromium(), Adapter.SOFTWARE) as browser:
        page = browser.new_page()
        page.goto(server)
        answer = "(url) => window.answer(url, 'Hello').catch((error) => ({ code: error.code }))"
        text = page.evaluate(answer, f"{server}/tiny.Q4_K.gguf")
        assert isinstance(text, str), text
        assert page.evaluate(answer, f"{server}/broken.gguf") == {"code": "unsupported"}
