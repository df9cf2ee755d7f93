"""Kafka Connect as others run it: a worker, a converter that asks a registry, a sink into tables.

The jars come from Maven Central, each with the bytes that are on record.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from runfold.stack.kafka import jars, java
from runfold.stack.settings import Settings

HERE = Path(__file__).parent
WORKER = HERE / "connect-4.2.2.lock"
PLUGINS = HERE / "connect-plugins.lock"


@dataclass(frozen=True)
class Installed:
    """The jars of a worker, and the folders of its plug-ins."""

    classpath: str
    plugins: tuple[Path, ...]


def installed() -> Installed:
    """Fetch what is not there yet; raises StackError where it cannot be fetched."""
    cache = Settings.from_env().cache
    found = [*jars.ensure(cache).glob("*.jar"), *jars.ensure(cache, lock=WORKER).glob("*.jar")]
    plugins = tuple(_unpacked(item, cache) for item in _locked())
    return Installed(os.pathsep.join(map(str, found)), plugins)


def _locked() -> Iterator[jars.Locked]:
    for line in PLUGINS.read_text().splitlines():
        coordinates, _, digest = line.partition(" sha256:")
        group, artifact, version, classifier, packaging = coordinates.split(":")
        yield jars.Locked(group, artifact, version, digest, classifier, packaging)


def _unpacked(item: jars.Locked, cache: Path) -> Path:
    folder = cache / f"{item.artifact}-{item.version}-{item.sha256[:12]}"
    if not folder.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as scratch:
            archive, whole = jars.fetch(item, Path(scratch)), Path(scratch) / "whole"
            with tarfile.open(archive) as packed:
                # A plug-in is a folder of jars: without one, each jar would be a plug-in.
                flat = any(name.count("/") == 0 for name in packed.getnames() if ".jar" in name)
                packed.extractall(whole / item.artifact if flat else whole, filter="data")
            if not folder.exists():
                shutil.move(whole, folder)
    return folder


@contextmanager
def worker(
    there: Installed,
    settings: Settings,
    folder: Path,
    shared: Mapping[str, str],
    connector: Mapping[str, str],
) -> Iterator[subprocess.Popen[bytes]]:
    """A worker with one connector; gone when the block ends."""
    own = {
        "bootstrap.servers": settings.bootstrap_servers,
        "offset.storage.file.filename": str(folder / "offsets"),
        "offset.flush.interval.ms": "1000",
        "listeners": "http://127.0.0.1:0",
        "plugin.path": ",".join(map(str, there.plugins)),
        "plugin.discovery": "only_scan",
        "consumer.isolation.level": "read_committed",
        "consumer.auto.offset.reset": "earliest",
        **shared,
    }
    files = {"worker.properties": own, "sink.properties": connector}
    for name, said in files.items():
        lines = [f"{key}={value}" for key, value in said.items()]
        (folder / name).write_text("\n".join(lines) + "\n")
    with (folder / "connect.log").open("wb") as log:
        process = subprocess.Popen(
            [
                java.find().program, "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
                "-Dlog4j2.level=INFO",
                "-cp", there.classpath, "org.apache.kafka.connect.cli.ConnectStandalone",
                str(folder / "worker.properties"), str(folder / "sink.properties"),
            ],
            stdout=log, stderr=log, cwd=folder,
        )  # fmt: skip
        try:
            yield process
        finally:
            process.kill()
            process.wait()
