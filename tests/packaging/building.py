"""Builds what users install, and installs it where nothing else is.

The wheel is built from a copy of what the image copies (`deploy/Dockerfile`), so that the image is
known to build too, and neither build/ nor a folder of ours lies beside what is tested.

Runfold's large dependencies are not installed again: a ``.pth`` line in the new environment names
the folder where these tests find them. What is tested (Runfold and its neighbours) is installed
by pip.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.docs.given import ROOT

# A busy machine takes many times the seconds of an idle one.
PATIENCE_S = 500

_DOCKERFILE = ROOT / "deploy" / "Dockerfile"
_NOT_COPIED = shutil.ignore_patterns("__pycache__", "*.egg-info")
_AWAY = re.compile(r"Connection|No matching distribution|Temporary failure|timed out|Name or serv")


@dataclass(frozen=True)
class Environment:
    """An environment of its own, without pip."""

    folder: Path

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "bin" / "python"

    @property
    def packages(self) -> Path:
        """Where pip installs to."""
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        return self.folder / "lib" / version / "site-packages"

    def run(self, *command: str | Path, at: Path) -> str:
        """Return what a command of this environment prints, run in the folder ``at``."""
        done = subprocess.run(
            [self.folder / "bin" / command[0], *command[1:]],
            cwd=at, env=clean_environment(), capture_output=True, text=True,
            timeout=PATIENCE_S, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def program(self, text: str, at: Path) -> str:
        """Return what a Python program prints, started from a file in the folder ``at``."""
        file = at / "program.py"
        file.write_text(text, encoding="utf-8")
        return self.run("python", file, at=at)

    def install(self, *arguments: str | Path) -> None:
        """Install with pip; skips the test where no package index answers."""
        done = subprocess.run(
            [sys.executable, "-m", "pip", "--python", self.python, "install", "--quiet",
             "--no-compile", "--retries", "1", *arguments],
            env=clean_environment(), capture_output=True, text=True,
            timeout=PATIENCE_S, check=False,
        )  # fmt: skip
        if done.returncode and _AWAY.search(done.stderr):
            pytest.skip(f"pip cannot reach its index: {done.stderr.strip().splitlines()[-1]}")
        assert done.returncode == 0, done.stderr


def clean_environment() -> dict[str, str]:
    """The variables of a user's shell: no path into the checkout."""
    hidden = {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "MYPYPATH"}
    return {name: value for name, value in os.environ.items() if name not in hidden}


def new_environment(folder: Path) -> Environment:
    """Make an environment that finds Runfold's dependencies where these tests find them."""
    venv.create(folder, symlinks=True, with_pip=False)
    made = Environment(folder)
    dependencies = sysconfig.get_path("purelib")
    # What a .pth line names is searched last, and the .pth files in it are not read.
    (made.packages / "dependencies.pth").write_text(dependencies + "\n", encoding="utf-8")
    return made


def copied_sources(folder: Path) -> Path:
    """Copy what the image copies, in the way it does, and return the folder."""
    text = _DOCKERFILE.read_text(encoding="utf-8")
    for line in re.findall(r"^COPY (.+)$", text, re.MULTILINE):
        *names, target = line.split()
        for name in names:
            source = ROOT / name
            place = folder / (target if source.is_dir() else name)
            if source.is_dir():
                shutil.copytree(source, place, symlinks=True, ignore=_NOT_COPIED)
            else:
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, place)
    return folder


def built_wheel(folder: Path) -> Path:
    """Build the wheel and return its file."""
    sources = copied_sources(folder / "sources")
    done = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation",
         "--wheel-dir", folder, sources],
        env=clean_environment(), capture_output=True, text=True,
            timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (wheel,) = folder.glob("*.whl")
    return wheel
