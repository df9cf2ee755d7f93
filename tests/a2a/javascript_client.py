"""The official client of JavaScript, as npm installs it by its lock."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest

from runfold.stack.settings import Settings

HERE = Path(__file__).parent / "javascript"
_LOCK = ("package.json", "package-lock.json")


def installed() -> Path:
    """The folder of the cache with the packages of the lock; skips where npm cannot bring them."""
    missing = [program for program in ("node", "npm") if shutil.which(program) is None]
    if missing:
        pytest.skip(f"{' and '.join(missing)} not on PATH: the JavaScript client cannot run")
    key = hashlib.sha256(b"".join((HERE / name).read_bytes() for name in _LOCK)).hexdigest()[:12]
    folder = Settings.from_env().cache / "clients" / f"a2a-js-{key}"
    if folder.exists():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".filling-") as made:
        whole = Path(made) / "whole"
        whole.mkdir()
        for name in _LOCK:
            shutil.copy(HERE / name, whole)
        done = subprocess.run(
            ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
            cwd=whole, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        if done.returncode and "network" in done.stderr:
            pytest.skip(f"npm is unreachable: {done.stderr[-300:]}")
        assert done.returncode == 0, done.stderr[-3000:]
        # It appears at once and whole; whoever was as quick has the same.
        if not folder.exists():
            whole.rename(folder)
    return folder


def drive(scratch: Path, *said: str) -> dict[str, Any]:
    """Run the client and return what it saw."""
    shutil.copy(HERE / "drive.mjs", scratch)
    modules = scratch / "node_modules"
    if not modules.exists():
        modules.symlink_to(installed() / "node_modules")
    done = subprocess.run(
        ["node", str(scratch / "drive.mjs"), *said],
        capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]
    # The client itself says aloud that the card which was changed is not signed.
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found
