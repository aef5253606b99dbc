"""How many of LangChain's standard tests of chat models pass against `nomoat serve`.

    python -m tests.bench.langchain [--device wasm] [-k EXPRESSION]

The model is Qwen2.5-Coder-0.5B-Instruct, which knows tools. Tests that a small model may answer wrongly (they ask for a
certain tool, or for a certain number) run at temperature 0, and are reported as they end. Prints a line for each test
that did not pass, with the last line of its failure, and the counts.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import venv
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from nomoat.cli.chat import Server, serving

from tests.fixtures.packages import ROOT, compiled
from tests.fixtures.real_models import QWEN, fetched

HERE = Path(__file__).parent
CACHE = ROOT / ".cache" / "bench" / "langchain"
PYTHON = CACHE / "bin" / "python"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.langchain", description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="wasm")
    parser.add_argument("-k", default="", help="pytest's expression of which tests to run")
    options = parser.parse_args()
    install()
    package = compiled(fetched(QWEN), "q4", name="qwen2.5-coder-0.5b")
    with serving(package, ["--device", options.device]) as url:
        return run(f"{url}/v1", Server(f"{url}/v1", None).first_model(), options.k)


def install() -> None:
    requirements = HERE / "requirements.txt"
    stamp = CACHE / "installed.txt"
    if stamp.exists() and stamp.read_text() == requirements.read_text():
        return
    venv.create(CACHE, with_pip=True, clear=True)
    subprocess.run([PYTHON, "-m", "pip", "install", "--quiet", "-r", requirements, "pytest"], check=True)
    stamp.write_text(requirements.read_text())


def run(url: str, model: str, expression: str) -> int:
    report = CACHE / "report.xml"
    report.unlink(missing_ok=True)
    # Without this project's settings and fixtures, which the environment cannot load.
    command = [
        str(PYTHON),
        "-m",
        "pytest",
        "-q",
        "--noconftest",
        "-c",
        os.devnull,
        "--rootdir",
        str(HERE),
        str(HERE / "suite.py"),
    ]
    command += ["-p", "no:cacheprovider", f"--junitxml={report}", "-k", expression, "--asyncio-mode=auto"]
    # The client keeps its connections, which belong to one loop.
    command += ["-o", "asyncio_default_test_loop_scope=session", "-o", "asyncio_default_fixture_loop_scope=session"]
    environment = {**os.environ, "NOMOAT_URL": url, "NOMOAT_MODEL": model, "PYTHONPATH": ""}
    subprocess.run(command, env=environment, check=False, stdout=subprocess.DEVNULL)
    passed, other = 0, 0
    for case in ElementTree.parse(report).iter("testcase"):
        ended = next((child for child in case if child.tag in ("failure", "error", "skipped")), None)
        if ended is None:
            passed += 1
            continue
        other += 1
        print(f"{ended.tag:8s} {case.get('name')}: {(ended.get('message') or '').splitlines()[:1]}")
    print(f"{passed} passed of {passed + other}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
