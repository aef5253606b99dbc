"""A package on disk: written beside its place and renamed into it, and checked before anyone trusts it."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from ..errors import NomoatError
from .instance import Instance, instantiate
from .manifest import MANIFEST_NAME, check_schema, package_file

MAX_MANIFEST_BYTES = 32 << 20
MAX_PROGRAM_BYTES = 256 << 20


@dataclass(frozen=True)
class Package:
    """A package whose manifest, program, weights index and file sizes were checked."""

    folder: Path
    manifest: dict[str, Any]
    program: dict[str, Any]  # program.json
    instance: Instance  # what it says for this model
    weights_index: dict[str, Any] | None  # tensor-cache.json


@contextmanager
def package_in_place(folder: Path) -> Iterator[Path]:
    """A temporary folder beside ``folder`` that takes its place when the block ends, and is deleted when it fails.

    ``invalid_request`` where ``folder`` holds something that is not a package; a package there is replaced.
    """
    check_may_write(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        temporary.chmod(0o755)  # mkdtemp makes it private; a package is meant to be served.
        yield temporary
        check_may_write(folder)  # Again: a compile takes a while.
        if folder.exists():
            old = Path(tempfile.mkdtemp(prefix=f".{folder.name}-old-", dir=folder.parent)) / "package"
            folder.rename(old)
            try:
                temporary.rename(folder)
            except BaseException:
                old.rename(folder)
                raise
            finally:
                shutil.rmtree(old.parent, ignore_errors=True)
        else:
            temporary.rename(folder)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def check_may_write(folder: Path) -> None:
    """``invalid_request`` unless ``folder`` does not exist, is empty, or is a package."""
    if not folder.exists() and not folder.is_symlink():
        return
    if folder.is_dir() and not folder.is_symlink():
        if not any(folder.iterdir()):
            return
        try:
            if _read_json(folder / MANIFEST_NAME, MAX_MANIFEST_BYTES).get("format") == "nomoat-package":
                return
        except NomoatError:
            pass
    raise NomoatError(
        "invalid_request", f"{folder.name} exists and is not a NoMoat package; choose another output folder."
    )


def read_package(folder: str | Path, *, verify_hashes: bool = False) -> Package:
    """Checks the manifest, the sizes of all files, the program and the weights index; hashes on request.

    ``model_not_found`` where there is no package, ``invalid_package`` for contents that break their contract,
    ``integrity`` for a file whose size or SHA-256 differs from the manifest.
    """
    folder = Path(folder)
    manifest = read_manifest(folder, verify_hashes=verify_hashes)
    if "kind" in manifest:
        raise NomoatError(
            "invalid_request",
            f"{manifest['id']} is an adapter of {manifest['base']['id']}, and no model. Give the model's package.",
            id=manifest["id"], base=manifest["base"]["id"],
        )  # fmt: skip
    program = _read_json(folder / manifest["program"], MAX_PROGRAM_BYTES)
    instance = instantiate(program)
    for key in ("context_length", "quantization"):
        if program[key] != manifest[key]:
            raise _invalid(f"{key} is {program[key]} in the program and {manifest[key]} in {MANIFEST_NAME}")
    _check_kernels(folder, manifest, program)
    weights_index = None
    if manifest["weights"] is not None:
        weights_index = read_weights_index(folder, manifest)
        check_weights(manifest, instance.parameters, weights_index)
    return Package(folder, manifest, program, instance, weights_index)


def read_manifest(folder: Path, *, verify_hashes: bool = False) -> dict[str, Any]:
    """The manifest of a model or an adapter, with the sizes of its files checked. Errors: as of ``read_package``."""
    if not (folder / MANIFEST_NAME).is_file():
        raise NomoatError("model_not_found", f"{folder.name or folder} is no NoMoat package (no {MANIFEST_NAME}).")
    manifest = _read_json(folder / MANIFEST_NAME, MAX_MANIFEST_BYTES)
    check_schema(manifest, "manifest.schema.json", MANIFEST_NAME, "invalid_package")
    _check_files(folder, manifest, verify_hashes=verify_hashes)
    return manifest


def read_weights_index(folder: Path, manifest: Mapping[str, Any]) -> dict[str, Any]:
    """tensor-cache.json."""
    return _read_json(folder / manifest["weights"], MAX_PROGRAM_BYTES)


def _check_files(folder: Path, manifest: dict[str, Any], *, verify_hashes: bool) -> None:
    paths = [file["path"] for file in manifest["files"]]
    if paths != sorted(set(paths)):
        raise _invalid("files are not in the order of path, or one is there twice")
    named = [manifest["program"], manifest["weights"], *manifest["tokenizer"].values()]
    for path in named:
        if path is not None and path not in set(paths):
            raise _invalid(f"{path} is named, but not among the files")
    for file in manifest["files"]:
        path = folder / file["path"]
        # A link could lead out of the package, and a server would follow it.
        if any(part.is_symlink() for part in (path, *path.parents) if part != folder and folder in part.parents):
            raise _invalid(f"{file['path']} is a symbolic link")
        if not path.is_file():
            raise NomoatError("integrity", f"The package's file {file['path']} is missing.", file=file["path"])
        nbytes = path.stat().st_size
        if nbytes != file["nbytes"]:
            raise NomoatError(
                "integrity",
                f"{file['path']} has {nbytes} bytes, but the manifest says {file['nbytes']}. Fetch it again.",
                file=file["path"],
            )
        if verify_hashes and package_file(folder, file["path"]).sha256 != file["sha256"]:
            raise NomoatError(
                "integrity",
                f"{file['path']} differs from its SHA-256 in the manifest. Fetch it again.",
                file=file["path"],
            )


def _check_kernels(folder: Path, manifest: dict[str, Any], program: dict[str, Any]) -> None:
    paths = {file["path"] for file in manifest["files"]}
    for kernel_hash in program["kernels"]:
        path = f"program/{kernel_hash}.wgsl"
        if path not in paths:
            raise _invalid(f"the program uses the kernel {kernel_hash}, but {path} is not among the files")
        if sha256((folder / path).read_bytes()).hexdigest()[:16] != kernel_hash:
            raise NomoatError("integrity", f"{path} does not have the hash in its name. Fetch it again.", file=path)


def check_weights(
    manifest: Mapping[str, Any], parameters: Sequence[Mapping[str, Any]], index: Mapping[str, Any]
) -> None:
    """Every parameter lies inside a shard of the package, with the dtype and size it needs."""
    found = weight_records(manifest, index)
    for parameter in parameters:
        expected = (parameter["shape"], parameter["dtype"], parameter["nbytes"])
        if found.get(parameter["name"]) != expected:
            raise _invalid(
                f"the program needs {parameter['name']} as {expected}, but the weights index has "
                f"{found.get(parameter['name'])}"
            )


def weight_records(manifest: Mapping[str, Any], index: Mapping[str, Any]) -> dict[str, tuple[list[int], str, int]]:
    """(shape, dtype, nbytes) of every array by name; each lies inside a shard of the package."""
    sizes = {file["path"]: file["nbytes"] for file in manifest["files"]}
    found: dict[str, tuple[list[int], str, int]] = {}
    try:
        for shard in index["records"]:
            path = f"weights/{shard['dataPath']}"
            if sizes.get(path) != shard["nbytes"]:
                raise _invalid(f"{path} is not among the files with {shard['nbytes']} bytes")
            for record in shard["records"]:
                offset, nbytes = record["byteOffset"], record["nbytes"]
                if not (_is_count(offset) and _is_count(nbytes) and offset <= shard["nbytes"] - nbytes):
                    raise _invalid(f"{record['name']} lies at byte {offset} with {nbytes} bytes, outside of {path}")
                if record["name"] in found:
                    raise _invalid(f"{record['name']} is in the weights index twice")
                narrowed = record["dtype"] == "float32" and record["format"] == "f32-to-bf16"
                found[record["name"]] = (record["shape"], "bfloat16" if narrowed else record["dtype"], nbytes)
    except (KeyError, TypeError, AttributeError) as error:
        raise _invalid(f"the weights index lacks a field or has one of the wrong type ({error})") from error
    return found


def _read_json(path: Path, max_bytes: int) -> dict[str, Any]:
    try:
        if path.stat().st_size > max_bytes:
            raise _invalid(f"{path.name} is larger than {max_bytes} bytes")
        value = json.loads(path.read_bytes().decode("utf-8"), parse_constant=_refuse_constant)
    except (OSError, ValueError, RecursionError) as error:
        raise _invalid(f"{path.name} is not readable JSON ({error})") from error
    if not isinstance(value, dict):
        raise _invalid(f"{path.name} does not hold an object")
    return value


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _refuse_constant(constant: str) -> object:
    raise ValueError(f"{constant} is not JSON")


def _invalid(problem: str) -> NomoatError:
    return NomoatError("invalid_package", f"The package is not valid: {problem}. Compile or fetch it again.")
