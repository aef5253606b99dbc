"""The HTTP server: playground pages, model registry, package files."""

from nomoat.server.app import create_app

__all__ = ["create_app"]
