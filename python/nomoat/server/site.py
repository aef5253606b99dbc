"""``/``: the static site that ``npm run build -w web`` puts into static/web."""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from nomoat.server.errors import ApiError
from nomoat.server.package_files import IMMUTABLE, REVALIDATE

SITE_FOLDER = Path(__file__).parent.parent / "static" / "web"


class Site(StaticFiles):
    """Static files; those under assets/ carry a content hash in their name, so they never change."""

    def file_response(self, full_path, stat_result, scope: Scope, status_code: int = 200) -> Response:  # type: ignore[no-untyped-def]
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers["Cache-Control"] = IMMUTABLE if "/assets/" in scope["path"] else REVALIDATE
        return response


def site_is_built() -> bool:
    return (SITE_FOLDER / "index.html").is_file()


def mount(app: FastAPI) -> None:
    if site_is_built():
        app.mount("/", Site(directory=SITE_FOLDER, html=True), name="site")
        return

    @app.get("/")
    def not_built() -> Response:
        raise ApiError(
            503, "internal", "The playground is not built. Run: npm run build -w web (models are served all the same)."
        )
