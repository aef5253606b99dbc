"""The application: who answers which path.

======================  ===========================================================================
``/``                   the built site: playground, runner page, demo page (``site.py``)
``/models``             the registry of served packages (``registry.py``)
``/models/ID/PATH``     the files of one package (``package_files.py``)
======================  ===========================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from fastapi import APIRouter, FastAPI

from nomoat import __version__
from nomoat.server import package_files, registry, site
from nomoat.server.errors import install_error_handlers
from nomoat.server.headers import install_headers
from nomoat.server.packages import ServedPackage, open_packages


def create_app(packages: Sequence[Path]) -> FastAPI:
    """An ASGI application that serves the package folders ``packages``.

    Raises ``NomoatError``: those of ``read_package`` where a folder is not a whole package, ``invalid_request`` where
    two folders hold the same model id.
    """
    return assemble(open_packages(packages))


def assemble(
    served: Mapping[str, ServedPackage],
    routers: Sequence[APIRouter] = (),
    lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]] | None = None,
) -> FastAPI:
    """The same over packages that are open already, with ``routers`` of others before the site's."""
    app = FastAPI(
        title="NoMoat", version=__version__, docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan
    )
    app.state.packages = served
    for router in (registry.router(served), package_files.router(served), *routers):
        app.include_router(router)
    site.mount(app)
    install_error_handlers(app)
    install_headers(app)
    return app
