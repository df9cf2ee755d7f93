"""The whole stack on real servers, and the gateway of it, for tests that need both."""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from runfold.infra.gateway.postgres import PostgresKeyStore, Sessions
from runfold.infra.http.push.vapid import PushKey
from runfold.infra.process.ready import READY_FILE
from runfold.stack.settings import Settings
from runfold.surfaces.application.governing.api_keys import ApiKeys, KeyWish, hash_key_in
from runfold.surfaces.processes import PROCESSES
from tests.docs.test_blocks import environment, running
from tests.support import stack, warm
from tests.support.stack import wait_until

ROOT = Path(__file__).parents[2]
_names = itertools.count(1)
PUSH_KEY = PushKey.new()
PUSHING = {
    "RUNFOLD_SECRET_WEBPUSH": PUSH_KEY.secret(),
    "RUNFOLD_PUSH_PUBLIC_KEY": PUSH_KEY.public,
    "RUNFOLD_PUSH_CONTACT": "mailto:ops@example.com",
}
OPEN = {
    "RUNFOLD_OUTGOING_HTTP": "1",
    "RUNFOLD_OUTGOING_PRIVATE": "127.0.0.0/8",
    "RUNFOLD_OUTGOING_PORTS": "*",
}
"""What lets this machine be asked, as a push service of a test's own."""

SCRIPT = {
    "apiVersion": "runfold/v1",
    "kind": "ModelScript",
    "metadata": {"name": "clerk", "version": "1.0.0"},
    "spec": {
        "turns": [
            {"calls": [{"name": "ask_human", "arguments": {"question": "Which colour?"}}]},
            {"calls": [{"name": "complete_task", "arguments": {"summary": "done"}}]},
        ]
    },
}
AGENT = {
    "apiVersion": "ossa/v0.4",
    "kind": "Agent",
    "metadata": {"name": "clerk", "version": "1.0.0"},
    "spec": {"role": "You ask.", "llm": {"provider": "scripted", "model": "clerk"}},
}


@dataclass
class Product:
    """The whole stack, and the gateway of it."""

    settings: Settings

    @property
    def folder(self) -> Path:
        return self.settings.home / "gateway"

    def cli(self, *words: str) -> str:
        """Run a command and return what it says."""
        done = subprocess.run(
            [sys.executable, "-m", "runfold.surfaces.cli", *words],
            env=environment(self.settings), cwd=ROOT, capture_output=True, text=True, timeout=120,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @contextmanager
    def keys(self) -> Iterator[ApiKeys]:
        """The keys of the gateway, as ``runfold keys`` has them."""
        sessions = Sessions(self.settings.database_url)
        try:
            yield ApiKeys(PostgresKeyStore(sessions), hash_key_in(self.folder / "hash-key"))
        finally:
            sessions.close()

    def key(self, tenant: str, *scopes: str, user: str = "ada") -> str:
        """Return a new key."""
        wish = KeyWish("test", tenant, user, (), scopes or ("*",))
        with self.keys() as keys:
            return str(keys.create(wish, datetime.now(UTC))[0])

    @contextmanager
    def client(self, key: str) -> Iterator[httpx.Client]:
        url = (self.folder / "url").read_text().strip()
        headers = {"authorization": f"Bearer {key}"}
        with httpx.Client(base_url=url, headers=headers, timeout=60) as client:
            yield client


@contextmanager
def standing(servers: stack.Servers) -> Iterator[Product]:
    """Every process but the monitor, under a name of its own: others may empty their topics."""
    with ExitStack() as held:
        env = held.enter_context(pytest.MonkeyPatch.context())
        for name, value in {"RUNFOLD_MODEL_DELTAS": "on", **OPEN, **PUSHING}.items():
            env.setenv(name, value)
        home = held.enter_context(stack.temporary_home())
        url = held.enter_context(stack.fresh_database(servers.database_url))
        named = held.enter_context(stack.named_topics(servers.settings, f"stand{next(_names)}"))
        settings = replace(named.at(servers.bootstrap_servers, url), home=home)
        for process in PROCESSES:
            if not process.once and process.name != "monitor":
                held.enter_context(running(settings, process.name, process.arguments))
        wait_until((home / "gateway.ready").exists, 120)
        yield Product(settings)


@contextmanager
def gateway(settings: Settings, log: str = "gateway-2.log", **more: str) -> Iterator[warm.Started]:
    """A gateway of a test's own, beside or in the place of another."""
    ready, url = settings.home / "own-gateway.ready", settings.home / "gateway" / "url"
    before = url.read_text() if url.exists() else ""
    ready.unlink(missing_ok=True)
    with (settings.home / log).open("ab") as file:
        process = warm.start(
            "runfold.surfaces.http",
            env={**environment(settings), READY_FILE: str(ready), **more},
            stdout=file,
            stderr=file,
        )
        try:
            wait_until(ready.exists, 60)
            yield process
        finally:
            process.kill()
            process.wait()
            # Whoever comes later finds the gateway that is there.
            url.write_text(before)


def asked(client: httpx.Client, **headers: str) -> str:
    answer = client.post("/runs", json={"goal": "choose", "agent": "clerk"}, headers=headers)
    assert answer.status_code in {200, 202}, answer.text
    run_id: str = answer.json()["run_id"]
    return run_id


def waiting(client: httpx.Client, run_id: str) -> str:
    """Wait until a run asks a person, and return the question's id."""
    found: list[str] = []

    def asks() -> bool:
        answer = client.get(f"/runs/{run_id}")
        assert answer.status_code == 200, answer.text
        found[:] = [wait["call_id"] for wait in answer.json()["waits_for"]]
        return bool(found)

    wait_until(asks, 60)
    return found[0]
