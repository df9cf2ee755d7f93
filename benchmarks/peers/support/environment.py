"""The peers' own environment under ``build/peers``: Python packages, a Node package, a Go program.

Each is pinned by hash in the folder of the peers: requirements.lock, restate/package-lock.json,
temporal/go.sum. The registries are those that pip, npm and go are set up to use.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from benchmarks.peers.errors import NotMeasuredError

ROOT = Path(__file__).resolve().parents[3]
PEERS = Path(__file__).resolve().parents[1]
BUILD = ROOT / "build" / "peers"
PYTHON = BUILD / "python" / "bin" / "python"


@cache
def install_python() -> None:
    """Make the virtual environment from requirements.lock, unless it is that already."""
    lock = PEERS / "requirements.lock"
    if _stamp("python").exists() and _stamp("python").read_bytes() == lock.read_bytes():
        return
    _run([sys.executable, "-m", "venv", "--clear", str(BUILD / "python")])
    pip = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _run([*pip, "--require-hashes", "-r", str(lock)])
    _stamp("python").write_bytes(lock.read_bytes())


@cache
def install_node() -> None:
    """Install the Node packages of restate/package-lock.json."""
    lock = PEERS / "restate" / "package-lock.json"
    if _stamp("node").exists() and _stamp("node").read_bytes() == lock.read_bytes():
        return
    _need("npm", "Node.js 18 or newer")
    folder = BUILD / "node"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(lock.with_name(name), folder / name)
    _run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=folder)
    _stamp("node").write_bytes(lock.read_bytes())


@cache
def install_go() -> Path:
    """Build the programs of temporal/go.mod and return the folder of their module."""
    lock = PEERS / "temporal" / "go.sum"
    _need("go", "Go 1.26.8 or newer")
    folder = BUILD / "go"
    if not (_stamp("go").exists() and _stamp("go").read_bytes() == lock.read_bytes()):
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("go.mod", "go.sum", "programs.go"):
            shutil.copyfile(lock.with_name(name), folder / name)
        programs = ["go.temporal.io/server/cmd/server", "go.temporal.io/server/cmd/tools/sql"]
        _run(["go", "build", "-trimpath", "-o", f"{folder / 'bin'}{os.sep}", *programs], cwd=folder)
        _stamp("go").write_bytes(lock.read_bytes())
    module = _run(["go", "list", "-m", "-f", "{{.Dir}}", "go.temporal.io/server"], cwd=folder)
    return Path(module.strip())


def versions(*packages: str) -> dict[str, str]:
    """Return the versions of packages in the peers' Python environment."""
    script = "import sys, importlib.metadata as m; print(*map(m.version, sys.argv[1:]))"
    said = _run([str(PYTHON), "-c", script, *packages])
    return dict(zip(packages, said.split(), strict=True))


def _stamp(kind: str) -> Path:
    return BUILD / f".{kind}.installed"


def _need(program: str, what: str) -> None:
    if shutil.which(program) is None:
        raise NotMeasuredError(f"{program} is not on the PATH: install {what}")


def _run(command: Sequence[str], cwd: Path | None = None) -> str:
    # Its caches stay in the folder that `make clean` removes; and files of theirs can be removed.
    flags = f"{os.environ.get('GOFLAGS', '')} -modcacherw -buildvcs=false".strip()
    go = {"GOPATH": str(BUILD / "go" / "path"), "GOFLAGS": flags, "CGO_ENABLED": "0"}
    done = subprocess.run(
        command, cwd=cwd, env=os.environ | go, capture_output=True, text=True, check=False
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it did not say why"])[-1]
        raise NotMeasuredError(f"{' '.join(command[:3])} failed: {last[:300]}")
    return done.stdout
