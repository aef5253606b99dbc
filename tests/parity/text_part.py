"""Runs jobs in the runtime's text part (TypeScript, in Node), bundled once per test session."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from tests.limits import PROCESS_S

HERE = Path(__file__).parent


def bundle(folder: Path) -> Path:
    """Bundles the driver into `folder`; the path of the module."""
    node = shutil.which("node")
    assert node is not None, "Node 20 must be installed to test the runtime's text part."
    subprocess.run(
        [node, HERE / "bundle_driver.mjs", "text_driver", folder], check=True, timeout=PROCESS_S, cwd=HERE.parents[1]
    )
    return folder / "text_driver.mjs"


def run(driver: Path, job: dict[str, Any]) -> dict[str, Any]:
    """One job of text_driver.ts."""
    done = subprocess.run(["node", driver], input=json.dumps(job), capture_output=True, text=True, timeout=PROCESS_S)
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def files(tokenizer_json: str, config: dict[str, Any] | None = None, template: str | None = None) -> dict[str, Any]:
    """The tokenizer files as the driver takes them."""
    return {
        "tokenizer": tokenizer_json,
        "tokenizerConfig": json.dumps(config or {}),
        "chatTemplate": template,
        "generationConfig": None,
    }
