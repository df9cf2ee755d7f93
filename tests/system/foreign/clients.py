"""Builds the clients of ``examples/clients`` with the toolchains that are there, and runs them.

What package managers fetch is kept in Runfold's cache, so that only the first time takes long.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from runfold.stack.settings import Settings

EXAMPLES = Path(__file__).parents[3] / "examples" / "clients"
SCHEMAS = EXAMPLES.parents[1] / "schemas"
DOCUMENT = EXAMPLES.parents[1] / "docs" / "openapi.json"

_BUILD_S = 600
_RUN_S = 150


@dataclass(frozen=True)
class Client:
    """A client that can run: its commands without arguments; one that verifies has both."""

    run: tuple[str, ...]
    verify: tuple[str, ...] = ()

    def ask(self, settings: Settings, agent: str, goal: str) -> dict[str, Any]:
        """Ask for a run and wait for its end; what the client said of it."""
        said = [settings.bootstrap_servers, str(SCHEMAS), agent, goal]
        done = _run([*self.run, *said], _RUN_S, env={"RUNFOLD_DEPLOYMENT": settings.deployment})
        assert done.returncode == 0, done.stderr[-3000:]
        return _said(done)

    def judge(self, settings: Settings, run_id: str) -> dict[str, Any]:
        """Verify the chain of a run; what the client said of it."""
        said = [settings.bootstrap_servers, str(SCHEMAS), run_id]
        env = {"RUNFOLD_DEPLOYMENT": settings.deployment}
        return _said(_run([*self.verify, *said], _RUN_S, env=env))


def node(scratch: Path) -> Client:
    """The client in Node, with the packages of its lock."""
    _need("node", "npm")
    packages = npm_packages("node", EXAMPLES / "node")
    for program in (EXAMPLES / "node").glob("*.mjs"):
        shutil.copy(program, scratch)
    (scratch / "node_modules").symlink_to(packages)
    return Client(("node", str(scratch / "run.mjs")), ("node", str(scratch / "verify.mjs")))


def typescript(scratch: Path) -> Path:
    """The client in TypeScript, built with the packages of its lock: its folder."""
    _need("node", "npm")
    there = EXAMPLES / "typescript"
    packages = npm_packages("typescript", there)
    for name in ("package.json", "tsconfig.json"):
        shutil.copy(there / name, scratch)
    shutil.copytree(there / "src", scratch / "src")
    (scratch / "node_modules").symlink_to(packages)
    _built(["npx", "--no-install", "tsc"], scratch)
    return scratch


def npm_packages(name: str, there: Path) -> Path:
    """The folder ``node_modules`` of a lock, fetched once."""
    files, cache = [there / each for each in ("package.json", "package-lock.json")], _cache()

    def install(folder: Path) -> None:
        _built(["npm", "ci", "--ignore-scripts", "--cache", str(cache / "npm")], folder)

    return _kept(name, files, install) / "node_modules"


def go(scratch: Path) -> Client:
    """The client in Go, with the modules of its go.sum."""
    _need("go")
    needed = re.search(r"^go ([\d.]+)$", (EXAMPLES / "go/go.mod").read_text(), re.MULTILINE)
    found = re.search(r"go([\d.]+)", _run(["go", "env", "GOVERSION"], 60).stdout)
    assert needed
    assert found
    if _numbers(found[1]) < _numbers(needed[1]):
        pytest.skip(f"the client in Go needs Go {needed[1]}, here is {found[1]}")
    cache, program = _cache() / "go", scratch / "client"
    env = {
        "GOCACHE": str(cache / "build"),
        "GOMODCACHE": str(cache / "modules"),
        "GOTOOLCHAIN": "local",
    }
    flags = ["-mod=readonly", "-modcacherw", "-buildvcs=false"]
    _built(["go", "build", *flags, "-o", str(program), "."], EXAMPLES / "go", env)
    return Client((str(program), "run"), (str(program), "verify"))


def java(scratch: Path) -> Client:
    """The client in Java, with the jars of its pom, each with the bytes that are on record."""
    _need("java", "javac", "mvn")
    files = [EXAMPLES / "java" / name for name in ("pom.xml", "dependencies.sha256")]
    repository = f"-Dmaven.repo.local={_cache() / 'maven'}"

    def fetch(folder: Path) -> None:
        _built(["mvn", "-B", "-q", repository, "dependency:copy-dependencies"], folder)
        lines = (folder / "dependencies.sha256").read_text().splitlines()
        locked = {name: digest for digest, name in map(str.split, lines)}
        jars = (folder / "target/lib").iterdir()
        found = {jar.name: hashlib.sha256(jar.read_bytes()).hexdigest() for jar in jars}
        assert found == locked, "Maven brought other jars than dependencies.sha256 lists"

    libraries = _kept("java", files, fetch) / "target/lib"
    options = ("-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
    program = str(EXAMPLES / "java" / "Run.java")
    return Client(("java", *options, "-cp", f"{libraries}/*", program))


BUILDERS: Mapping[str, Callable[[Path], Client]] = {"node": node, "go": go, "java": java}
"""What builds the client of each language; it skips where the toolchain is not there."""


def _need(*programs: str) -> None:
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        pytest.skip(f"{' and '.join(missing)} not on PATH: this client cannot be built here")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.strip(".").split("."))


def _cache() -> Path:
    return Settings.from_env().cache / "clients"


def _kept(name: str, files: Sequence[Path], fill: Callable[[Path], None]) -> Path:
    """The folder of the cache that ``fill`` filled for exactly these files, from them."""
    key = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]
    folder = _cache() / f"{name}-{key}"
    if folder.exists():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".filling-") as made:
        whole = Path(made) / "whole"
        whole.mkdir()
        for file in files:
            shutil.copy(file, whole)
        fill(whole)
        # It appears at once and whole; whoever was as quick has the same.
        if not folder.exists():
            whole.rename(folder)
    return folder


def _built(command: Sequence[str], folder: Path, env: Mapping[str, str] | None = None) -> None:
    done = _run(command, _BUILD_S, folder, env)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"[-3000:]


def _run(
    command: Sequence[str],
    seconds: float,
    folder: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=folder, env={**os.environ, **(env or {})}, capture_output=True, text=True,
        timeout=seconds, check=False,
    )  # fmt: skip


def _said(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.stdout, done.stderr[-3000:]
    said = json.loads(done.stdout)
    assert isinstance(said, dict)
    return said
