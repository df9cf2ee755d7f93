from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from runfold.stack.errors import StackError
from runfold.stack.kafka import jars
from runfold.stack.kafka import maven as downloading

GOOD = b"the right bytes"


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    file = tmp_path / "kafka-test.lock"
    digest = hashlib.sha256(GOOD).hexdigest()
    file.write_text(f"org.example:one:1.0 sha256:{digest}\norg.example:two:2.0 sha256:{digest}\n")
    return file


@pytest.fixture
def maven(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """A repository: what it holds by file name, and nothing else."""
    held: dict[str, bytes] = {"one-1.0.jar": GOOD, "two-2.0.jar": GOOD}

    def download(_group: str, artifact: str, version: str, _kind: object, to: Path) -> Path:
        name = f"{artifact}-{version}.jar"
        if name not in held:
            raise OSError("GET https://somewhere/maven2/x failed")
        found = to / name
        found.write_bytes(held[name])
        return found

    monkeypatch.setattr(downloading, "download", download)
    return held


def test_the_lock_of_kafka_names_each_jar_once() -> None:
    locked = jars.read_lock()

    assert len({item.filename for item in locked}) == len(locked) == 46
    assert f"kafka-clients-{jars.KAFKA_RELEASE}.jar" in {item.filename for item in locked}


def test_what_is_missing_is_fetched_and_told(
    tmp_path: Path, lock: Path, maven: dict[str, bytes]
) -> None:
    said: list[str] = []
    folder = jars.ensure(tmp_path / "cache", said.append, lock)

    assert sorted(file.name for file in folder.iterdir()) == sorted(maven)
    assert said[-1] == "fetching Kafka: 2 of 2 jars"


def test_what_is_there_is_not_fetched_again(
    tmp_path: Path, lock: Path, maven: dict[str, bytes]
) -> None:
    folder = jars.ensure(tmp_path / "cache", lock=lock)
    maven.clear()

    assert jars.ensure(tmp_path / "cache", lock=lock) == folder


@pytest.mark.usefixtures("maven")
def test_an_altered_jar_is_refused_by_name(tmp_path: Path, lock: Path) -> None:
    folder = jars.ensure(tmp_path / "cache", lock=lock)
    (folder / "two-2.0.jar").write_bytes(b"other bytes")

    with pytest.raises(StackError, match=r"two-2\.0\.jar is not the locked one .* is refused"):
        jars.ensure(tmp_path / "cache", lock=lock)


def test_an_altered_download_is_refused_and_not_kept(
    tmp_path: Path, lock: Path, maven: dict[str, bytes]
) -> None:
    maven["one-1.0.jar"] = b"other bytes"
    with pytest.raises(StackError, match=r"one-1\.0\.jar is not the locked one"):
        jars.ensure(tmp_path / "cache", lock=lock)

    assert not list((tmp_path / "cache").glob("*/one-1.0.jar"))
    maven["one-1.0.jar"] = GOOD
    assert (jars.ensure(tmp_path / "cache", lock=lock) / "one-1.0.jar").exists()


def test_no_network_is_one_sentence_without_an_address(
    tmp_path: Path, lock: Path, maven: dict[str, bytes]
) -> None:
    del maven["two-2.0.jar"]
    with pytest.raises(StackError, match=r"Cannot fetch two-2\.0\.jar .* KAFKA_BOOTSTRAP") as told:
        jars.ensure(tmp_path / "cache", lock=lock)

    assert "http" not in str(told.value)


@pytest.mark.usefixtures("maven")
def test_a_cache_that_cannot_be_written_is_one_sentence(tmp_path: Path, lock: Path) -> None:
    (tmp_path / "cache").write_text("a file")

    with pytest.raises(StackError, match="RUNFOLD_CACHE"):
        jars.ensure(tmp_path / "cache", lock=lock)


def test_a_line_that_locks_nothing_is_named(lock: Path) -> None:
    lock.write_text(lock.read_text() + "org.example:three:3.0\n")

    with pytest.raises(StackError, match=r"kafka-test\.lock line 3"):
        jars.read_lock(lock)
