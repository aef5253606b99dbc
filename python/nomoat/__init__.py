"""NoMoat's tools in Python: command line, server, and the driver that runs packages in a headless browser."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("nomoat")
except PackageNotFoundError:  # run from a checkout that is not installed
    __version__ = "0.0.0"
