"""Runs the importer of the runtime (TypeScript, in Node), bundled once per test session."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from nomoat_compiler.scheme import Grouped

from tests.limits import PROCESS_S

HERE = Path(__file__).parent
PLANS = HERE.parents[1] / "runtime" / "src" / "import" / "plans.gen.json"


def bundle(folder: Path) -> Path:
    """Bundles the driver into ``folder``; the path of the module."""
    node = shutil.which("node")
    assert node is not None, "Node 20 must be installed to test the runtime's importer."
    command = [node, HERE / "bundle_driver.mjs", "import_driver", folder]
    subprocess.run(command, check=True, timeout=PROCESS_S, cwd=HERE.parents[1])
    return folder / "import_driver.mjs"


def run(
    driver: Path, imports: Sequence[tuple[Path, Path | None]], *flags: str, quantization: str | None = None
) -> list[dict[str, Any]]:
    """(file, folder of the package) each; without a folder a package is only planned. ``flags`` are Node's."""
    job = {
        "plans": str(PLANS),
        "imports": [
            {"file": str(file), "output": None if output is None else str(output), "quantization": quantization}
            for file, output in imports
        ],
    }
    results: list[dict[str, Any]] = _answer(driver, job, flags)
    return results


def quantize(driver: Path, matrices: Sequence[tuple[npt.NDArray[np.float32], Grouped]]) -> list[list[bytes]]:
    """The bytes of the words and of the scales of each matrix [rows, columns] under its scheme."""
    job = [
        {
            "weights": base64.b64encode(weights.tobytes()).decode(),
            "columns": weights.shape[1],
            "scheme": asdict(scheme) | {"minimum": scheme.minimum, "two_level": scheme.two_level},
        }
        for weights, scheme in matrices
    ]
    return [[base64.b64decode(array) for array in arrays] for arrays in _answer(driver, {"groups": job}, ())]


def _answer(driver: Path, job: dict[str, Any], flags: Sequence[str]) -> Any:
    done = subprocess.run(
        ["node", *flags, driver], input=json.dumps(job), capture_output=True, text=True, timeout=PROCESS_S
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def assert_same_files(ours: Path, theirs: Path) -> None:
    names = [sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()) for folder in (ours, theirs)]
    assert names[0] == names[1]
    different = [name for name in names[0] if (ours / name).read_bytes() != (theirs / name).read_bytes()]
    assert different == []
