"""Mesa's lavapipe, a Vulkan driver for the CPU whose subgroups are as wide as its vectors.

The system's own is taken where it is recent enough. On Debian 12, whose own is too old, the one of the suite of
backports is unpacked below .cache with the libraries that the system lacks: from the mirror that the system's apt
uses, checked with Debian's keys, and without installing anything.
"""

from __future__ import annotations

import json
import platform
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from tests.fixtures.kept import locked
from tests.parity.vulkan_driver import Unavailable, VulkanDriver

ROOT = Path(__file__).resolve().parents[2]
UNPACKED = ROOT / ".cache" / "lavapipe"
SYSTEM_ICD_FOLDERS = (Path("/usr/share/vulkan/icd.d"), Path("/usr/local/share/vulkan/icd.d"), Path("/etc/vulkan/icd.d"))
# Mesa 25 is the first whose lavapipe has Vulkan 1.4. Older ones lack the control of the subgroup size or 16-bit floats.
OLDEST_VULKAN = (1, 4)
PACKAGE = "mesa-vulkan-drivers"
FETCHED_ON = ("debian", "bookworm")
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
# A quiet fetch takes five seconds. No network means an answer at once, or none: then the tests shall not wait long.
APT_TIMEOUT_S = 90
APT_OPTIONS = ("-q", "-o", "Acquire::http::Timeout=15", "-o", "Acquire::https::Timeout=15", "-o", "Acquire::Retries=1")


class _CannotFetch(Exception):
    pass


@cache
def find_lavapipe() -> VulkanDriver | Unavailable:
    """The system's, or the one below .cache, or one fetched to there; asked once in a process, failure included."""
    return on_system(SYSTEM_ICD_FOLDERS) or fetch(UNPACKED)


def on_system(folders: Sequence[Path]) -> VulkanDriver | None:
    """An installed one of Mesa 25 or later."""
    for icd in sorted(icd for folder in folders for icd in folder.glob("lvp_icd*.json")):
        version = json.loads(icd.read_text())["ICD"]["api_version"]
        if tuple(int(part) for part in version.split(".")[:2]) >= OLDEST_VULKAN:
            return VulkanDriver(icd, None)
    return None


def fetch(folder: Path, environment: Mapping[str, str] | None = None) -> VulkanDriver | Unavailable:
    """The one unpacked in ``folder``, which is fetched where it is not there and appears complete or not at all.

    ``environment`` is that of apt: None for that of this process. Any number of processes may call this at once: one
    fetches, and the others wait.
    """
    with locked(folder):
        if not folder.exists():
            with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f"{folder.name}-") as temporary:
                try:
                    root = _download(Path(temporary), environment)
                except _CannotFetch as error:
                    return Unavailable(f"no lavapipe: {error}")
                root.rename(folder)
    (icd,) = folder.glob("usr/share/vulkan/icd.d/lvp_icd*.json")
    (library,) = folder.glob("usr/lib/*/libvulkan_lvp.so")
    return VulkanDriver(icd, library.parent)


def _download(folder: Path, environment: Mapping[str, str] | None) -> Path:
    """The packages that the system would have to install or renew for lavapipe, unpacked in a folder in ``folder``."""
    codename = _require_debian()
    lists, archives, root = (folder / name for name in ("lists", "archives", "root"))
    for path in (lists / "partial", archives / "partial", root):
        path.mkdir(parents=True)
    # Without the system's locks and folders this needs no rights, and disturbs no other apt.
    own_state = [f"Dir::State::Lists={lists}", f"Dir::Cache={folder}", f"Dir::Cache::archives={archives}"]
    own_state += ["Debug::NoLocking=true", "APT::Sandbox::User=root", "APT::Update::Post-Invoke="]
    apt = ["apt-get", *APT_OPTIONS, *(word for option in own_state for word in ("-o", option))]
    mirror = _mirror(_run([*apt, "update", "--print-uris"], environment), codename)
    signed_by = f"[signed-by={KEYRING}] " if KEYRING.exists() else ""
    backports = f"{codename}-backports"
    sources = folder / "sources.list"
    sources.write_text("".join(f"deb {signed_by}{mirror} {suite} main\n" for suite in (codename, backports)))
    apt += ["-o", f"Dir::Etc::sourcelist={sources}", "-o", "Dir::Etc::sourceparts=-"]
    _run([*apt, "update", "--error-on=any"], environment)
    wanted = ["--download-only", "--no-install-recommends", "--target-release", backports, PACKAGE]
    _run([*apt, "install", "--yes", *wanted], environment)
    for package in sorted(archives.glob("*.deb")):
        _run(["dpkg-deb", "--extract", str(package), str(root)], environment)
    return root


def _require_debian() -> str:
    """The code name of this Debian."""
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        release = {"PRETTY_NAME": platform.system()}
    if (release.get("ID"), release.get("VERSION_CODENAME")) != FETCHED_ON:
        raise _CannotFetch(f"{release['PRETTY_NAME']} needs an installed one of Mesa 25 or later ({PACKAGE})")
    if shutil.which("apt-get") is None:
        raise _CannotFetch("apt-get is not installed")
    return FETCHED_ON[1]


def _mirror(uris: str, codename: str) -> str:
    """Where the system has Debian from, of what ``apt-get update --print-uris`` prints."""
    served = dict.fromkeys(re.findall(r"'(\S+)/dists/(\S+)/InRelease'", uris))
    mirrors = [site for site, suite in served if suite == codename]
    if not mirrors:
        raise _CannotFetch(f"the sources of apt name no mirror with the suite {codename}")
    # Other vendors call their suites after Debian's too, but only a mirror of Debian has that of updates.
    return next((site for site in mirrors if (site, f"{codename}-updates") in served), mirrors[0])


def _run(command: Sequence[str], environment: Mapping[str, str] | None) -> str:
    try:
        done = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=APT_TIMEOUT_S
        )
    except subprocess.TimeoutExpired:
        raise _CannotFetch(f"{command[0]} did not end within {APT_TIMEOUT_S} s") from None
    if done.returncode != 0:
        complaints = [line for line in done.stderr.splitlines() if line.startswith("E:")] or done.stderr.splitlines()
        raise _CannotFetch(f"{command[0]} says: {complaints[0] if complaints else f'code {done.returncode}'}")
    return done.stdout
