"""read_package refuses everything that breaks its contract, with the right code. Needs nothing."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from nomoat_compiler.errors import NomoatError
from nomoat_compiler.pipeline import compile_model
from nomoat_compiler.program.manifest import PackageFile, manifest_bytes
from nomoat_compiler.program.package import read_package
from tiny_checkpoints import config, weights, write_gguf


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("package")
    write_gguf(folder / "tiny.gguf", config(), weights(config()), "Q4_0")
    compile_model(folder / "tiny.gguf", folder / "out")
    add_kernel(folder / "out")
    return folder / "out"


def add_kernel(package: Path) -> None:
    """A kernel that no operator uses: a package has none unless they are asked for."""
    wgsl = b"@compute @workgroup_size(1) fn main() {}\n"
    digest = sha256(wgsl).hexdigest()[:16]
    kernel = {
        "name": "nothing", "entry_point": "main", "workgroup_size": [1, 1, 1], "uniforms": [], "workgroup_bytes": 0,
        "bindings": [{"argument": "x", "access": "read"}],
    }  # fmt: skip
    (package / f"program/{digest}.wgsl").write_bytes(wgsl)
    entry = {"path": f"program/{digest}.wgsl", "nbytes": len(wgsl), "sha256": sha256(wgsl).hexdigest()}
    edit(package, "nomoat.json", lambda m: m | {"files": sorted([*m["files"], entry], key=lambda f: f["path"])})
    edit(package, "program/program.json", lambda p: p["kernels"].update({digest: kernel}))


@pytest.fixture
def package(compiled: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(compiled, tmp_path / "package"))


def edit(package: Path, path: str, change: Callable[[Any], Any]) -> None:
    """Changes a JSON file and makes the manifest's size and hash agree again, so that only the contents are wrong."""
    value = json.loads((package / path).read_text())
    value = change(value) or value
    (package / path).write_text(json.dumps(value))
    if path != "nomoat.json":
        reseal(package, path)


def reseal(package: Path, path: str) -> None:
    data = (package / path).read_bytes()

    def update(manifest: dict[str, Any]) -> None:
        for file in manifest["files"]:
            if file["path"] == path:
                file |= {"nbytes": len(data), "sha256": sha256(data).hexdigest()}

    edit(package, "nomoat.json", update)


def fails(package: Path, code: str, said: str = "", *, verify_hashes: bool = False) -> None:
    with pytest.raises(NomoatError) as caught:
        read_package(package, verify_hashes=verify_hashes)
    assert caught.value.code == code, caught.value.message
    assert said in caught.value.message


def test_a_good_package_passes(package: Path) -> None:
    read = read_package(package, verify_hashes=True)
    assert read.manifest["files"] == sorted(read.manifest["files"], key=lambda file: file["path"])
    assert len(read.manifest["files"]) == sum(path.is_file() for path in package.rglob("*")) - 1


def test_no_package(tmp_path: Path) -> None:
    fails(tmp_path, "model_not_found")
    fails(tmp_path / "nowhere", "model_not_found")


@pytest.mark.parametrize("text", ["", "[]", "{", "null", "[" * 100_000, '{"version": NaN}', "\udcff"])
def test_a_manifest_that_is_no_json_object(package: Path, text: str) -> None:
    (package / "nomoat.json").write_text(text, errors="surrogateescape")
    fails(package, "invalid_package")


MANIFEST_CHANGES: dict[str, dict[str, Any]] = {
    "version": {"version": 2},
    "format": {"format": "zip"},
    "extra key": {"extra": 1},
    "id": {"id": "../evil"},
    "context": {"context_length": 1 << 40},
    "negative": {"parameter_count": -1},
    "program elsewhere": {"program": "program/other.json"},
    "weights elsewhere": {"weights": "../tensor-cache.json"},
    "absolute": {"files": [{"path": "/etc/passwd", "nbytes": 1, "sha256": "0" * 64}]},
    "dot-dot": {"files": [{"path": "../x", "nbytes": 1, "sha256": "0" * 64}]},
    "no files": {"files": []},
}


@pytest.mark.parametrize("change", MANIFEST_CHANGES)
def test_a_manifest_that_breaks_its_schema(package: Path, change: str) -> None:
    edit(package, "nomoat.json", lambda manifest: manifest | MANIFEST_CHANGES[change])
    fails(package, "invalid_package", "schema")


def test_files_that_are_missing_unlisted_twice_or_out_of_order(package: Path) -> None:
    original = (package / "nomoat.json").read_text()
    edit(package, "nomoat.json", lambda m: m | {"files": m["files"][::-1]})
    fails(package, "invalid_package", "order")
    (package / "nomoat.json").write_text(original)
    edit(package, "nomoat.json", lambda m: m | {"files": [m["files"][0], *m["files"]]})
    fails(package, "invalid_package", "twice")
    (package / "nomoat.json").write_text(original)
    edit(package, "nomoat.json", lambda m: m | {"files": [f for f in m["files"] if f["path"] != "tokenizer.json"]})
    fails(package, "invalid_package", "tokenizer.json")
    (package / "nomoat.json").write_text(original)
    (package / "tokenizer.json").unlink()
    fails(package, "integrity", "tokenizer.json")


def test_truncated_and_flipped_shards(package: Path) -> None:
    shard = package / "weights/params_shard_0.bin"
    data = bytearray(shard.read_bytes())
    data[len(data) // 2] ^= 1
    shard.write_bytes(data)
    read_package(package)
    fails(package, "integrity", "params_shard_0.bin", verify_hashes=True)
    shard.write_bytes(data[:-1])
    fails(package, "integrity", "params_shard_0.bin")


def test_symbolic_links_are_refused(package: Path, tmp_path: Path) -> None:
    shutil.move(package / "weights", tmp_path / "elsewhere")
    (package / "weights").symlink_to(tmp_path / "elsewhere")
    fails(package, "invalid_package", "symbolic link")


def test_a_kernel_that_is_not_what_its_name_says(package: Path) -> None:
    kernel = next((package / "program").glob("*.wgsl"))
    kernel.write_text(kernel.read_text() + "\n")
    reseal(package, f"program/{kernel.name}")
    fails(package, "integrity", kernel.name)


def test_a_kernel_that_is_not_there(package: Path) -> None:
    edit(package, "program/program.json", lambda p: p["kernels"].update({"f" * 16: next(iter(p["kernels"].values()))}))
    fails(package, "invalid_package", "f" * 16)


@pytest.mark.parametrize("version", [1, 2])
def test_an_older_version_says_what_to_do(package: Path, version: int) -> None:
    edit(package, "program/program.json", lambda p: {"format": p["format"], "version": version, "operators": {}})
    fails(package, "invalid_package", "compile the model again")


def test_a_program_that_breaks_its_schema(package: Path) -> None:
    original = (package / "program/program.json").read_text()
    changes: list[Callable[[Any], Any]] = [
        lambda p: p | {"version": 9},
        lambda p: p | {"prefill_chunk": -1},
        lambda p: p["plan"]["functions"].pop("decode"),
        lambda p: p["plan"]["buffers"][0].update(shape=[["**", 1, 2]]),
        lambda p: p["model"].update(hidden_size=1 << 50),
        lambda p: [p],
    ]
    for change in changes:
        (package / "program/program.json").write_text(original)
        edit(package, "program/program.json", change)
        fails(package, "invalid_package")


def test_an_expression_nested_without_end(package: Path) -> None:
    nested = '["+",' * 400 + "1" + ",1]" * 400
    text = (package / "program/program.json").read_text()
    start = text.index('"shape": [') + len('"shape": [')
    (package / "program/program.json").write_text(text[:start] + nested + "," + text[start:])
    reseal(package, "program/program.json")
    fails(package, "invalid_package")


WEIGHT_CHANGES: dict[str, Callable[[Any], Any]] = {
    "negative offset": lambda w: w["records"][0]["records"][0].update(byteOffset=-4),
    "offset past the end": lambda w: w["records"][0]["records"][0].update(byteOffset=1 << 40),
    "offset as text": lambda w: w["records"][0]["records"][0].update(byteOffset="0"),
    "huge": lambda w: w["records"][0]["records"][0].update(nbytes=1 << 60),
    "another shape": lambda w: w["records"][0]["records"][0].update(shape=[1, 1]),
    "another dtype": lambda w: w["records"][0]["records"][0].update(dtype="int8"),
    "a name twice": lambda w: w["records"][0]["records"].append(w["records"][0]["records"][0]),
    "a parameter missing": lambda w: w["records"][0]["records"].pop(),
    "a shard elsewhere": lambda w: w["records"][0].update(dataPath="../../etc/passwd"),
    "no records": lambda w: w.pop("records"),
    "records of another type": lambda w: w.update(records=[7]),
}


@pytest.mark.parametrize("change", WEIGHT_CHANGES)
def test_a_weights_index_that_lies(package: Path, change: str) -> None:
    def apply(index: Any) -> None:
        WEIGHT_CHANGES[change](index)

    edit(package, "weights/tensor-cache.json", apply)
    fails(package, "invalid_package")


def test_our_own_manifest_is_checked_before_it_is_written() -> None:
    with pytest.raises(NomoatError) as caught:
        manifest_bytes({"format": "nomoat-package"}, [PackageFile("a", 1, "0" * 64)])
    assert caught.value.code == "internal"
