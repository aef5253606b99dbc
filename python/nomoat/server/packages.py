"""The packages that the server offers: opened and checked once, at start."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nomoat_compiler.errors import NomoatError
from nomoat_compiler.program.adapter_package import read_adapter
from nomoat_compiler.program.manifest import MANIFEST_NAME, PackageFile
from nomoat_compiler.program.package import read_manifest, read_package


@dataclass(frozen=True)
class ServedPackage:
    """The folder of a model or an adapter, its manifest, and the only files of it that may leave the machine."""

    root: Path
    manifest: Mapping[str, Any]
    files: Mapping[str, PackageFile]

    @property
    def model_id(self) -> str:
        return str(self.manifest["id"])

    @property
    def is_adapter(self) -> bool:
        return "kind" in self.manifest

    @property
    def nbytes(self) -> int:
        return sum(file.nbytes for file in self.files.values())

    def local_path(self, path: str) -> Path | None:
        """Where ``path`` lies, or None where the manifest does not list it or a link leads out of the package.

        Checked at each request, not only at start: a link may have been put there since.
        """
        if path != MANIFEST_NAME and path not in self.files:
            return None
        resolved = (self.root / path).resolve()
        return resolved if resolved.is_relative_to(self.root) and resolved.is_file() else None


def open_package(folder: Path) -> ServedPackage:
    """Checks the package but for its hashes, which are the client's job. Errors: those of ``read_package``."""
    adapter = "kind" in read_manifest(folder)
    manifest = read_adapter(folder).manifest if adapter else read_package(folder).manifest
    files = {file["path"]: PackageFile(**file) for file in manifest["files"]}
    return ServedPackage(folder.resolve(), manifest, files)


def open_packages(folders: Sequence[Path]) -> dict[str, ServedPackage]:
    """The packages in ``folders`` by model id."""
    packages: dict[str, ServedPackage] = {}
    for folder in folders:
        package = open_package(folder)
        other = packages.setdefault(package.model_id, package)
        if other.root != package.root:
            raise NomoatError(
                "invalid_request",
                f"{other.root} and {package.root} both hold {package.model_id!r}. Serve one of them.",
                id=package.model_id,
            )
    return packages
