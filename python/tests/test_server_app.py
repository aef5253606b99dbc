"""Proves the registry, the headers of every answer, preflights and error bodies. Needs nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from nomoat.server import create_app, site
from package_folder import write_package


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TestClient:
    built = tmp_path / "web"
    (built / "assets").mkdir(parents=True)
    (built / "index.html").write_text("<!doctype html><title>page</title>")
    (built / "assets" / "main-4f2a.js").write_text("export {};")
    monkeypatch.setattr(site, "SITE_FOLDER", built)
    return TestClient(create_app([write_package(tmp_path / "small")]), base_url="http://127.0.0.1:8000")


def test_registry(client: TestClient) -> None:
    response = client.get("/models")
    assert response.json() == {
        "models": [
            {
                "id": "small-f32",
                "name": "Small",
                "architecture": "LlamaForCausalLM",
                "quantization": "f32",
                "bytes": response.json()["models"][0]["bytes"],
                "context_length": 64,
                "parameter_count": 512,
                "license": "apache-2.0",
                "url": "http://127.0.0.1:8000/models/small-f32/",
            }
        ],
        "adapters": [],
    }
    assert response.json()["models"][0]["bytes"] > 2048
    assert client.get("http://127.0.0.1:8000/models/small-f32/nomoat.json").status_code == 200
    assert client.head("/models").status_code == 200


def test_registry_without_models() -> None:
    assert TestClient(create_app([])).get("/models").json() == {"models": [], "adapters": []}


def test_pages_are_cross_origin_isolated(client: TestClient) -> None:
    for path in ("/", "/index.html", "/assets/main-4f2a.js"):
        response = client.get(path)
        assert response.status_code == 200
        assert response.headers["cross-origin-opener-policy"] == "same-origin"
        assert response.headers["cross-origin-embedder-policy"] == "require-corp"
    assert client.get("/").headers["cache-control"] == "no-cache"
    assert "immutable" in client.get("/assets/main-4f2a.js").headers["cache-control"]


def test_models_are_readable_by_every_origin(client: TestClient) -> None:
    for path in ("/models", "/models/small-f32/nomoat.json", "/models/absent/x"):
        response = client.get(path, headers={"Origin": "https://elsewhere.example"})
        assert response.headers["access-control-allow-origin"] == "*"
        assert response.headers["cross-origin-resource-policy"] == "cross-origin"
    exposed = client.get("/models", headers={"Origin": "https://elsewhere.example"}).headers
    assert "Content-Range" in exposed["access-control-expose-headers"]
    assert "ETag" in exposed["access-control-expose-headers"]


def test_preflight_allows_ranges(client: TestClient) -> None:
    response = client.options(
        "/models/small-f32/weights/params_shard_0.bin",
        headers={
            "Origin": "https://elsewhere.example",
            "Access-Control-Request-Method": "GET",
            "Access-Control-Request-Headers": "range,if-range",
        },
    )
    assert response.status_code == 200
    assert response.headers["access-control-allow-origin"] == "*"
    assert "Range" in response.headers["access-control-allow-headers"]


def test_unknown_paths_are_json_errors(client: TestClient) -> None:
    response = client.get("/nowhere")
    assert response.status_code == 404
    assert set(response.json()) == {"code", "message", "detail"}


def test_the_site_serves_nothing_above_its_folder(client: TestClient) -> None:
    for path in (
        "/%2e%2e/small/nomoat.json",
        "/%2e%2e%2fsmall%2fnomoat.json",
        "/assets/%2e%2e/%2e%2e/small/nomoat.json",
    ):
        assert client.get(path).status_code == 404


def test_without_a_built_site_the_models_are_served_and_the_page_says_what_to_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site, "SITE_FOLDER", tmp_path / "absent")
    client = TestClient(create_app([write_package(tmp_path / "small")]))
    response = client.get("/")
    assert response.status_code == 503
    assert "npm run build" in response.json()["message"]
    assert client.get("/models").status_code == 200
