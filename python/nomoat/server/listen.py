"""Taking an address to listen on, with an error that says what to do."""

from __future__ import annotations

import socket

from nomoat_compiler.errors import NomoatError


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises ``NomoatError`` ``invalid_request`` where the address cannot be taken."""
    try:
        family, kind, protocol, _name, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (socket.gaierror, OverflowError) as error:
        raise NomoatError(
            "invalid_request", f"{host!r} port {port} is not an address of this machine: {error}."
        ) from error
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise NomoatError(
            "invalid_request",
            f"Cannot listen on {host}:{port}: {error.strerror}. "
            "Stop what uses the port, or choose another one with --port (0: any free one).",
            host=host,
            port=port,
        ) from error
    return listener
