"""No process of the stack shows a secret to those who look into its environment from outside."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from runfold.infra.secrets.taking import for_connections
from runfold.stack import control
from runfold.stack.home import Home
from runfold.stack.settings import Settings
from runfold.stack.supervisor.python_program import PythonProgram
from runfold.surfaces.processes import PROCESSES
from tests.stack.test_stack import everything_below
from tests.support.stack import embedded_settings

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's"),
]

SECRET = "s3cret-of-the-crm"
KEY = "sk-s3cret-of-a-model"


@pytest.fixture
def settings(own_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    monkeypatch.setenv("RUNFOLD_SECRET_CRM", SECRET)
    monkeypatch.setenv("ACME_API_KEY", KEY)
    found = embedded_settings(own_home)
    try:
        yield found
    finally:
        control.down(found)


def test_nobody_who_looks_into_the_stack_finds_a_secret(settings: Settings) -> None:
    running = control.up(settings, PROCESSES)
    guard = psutil.Process(running.pid).parent()
    assert guard is not None
    shown: dict[str, bytes] = {}
    for process in [guard, *everything_below(guard.pid)]:
        block = Path(f"/proc/{process.pid}/environ").read_bytes()
        shown[" ".join(process.cmdline()[:4])] = block
    assert any("runfold.projections" in name for name in shown)
    assert any("runfold.processors.run" in name for name in shown)
    assert [name for name, block in shown.items() if b"s3cret" in block] == []


def test_only_what_calls_is_given_the_secrets_of_calls() -> None:
    taken = {
        "RUNFOLD_SECRET_CRM": SECRET,
        "ACME_API_KEY": KEY,
        "DATABASE_URL": "postgresql://me:pass@db/x",
        "KAFKA_SASL_PASSWORD": "word",
    }
    assert for_connections(taken).keys() == {"DATABASE_URL", "KAFKA_SASL_PASSWORD"}
    assert {process.name for process in PROCESSES if process.calls} == {"runs", "tools"}


def test_what_signs_is_given_the_secrets_that_it_asks_for_by_name(tmp_path: Path) -> None:
    secrets = {
        "RUNFOLD_SECRET_CRM": SECRET,
        "RUNFOLD_SECRET_WEBHOOK_BILLING": "whsec_1",
        "RUNFOLD_VAULT_TOKEN": "token",
        "ACME_API_KEY": KEY,
    }
    given = {
        process.name: PythonProgram(
            process, Settings(tmp_path, tmp_path), Home(tmp_path), secrets
        ).given.keys()
        for process in PROCESSES
    }
    assert given["runs"] == given["tools"] == secrets.keys()
    assert given["delivery"] == {"RUNFOLD_SECRET_WEBHOOK_BILLING", "RUNFOLD_VAULT_TOKEN"}
    assert given["gateway"] == secrets.keys() - {"ACME_API_KEY"}
    assert not given["projector"] | given["monitor"] | given["topics"]
