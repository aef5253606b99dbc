"""An ASGI application on 127.0.0.1, on a port of the system's choice, in a thread of this process."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from nomoat_compiler.errors import NomoatError
from starlette.types import ASGIApp

from nomoat.server.listen import listen

START_TIMEOUT_S = 15.0
STOP_TIMEOUT_S = 5


@contextmanager
def local_site(app: ASGIApp, port: int = 0) -> Iterator[str]:
    """Serves ``app`` while the context is open; gives its base URL, without a slash at the end."""
    listener = listen("127.0.0.1", port)
    config = uvicorn.Config(
        app,
        log_level="error",
        access_log=False,
        lifespan="off",
        # A browser keeps connections open: waiting for them would hold up the end of the command.
        timeout_graceful_shutdown=STOP_TIMEOUT_S,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="nomoat-site", daemon=True)
    thread.start()
    try:
        deadline = time.monotonic() + START_TIMEOUT_S
        while not server.started:
            if not thread.is_alive() or time.monotonic() > deadline:
                raise NomoatError("internal", "The local web server did not start.")
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        server.force_exit = True
        thread.join(STOP_TIMEOUT_S)
        listener.close()
