"""``python -m nomoat``: the same as the command ``nomoat``."""

from nomoat.cli import app

app(prog_name="nomoat")
