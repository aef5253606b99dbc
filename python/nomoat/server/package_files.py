"""``/models/ID/PATH``: the files of a package, and nothing else of its folder.

Starlette's FileResponse does ranges (206, 416, If-Range); what is ours is the ETag, which is the SHA-256 that the
manifest states, and with it 304. Nothing is compressed on the way: quantized weights do not shrink, and a
resumed range must count the stored bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from fastapi import APIRouter, Request, Response
from nomoat_compiler.program.manifest import MANIFEST_NAME
from starlette.responses import FileResponse

from nomoat.server.errors import ApiError
from nomoat.server.packages import ServedPackage

IMMUTABLE = "public, max-age=31536000, immutable"
REVALIDATE = "no-cache"
MEDIA_TYPES = {
    ".json": "application/json",
    ".wgsl": "text/wgsl; charset=utf-8",
    ".jinja": "text/plain; charset=utf-8",
}


def router(packages: Mapping[str, ServedPackage]) -> APIRouter:
    routes = APIRouter()

    @routes.api_route("/models/{model_id}/{path:path}", methods=["GET", "HEAD"])
    def package_file(model_id: str, path: str, request: Request) -> Response:
        package = packages.get(model_id)
        if package is None:
            served = ", ".join(packages) or "none"
            raise ApiError(404, "model_not_found", f"No model {model_id!r} is served here. Served: {served}.")
        local = package.local_path(path)
        if local is None:
            raise ApiError(404, "invalid_request", f"The package {model_id} has no file {path!r}.", path=path)
        sha256 = manifest_sha256(local) if path == MANIFEST_NAME else package.files[path].sha256
        etag = f'"{sha256}"'
        headers = {"ETag": etag, "Cache-Control": REVALIDATE if path == MANIFEST_NAME else IMMUTABLE}
        if matches(request.headers.get("if-none-match"), etag):
            return Response(status_code=304, headers=headers)
        media_type = MEDIA_TYPES.get(local.suffix, "application/octet-stream")
        return FileResponse(local, headers=headers, media_type=media_type)

    return routes


def matches(if_none_match: str | None, etag: str) -> bool:
    """RFC 9110 §13.1.2: a list of tags or ``*``; the comparison is weak, so a ``W/`` in front does not matter."""
    if if_none_match is None:
        return False
    tags = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return "*" in tags or etag in tags


def manifest_sha256(path: Path) -> str:
    """The manifest is the one file that is not in the manifest: it is small, so it is hashed when asked for."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
