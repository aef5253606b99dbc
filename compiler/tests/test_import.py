"""The importer of the runtime makes the compiler's packages, byte for byte, and refuses what it refuses. Needs Node.

Every architecture and every type of block that GGUF files have, types side by side in one matrix, and SmolLM2; then
files that are damaged or lie, and a few hundred that are damaged at random.
"""

from __future__ import annotations

import random
import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path

import gguf_of_transformers
import numpy as np
import pytest
from nomoat.demo.sample_model import find_gguf
from nomoat_compiler import pipeline
from nomoat_compiler.assembly import build_program, tensor_specs
from nomoat_compiler.checkpoint.gguf_file import GgufCheckpoint
from nomoat_compiler.errors import NomoatError
from nomoat_compiler.models.registry import read_model
from nomoat_compiler.quantize import allocate
from nomoat_compiler.quantize.choose import choose_schemes
from nomoat_compiler.quantize.groups import quantize_groups
from nomoat_compiler.quantize.sources import StoredIn, check_sources
from nomoat_compiler.scheme import Grouped
from test_gguf_architectures import CASES, random_model
from test_gguf_parts import FAULTS, PARTS

from tests.fixtures.gguf_checkpoint import WIDE, write_gguf
from tests.fixtures.packages import compiled
from tests.fixtures.variants import random_tensors, variant_config
from tests.hostile.broken_gguf import GGUF
from tests.parity import importer

TYPES = (
    "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "IQ4_NL", "IQ4_XS", "MXFP4",
    "F32", "F16", "BF16",
)  # fmt: skip
# Types of q, k and v, which stand in one matrix, and of gate and up.
MIXTURES = {
    "legacy": ("Q4_0", "Q5_1", "Q8_0"), "zeros": ("Q4_0", "Q5_0", "Q8_0"), "k": ("Q4_K", "Q6_K", "Q2_K"),
    "k of 16": ("Q3_K", "Q3_K", "Q6_K"), "both kinds": ("Q4_K", "Q5_0", "Q8_0"), "codebook": ("IQ4_NL", "Q4_0", "Q4_0"),
    "floats and blocks": ("F16", "Q4_0", "Q4_1"), "floats and more bits": ("BF16", "Q5_1", "Q8_0"),
}  # fmt: skip
RANDOM_FILES = 150


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return importer.bundle(tmp_path_factory.mktemp("importer"))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("gguf")
    made = {}
    base = variant_config("base")
    for kind in TYPES:
        config = base | WIDE if kind.endswith(("_K", "_XS")) else base
        made[kind] = folder / f"tiny.{kind}.gguf"
        write_gguf(made[kind], config, random_tensors(config, 0), kind)
    for name, kinds in MIXTURES.items():
        made[name] = folder / f"mixed {name}.gguf"
        _write_mixed(made[name], kinds)
    for name, (architecture, model_type, fields) in CASES.items():
        made[name] = folder / f"{name}.gguf"
        gguf_of_transformers.write(made[name], architecture, random_model(model_type, fields), "Q8_0")
    return made


def test_packages_are_the_compilers(
    driver: Path, files: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Another process for each, which changes no file.
    monkeypatch.setattr(pipeline, "check_text_files", lambda files: None)
    results = importer.run(driver, [(path, tmp_path / "ours" / name) for name, path in files.items()])
    for (name, path), result in zip(files.items(), results, strict=True):
        assert "error" not in result, (name, result)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            pipeline.compile_model(path, tmp_path / "theirs" / name)
        importer.assert_same_files(tmp_path / "ours" / name, tmp_path / "theirs" / name)
        said = [str(warning.message) for warning in caught if "chat template" not in str(warning.message)]
        assert result["warnings"] == said


@pytest.mark.parametrize(
    ("quantization", "names"),
    [("q8", ("BF16", "floats and blocks")), ("f16", ("floats and blocks",)), ("f32", ("Q4_1",))],
)
def test_quantizations_that_a_person_chooses(
    driver: Path,
    files: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    quantization: str,
    names: tuple[str, ...],
) -> None:
    monkeypatch.setattr(pipeline, "check_text_files", lambda files: None)
    imports = [(files[name], tmp_path / "ours" / name) for name in names]
    for name, result in zip(names, importer.run(driver, imports, quantization=quantization), strict=True):
        assert "error" not in result, (name, result)
        pipeline.compile_model(files[name], tmp_path / "theirs" / name, quantization=quantization)
        importer.assert_same_files(tmp_path / "ours" / name, tmp_path / "theirs" / name)


def test_quantizations_that_are_not_offered_are_refused(driver: Path, files: dict[str, Path]) -> None:
    result = importer.run(driver, [(files["F32"], None)], quantization="q4f16_1")[0]
    assert result["error"]["code"] == "invalid_request"


# What floats may become: allocate.py's, q8's, and those with blocks beside them.
SCHEMES = (*allocate.LOSS, Grouped(4, 32, None, "float16"), Grouped(5, 32, None, "float16"),
           Grouped(8, 32, None, "float16"), Grouped(4, 32, 8, "float16"))  # fmt: skip


def test_groups_of_floats_are_the_compilers(driver: Path) -> None:
    rng = np.random.default_rng(0)
    ordinary = rng.standard_normal((24, 520))
    matrices = {
        "ordinary": ordinary, "narrow": rng.standard_t(2, (5, 40)), "one group": ordinary[:1, :32],
        "zeros": np.where(rng.random((4, 256)) < 0.9, 0, ordinary[:4, :256]), "all zero": np.zeros((2, 64)),
        "tiny": ordinary * 1e-6, "subnormal": ordinary[:2] * 1e-39, "vanishing": ordinary[:2] * 1e-25,
        "large": ordinary * 1e4, "one sign": np.abs(ordinary) + 3, "halves": np.rint(2 * ordinary) / 2,
        "mixed sizes": ordinary * 10.0 ** rng.integers(-12, 3, ordinary.shape), "constant": np.full((3, 96), -0.7),
    }  # fmt: skip
    jobs = [(np.ascontiguousarray(m, "<f4"), scheme) for m in matrices.values() for scheme in SCHEMES]
    for (weights, scheme), ours in zip(jobs, importer.quantize(driver, jobs), strict=True):
        theirs = quantize_groups(weights, scheme, "weights")
        assert ours == [array.tobytes() for array in theirs], (weights.flat[:4], scheme)


def test_parts_of_a_model_are_joined_or_refused_as_by_the_compiler(
    driver: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "check_text_files", lambda files: None)
    for folder, fields in (("parts", {}), ("other", {"num_hidden_layers": 3})):
        (tmp_path / folder).mkdir()
        gguf_of_transformers.write(
            tmp_path / folder / "m.gguf", "llama", random_model("llama", fields), "Q8_0", parts=len(PARTS)
        )
    given = [tmp_path / "parts" / name for name in PARTS]
    imports = [(path, tmp_path / "ours" / path.name) for path in given]
    for fault, (damage, name, _) in FAULTS.items():
        for folder in ("parts", "other"):
            shutil.copytree(tmp_path / folder, tmp_path / fault / folder)
        damage(tmp_path / fault / "parts")
        imports.append((tmp_path / fault / "parts" / name, None))
    results = importer.run(driver, imports)
    pipeline.compile_model(given[0], tmp_path / "theirs")
    for path, result in zip(given, results, strict=False):
        assert "error" not in result, result
        importer.assert_same_files(tmp_path / "ours" / path.name, tmp_path / "theirs")
    for (path, _), result in zip(imports[len(given) :], results[len(given) :], strict=True):
        with pytest.raises(NomoatError) as caught:
            GgufCheckpoint(path)
        assert (result["error"]["code"], result["error"]["message"]) == (caught.value.code, caught.value.message)


def test_smollm2_with_little_memory(driver: Path, tmp_path: Path) -> None:
    """Of 98 MB, with a heap and buffers that do not hold it."""
    try:
        path = find_gguf()
    except NomoatError as error:
        pytest.skip(error.message)
    result = importer.run(driver, [(path, tmp_path / "ours")], "--expose-gc")[0]
    assert "error" not in result, result
    importer.assert_same_files(tmp_path / "ours", compiled(path, "q4", name="smollm2"))
    assert result["peakBytes"] < 100 << 20


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("gguf") / "tiny.Q4_0.gguf"
    write_gguf(path, variant_config("base"), random_tensors(variant_config("base"), 0), "Q4_0")
    return path.read_bytes()


def test_what_is_broken_is_refused_as_by_the_compiler(driver: Path, good: bytes, tmp_path: Path) -> None:
    damaged = {name: damage(good) for name, damage in GGUF.items()} | dict(_damaged_at_random(good))
    paths = {name: tmp_path / f"{name}.gguf" for name in damaged}
    for name, path in paths.items():
        path.write_bytes(damaged[name])
    results = importer.run(driver, [(path, None) for path in paths.values()])
    refused = 0
    for (name, path), result in zip(paths.items(), results, strict=True):
        ours, theirs = result.get("error", {}).get("code"), _refusal(path)
        # Only the importer reads the tokenizer with the runtime's code here.
        if theirs is None and ours == "unsupported" and "cannot be used" in result["error"]["message"]:
            continue
        assert ours == theirs, (name, result)
        refused += ours is not None
        assert ours is not None or name not in GGUF, name
    assert refused > len(GGUF)


def _refusal(path: Path) -> str | None:
    """The code with which the compiler refuses a file before it reads a weight; None where it takes it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            checkpoint = GgufCheckpoint(path)
        model = read_model(checkpoint.config, StoredIn(checkpoint))
        context_length = pipeline.choose_context_length(model, None)
        specs = tensor_specs(model)
        check_sources(specs, checkpoint)
        quantization, schemes = choose_schemes(specs, checkpoint, None)
        checkpoint.tokenizer_files()
        build_program(model, schemes, quantization=quantization, context_length=context_length)
    except NomoatError as error:
        return error.code
    return None


def _damaged_at_random(good: bytes) -> Iterator[tuple[str, bytes]]:
    """Bytes of the header changed, taken out or put in; a number is more often wrong by a little than by much."""
    end = good.index(b"output_norm.weight") + 60
    rng = random.Random(0)
    for i in range(RANDOM_FILES):
        data = bytearray(good)
        for _ in range(rng.choice((1, 1, 2, 4))):
            at = rng.randrange(end)
            match rng.randrange(4):
                case 0:
                    data[at] = rng.randrange(256)
                case 1:
                    data[at] = (data[at] + rng.choice((-1, 1))) % 256
                case 2:
                    del data[at : at + rng.randrange(1, 9)]
                case 3:
                    data[at:at] = bytes(rng.randrange(256) for _ in range(rng.randrange(1, 9)))
        yield f"random {i}", bytes(data)


def _write_mixed(path: Path, kinds: tuple[str, str, str]) -> None:
    config = variant_config("base") | WIDE
    parts = {"attn_q": 0, "attn_k": 1, "attn_v": 2, "ffn_gate": 1, "ffn_up": 2}
    types = {part: kinds[i] for part, i in parts.items()}
    write_gguf(path, config, random_tensors(config, 0), kinds[0], types=types)
