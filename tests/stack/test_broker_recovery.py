"""What the embedded broker makes of its own files when it comes back."""

from __future__ import annotations

from pathlib import Path

import pytest

from runfold.stack.errors import StackError
from runfold.stack.home import Home
from runfold.stack.kafka import jars
from runfold.stack.kafka.broker import Broker
from tests.system.foreign.java import compiled


def test_a_partition_without_a_leader_is_not_taken_for_a_deleted_one(tmp_path: Path) -> None:
    # The coordinator skips the markers of deleted partitions: a transaction stays open for good.
    assert compiled(tmp_path, "Leaderless").main() == [{"known": True, "unknown": False}]


def test_the_folder_of_a_newer_release_is_refused(own_home: Path) -> None:
    home = Home(own_home)
    home.prepare()
    data = home.kafka / "data"
    data.mkdir()
    (data / "meta.properties").write_text("version=1\n")
    (data / "bootstrap.checkpoint").write_bytes(b"..metadata.version\x00\x1e\x00..")
    with pytest.raises(StackError, match=f"newer than {jars.KAFKA_RELEASE}.*RUNFOLD_HOME"):
        Broker(home, own_home).start()
