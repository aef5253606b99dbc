"""Numbers as people read them."""

from __future__ import annotations


def format_bytes(nbytes: float) -> str:
    """98362432 → "98.4 MB" (decimal units, as disks and downloads are sold)."""
    for unit in ("B", "kB", "MB", "GB"):
        if nbytes < 1000:
            return f"{nbytes:.0f} {unit}" if unit == "B" else f"{nbytes:.1f} {unit}"
        nbytes /= 1000
    return f"{nbytes:.1f} TB"


def format_count(count: float) -> str:
    """134515008 → "134.5M"."""
    for unit in ("", "k", "M"):
        if count < 1000:
            return f"{count:.0f}" if unit == "" else f"{count:.1f}{unit}"
        count /= 1000
    return f"{count:.1f}B"
