"""Compiles and runs Java programs with the broker's own jars, Avro and a compiler jar."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runfold.stack.kafka import jars, java
from runfold.stack.settings import Settings

HERE = Path(__file__).parent
SCHEMAS = HERE.parents[2] / "schemas"
LOCK = HERE / "java-readers.lock"


@dataclass(frozen=True)
class Foreign:
    """The compiled program of a name and what it needs to run."""

    name: str
    program: Path
    classpath: str

    def run(self, mode: str, settings: Settings, *words: str) -> list[dict[str, Any]]:
        """Run it against a broker; what it printed, a JSON object a line."""
        return self.main(mode, settings.bootstrap_servers, str(SCHEMAS), *words)

    def main(self, *words: str) -> list[dict[str, Any]]:
        """Run it; what it printed, a JSON object a line."""
        done = subprocess.run(
            [
                self.program, "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
                "-cp", self.classpath, self.name, *words,
            ],
            capture_output=True, text=True, timeout=90, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-3000:]
        return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def compiled(target: Path, name: str = "Foreign") -> Foreign:
    """A program, compiled into a folder; raises StackError where the jars cannot be fetched."""
    cache = Settings.from_env().cache
    broker, more = jars.ensure(cache), jars.ensure(cache, lock=LOCK)
    compiler = next(more.glob("ecj-*.jar"))
    libraries = [*broker.glob("*.jar"), *more.glob("avro-*.jar")]
    classpath = os.pathsep.join(map(str, [target, *libraries]))
    program = java.find().program
    done = subprocess.run(
        [program, "-jar", compiler, "-17", "-proc:none", "-cp", classpath, "-d", target,
         HERE / f"{name}.java"],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return Foreign(name, program, classpath)
