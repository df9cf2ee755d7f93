"""Failures that are to be expected are one sentence and a documented exit code, never a trace."""

from __future__ import annotations

import errno
import io
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from runfold.producers.errors import FatalError, NotYetError, RefusedError, UnavailableError
from runfold.stack.errors import StackError
from runfold.surfaces.cli import exits
from runfold.surfaces.cli.__main__ import run
from runfold.surfaces.cli.context import Context
from runfold.surfaces.cli.faults import explained
from runfold.surfaces.docs.cli import page
from tests.surfaces.answering import answering, context_of


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (StackError("The port is taken."), exits.UNAVAILABLE),
        (RefusedError("Too large."), exits.BAD_INPUT),
        (NotYetError("Not in time."), exits.TRY_AGAIN),
        (UnavailableError("Kafka is away."), exits.UNAVAILABLE),
        (FatalError("Make a new one."), exits.UNAVAILABLE),
        (OSError(errno.ENOSPC, "No space left on device", "/x"), exits.IO_ERROR),
        (PermissionError(errno.EACCES, "Permission denied", "/x"), exits.IO_ERROR),
        (FileNotFoundError(errno.ENOENT, "No such file", "/x"), exits.NOT_FOUND),
        (OperationalError("select", {}, Exception("connection refused")), exits.UNAVAILABLE),
        (ZeroDivisionError("division by zero"), exits.INTERNAL),
    ],
    ids=lambda value: type(value).__name__,
)
def test_every_expected_failure_has_its_code_and_its_sentence(error: Exception, code: int) -> None:
    sentence, found = explained(error)
    assert found == code
    assert sentence
    assert "\n" not in sentence
    assert found in exits.MEANINGS


def test_a_full_disk_says_so() -> None:
    assert explained(OSError(errno.ENOSPC, "x", "/there"))[0] == (
        "The disk is full (/there): make room and try again."
    )


def test_a_failure_within_a_command_is_printed_and_not_raised(
    capsys: pytest.CaptureFixture[str],
) -> None:
    class Broken(Context):
        @property
        def reader(self) -> object:  # type: ignore[override]
            raise StackError("Nothing runs here: start it with `runfold up`.")

    assert run(["deadletters"], Broken()) == exits.UNAVAILABLE
    said = capsys.readouterr().err
    assert said == "Nothing runs here: start it with `runfold up`.\n"


def test_a_command_asks_for_postgres_only_where_it_reads_tables(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("RUNFOLD_HOME", str(tmp_path))
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1")
    monkeypatch.delenv("DATABASE_URL", raising=False)
    context = Context()
    assert context.client("default", "me") is not None
    assert run(["runs"], context) == exits.UNAVAILABLE
    assert "tables in Postgres are needed" in capsys.readouterr().err
    context.close()


@pytest.mark.parametrize(
    "arguments",
    [["bogus"], ["run"], ["runs", "--limit", "0"], ["approve"], ["costs", "--by", "moon"]],
)
def test_what_cannot_be_understood_is_a_usage_error(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments, context_of(answering())) == exits.USAGE
    assert capsys.readouterr().err


def test_the_demo_without_a_terminal_says_how_to_approve(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("RUNFOLD_HOME", str(tmp_path))
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert run(["demo"]) == exits.USAGE
    assert "YES=1" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_help_lists_every_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == exits.OK
    said = " ".join(capsys.readouterr().out.split())
    for code, meaning in exits.MEANINGS.items():
        assert f"{code} {meaning}" in said


def test_help_needs_neither_kafka_nor_the_vocabulary() -> None:
    heavy = "sorted({'confluent_kafka', 'pydantic', 'sqlalchemy'} & set(sys.modules))"
    code = f"import sys, surfaces.cli.__main__ as m; m.run(['--help']); print({heavy})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_reference_has_every_command_and_exit_code() -> None:
    said = page()
    for command in ("up", "logs RUN", "audit verify [RUN]", "approve CALL", "schemas publish"):
        assert f"### `runfold {command}`" in said
    for code, meaning in exits.MEANINGS.items():
        assert f"| {code} | {meaning} |" in said
