"""Proves that a page with the runtime downloads no more code than we promise. Needs Chromium and node_modules."""

from __future__ import annotations

import pytest

from tests.bench.page_download import page_download
from tests.conftest import PackageOf


@pytest.mark.browser
def test_a_page_downloads_at_most_95_kb_of_javascript_and_one_build_of_the_kernels(tiny_package: PackageOf) -> None:
    download = page_download(tiny_package("f32"))
    assert download["text"] != ""
    assert len(download["files"]) >= 2  # the page's own script and the worker's, at least
    assert download["gzip_bytes"] <= download["limit_bytes"], download["files"]
    assert 0 < download["kernels_gzip_bytes"] <= download["kernels_limit_bytes"], download["files"]
    assert sum(name.endswith(".wasm") for name in download["files"]) == 1
