"""Proves how package files leave the server: ranges, ETags, caching, HEAD, what never leaves. Needs nothing."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from nomoat.server import create_app
from nomoat_compiler.errors import NomoatError
from package_folder import SHARD, write_package

SHARD_URL = "/models/small-f32/weights/params_shard_0.bin"
MANIFEST_URL = "/models/small-f32/nomoat.json"
ETAG = f'"{hashlib.sha256(SHARD).hexdigest()}"'


@pytest.fixture
def package(tmp_path: Path) -> Path:
    return write_package(tmp_path / "small")


@pytest.fixture
def client(package: Path) -> TestClient:
    return TestClient(create_app([package]))


def test_whole_file_is_the_bytes_on_disk_with_its_hash_as_etag(client: TestClient) -> None:
    response = client.get(SHARD_URL, headers={"Accept-Encoding": "gzip, br"})
    assert response.status_code == 200
    assert response.content == SHARD
    assert response.headers["etag"] == ETAG
    assert response.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert response.headers["accept-ranges"] == "bytes"
    assert response.headers["content-length"] == str(len(SHARD))
    assert "content-encoding" not in response.headers


def test_manifest_is_revalidated_and_its_etag_follows_its_content(client: TestClient, package: Path) -> None:
    first = client.get(MANIFEST_URL)
    assert first.headers["cache-control"] == "no-cache"
    assert first.headers["content-type"] == "application/json"
    assert client.get(MANIFEST_URL, headers={"If-None-Match": first.headers["etag"]}).status_code == 304
    (package / "nomoat.json").write_bytes((package / "nomoat.json").read_bytes() + b"\n")
    second = client.get(MANIFEST_URL, headers={"If-None-Match": first.headers["etag"]})
    assert second.status_code == 200
    assert second.headers["etag"] != first.headers["etag"]


@pytest.mark.parametrize(
    ("range_", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=100-199", 100, 200),
        ("bytes=2000-", 2000, 2048),
        ("bytes=-48", 2000, 2048),
        ("bytes=-5000", 0, 2048),
        ("bytes=2040-9999", 2040, 2048),
    ],
)
def test_single_ranges(client: TestClient, range_: str, start: int, stop: int) -> None:
    response = client.get(SHARD_URL, headers={"Range": range_})
    assert response.status_code == 206
    assert response.content == SHARD[start:stop]
    assert response.headers["content-range"] == f"bytes {start}-{stop - 1}/{len(SHARD)}"
    assert response.headers["content-length"] == str(stop - start)
    assert response.headers["etag"] == ETAG


@pytest.mark.parametrize("range_", ["bytes=2048-", "bytes=5000-6000", "bytes=-0"])
def test_a_range_outside_the_file_is_416_with_the_size(client: TestClient, range_: str) -> None:
    response = client.get(SHARD_URL, headers={"Range": range_})
    assert response.status_code == 416
    assert response.headers["content-range"] == f"bytes */{len(SHARD)}"
    assert response.headers["access-control-allow-origin"] == "*"


def test_if_range_resumes_only_the_same_content(client: TestClient) -> None:
    same = client.get(SHARD_URL, headers={"Range": "bytes=10-19", "If-Range": ETAG})
    assert (same.status_code, same.content) == (206, SHARD[10:20])
    other = client.get(SHARD_URL, headers={"Range": "bytes=10-19", "If-Range": '"another"'})
    assert (other.status_code, other.content) == (200, SHARD)


@pytest.mark.parametrize("tags", [ETAG, f"W/{ETAG}", f'"x", {ETAG}', "*"])
def test_if_none_match_is_304_without_a_body(client: TestClient, tags: str) -> None:
    response = client.get(SHARD_URL, headers={"If-None-Match": tags})
    assert response.status_code == 304
    assert response.content == b""
    assert response.headers["etag"] == ETAG


def test_head_has_the_headers_and_no_body(client: TestClient) -> None:
    response = client.head(SHARD_URL)
    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["content-length"] == str(len(SHARD))
    assert response.headers["etag"] == ETAG


@pytest.mark.parametrize(
    "path",
    [
        "notes.txt",  # in the folder, not in the manifest
        "%2e%2e/small-f32/nomoat.json",
        "%2e%2e%2f%2e%2e%2fsmall%2fnomoat.json",
        "weights/%2e%2e/nomoat.json",
        "weights%2f%2e%2e%2f%2e%2e%2fsecret",
        "/etc/passwd",
        "%2Fetc%2Fpasswd",
        "weights",
        "",
        "nomoat.json%00",
        "weights/params_shard_0.bin/",
    ],
)
def test_nothing_but_the_manifest_and_its_files_is_served(client: TestClient, path: str) -> None:
    # The dots are percent-encoded because the client would resolve them itself; the server sees them decoded.
    response = client.get(f"/models/small-f32/{path}")
    assert response.status_code == 404
    assert set(response.json()) == {"code", "message", "detail"}


def test_a_link_put_there_later_does_not_lead_out(client: TestClient, package: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(SHARD)
    shard = package / "weights" / "params_shard_0.bin"
    shard.unlink()
    shard.symlink_to(secret)
    assert client.get(SHARD_URL).status_code == 404


def test_an_unknown_model_says_which_are_served(client: TestClient) -> None:
    response = client.get("/models/absent/nomoat.json")
    assert response.status_code == 404
    assert response.json()["code"] == "model_not_found"
    assert "small-f32" in response.json()["message"]


def test_writing_is_refused(client: TestClient) -> None:
    assert client.put(SHARD_URL, content=b"x").status_code == 405
    assert client.delete(SHARD_URL).status_code == 405


def test_a_folder_that_is_no_package_is_refused_at_start(tmp_path: Path) -> None:
    with pytest.raises(NomoatError) as caught:
        create_app([tmp_path])
    assert caught.value.code == "model_not_found"


def test_a_truncated_file_is_refused_at_start(package: Path) -> None:
    (package / "weights" / "params_shard_0.bin").write_bytes(SHARD[:-1])
    with pytest.raises(NomoatError) as caught:
        create_app([package])
    assert caught.value.code == "integrity"


def test_two_folders_with_one_id_are_refused(package: Path, tmp_path: Path) -> None:
    with pytest.raises(NomoatError) as caught:
        create_app([package, write_package(tmp_path / "again")])
    assert caught.value.code == "invalid_request"
    assert len(create_app([package, package]).state.packages) == 1
