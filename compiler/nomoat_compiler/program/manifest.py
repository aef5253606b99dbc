"""nomoat.json: what a package is, and the size and SHA-256 of every other file in it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
from referencing import Registry

from ..errors import ErrorCode, NomoatError

MANIFEST_NAME = "nomoat.json"
READ_BYTES = 1 << 20


@dataclass(frozen=True)
class PackageFile:
    """A file of a package; ``path`` is relative with forward slashes."""

    path: str
    nbytes: int
    sha256: str


def package_file(folder: Path, path: str) -> PackageFile:
    """Reads ``path`` under ``folder`` once, a block at a time."""
    digest = hashlib.sha256()
    nbytes = 0
    with (folder / path).open("rb") as file:
        while block := file.read(READ_BYTES):
            digest.update(block)
            nbytes += len(block)
    return PackageFile(path, nbytes, digest.hexdigest())


def manifest_bytes(manifest: dict[str, Any], files: Iterable[PackageFile]) -> bytes:
    """The file's bytes: keys sorted, files in the order of path, nothing that depends on when or where.

    ``internal`` where the result breaks the schema: that is a bug of ours.
    """
    complete = manifest | {"files": [asdict(file) for file in sorted(files, key=lambda file: file.path)]}
    check_schema(complete, "manifest.schema.json", MANIFEST_NAME, "internal")
    return (json.dumps(complete, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode("utf-8")


def check_schema(value: object, schema_name: str, what: str, code: ErrorCode) -> None:
    """``code`` with the first violation where ``value`` breaks the schema of this folder."""
    try:
        error = jsonschema.exceptions.best_match(_validator(schema_name).iter_errors(value))
    except RecursionError:
        raise NomoatError(code, f"{what} is nested too deeply.", file=what) from None
    if error is not None:
        where = "/".join(str(step) for step in error.absolute_path) or "the top"
        raise NomoatError(
            code, f"{what} breaks its schema at {where}: {error.message[:300]}.", file=what, at=where[:200]
        )


@cache
def _validator(schema_name: str) -> jsonschema.Draft202012Validator:
    schemas = _schemas()
    registry: Registry[Any] = Registry().with_contents((schema["$id"], schema) for schema in schemas.values())
    return jsonschema.Draft202012Validator(schemas[schema_name], registry=registry.crawl())


@cache
def _schemas() -> dict[str, dict[str, Any]]:
    """Every schema of this folder by file name; they refer to each other by $id, ``nomoat:<file name>``."""
    files = (file for file in resources.files(__package__).iterdir() if file.name.endswith(".schema.json"))
    return {file.name: json.loads(file.read_text(encoding="utf-8")) for file in files}
