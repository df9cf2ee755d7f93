"""The services of compose.yaml as processes of the test: scaled, healthy, at work."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

import runfold
from runfold.stack import ports
from runfold.stack.settings import Settings
from tests.stack.test_compose import ROOT, SERVICES
from tests.support import stack

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

_PATIENCE_S = 120


@dataclass
class Instance:
    """One container of a service, as a process on these servers."""

    service: str
    env: dict[str, str]
    log: Path
    process: subprocess.Popen[bytes]

    def check(self) -> int:
        """Run the health check of the service as docker would; its exit code."""
        kind, program, *arguments = SERVICES[self.service]["healthcheck"]["test"]
        assert (kind, program) == ("CMD", "python")
        done = subprocess.run(
            [sys.executable, *arguments], env=self.env, cwd=ROOT, timeout=60, check=False,
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        return done.returncode

    def is_healthy(self) -> bool:
        """Whether the check passes; fails at once where the process has ended."""
        assert self.process.poll() is None, self.log.read_text()[-3000:]
        return self.check() == 0


@contextmanager
def instance(service: str, number: int, settings: Settings) -> Iterator[Instance]:
    """A container of a service: its command and its variables, at our addresses and folders."""
    written = SERVICES[service]
    name = f"{service}-{number}"
    port = ports.claim(settings.home / f"{name}.json", ("metrics",))["metrics"]
    own = {
        key: text for key, text in os.environ.items() if not key.startswith(("RUNFOLD_", "KAFKA_"))
    }
    env = {
        **own,
        **{key: text for key, text in written["environment"].items() if key != "PYTHONPATH"},
        **settings.to_env(),
        "RUNFOLD_METRICS_PORT": str(port),
        "RUNFOLD_METRICS_ADDRESS": "127.0.0.1",
    }
    log = settings.home / f"{name}.log"
    with log.open("ab") as out:
        process = subprocess.Popen(
            [sys.executable, *written["command"]], env=env, cwd=ROOT, stdout=out, stderr=out
        )
    try:
        yield Instance(service, env, log, process)
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def settings(servers: stack.Servers) -> Iterator[Settings]:
    """Empty topics and tables, and a home of their own."""
    stack.fresh_topics(servers.settings)
    with stack.temporary_home() as home, stack.fresh_database(servers.database_url) as url:
        yield replace(servers.settings.at(servers.bootstrap_servers, url), home=home)


def test_three_run_processors_share_the_work_and_say_that_they_are_healthy(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in settings.to_env().items():
        monkeypatch.setenv(name, text)
    with ExitStack() as held:
        scaled = [held.enter_context(instance("runs", n, settings)) for n in range(3)]
        more = [held.enter_context(instance(n, 0, settings)) for n in ("models", "contexts")]
        for each in (*scaled, *more):
            stack.wait_until(each.is_healthy, _PATIENCE_S)
        subprocess.run(
            [sys.executable, "-m", "runfold", "apply", "-f", "examples/hello"],
            cwd=ROOT, check=True, timeout=_PATIENCE_S, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        with runfold.connect() as client:
            runs = [client.run("Say hello", agent="hello") for _ in range(8)]
            assert [run.wait(timeout=_PATIENCE_S).exit_code for run in runs] == [0] * 8
        # With fixed ownership two of them would have ended: fenced by the third.
        assert [each.process.poll() for each in (*scaled, *more)] == [None] * 5


def test_a_process_that_stands_still_or_has_ended_is_not_healthy(settings: Settings) -> None:
    with instance("contexts", 1, settings) as pool:
        stack.wait_until(pool.is_healthy, _PATIENCE_S)
        pool.process.send_signal(signal.SIGSTOP)
        assert pool.check() == 1
        pool.process.kill()
        pool.process.wait()
        assert pool.check() == 1
