"""A process in thirty lines: how it starts, says how it is, and ends."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from runfold.infra.process.exit_codes import ExitCode
from runfold.infra.process.health import Health
from runfold.stack.ports import claim
from tests.support.stack import wait_until

ROOT = Path(__file__).parents[2]

PROGRAM = """
import sys, threading
from runfold.infra.process.exit_codes import ExitCode
from runfold.infra.process.runner import serve
from runfold.infra.settings.config import ConfigError

class Lost(Exception): pass
class Moved(Exception): pass

def settings(config):
    if "badly" in sys.argv:
        raise ConfigError("RUNFOLD_SIZE must be a size, not 'badly'.")
    return threading.Event()

def work(process, ended):
    if "lost" in sys.argv:
        raise Lost("the log is gone")
    if "moved" in sys.argv:
        raise Moved("the tables are newer")
    if "bug" in sys.argv:
        raise ZeroDivisionError
    sys.stdin.readline()
    with process.working(ended.set):
        # A signal just before a wait without end would be seen only after it.
        while not ended.wait(0.05):
            pass
        sys.stdin.readline()
    return process.stalled("nothing came" if "stalled" in sys.argv else "")

sys.exit(serve("runfold-test", settings, work, {Lost: ExitCode.CANNOT_GO_ON, Moved: ExitCode.WRONG_SETTINGS}))
"""  # noqa: E501


def started(*arguments: str, **more: str) -> subprocess.Popen[str]:
    env = {**os.environ, "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1", **more}
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *arguments],
        env=env,
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


@contextmanager
def life(*arguments: str, **more: str) -> Iterator[subprocess.Popen[str]]:
    process = started(*arguments, **more)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def said(process: subprocess.Popen[str], line: str = "\n") -> None:
    assert process.stdin is not None
    process.stdin.write(line)
    process.stdin.flush()


def asked(port: int, path: str) -> tuple[int, dict[str, str]]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refusal:
        return refusal.code, json.load(refusal)
    except OSError:
        return 0, {}


def test_it_is_live_from_the_start_and_ready_while_it_works(tmp_path: Path) -> None:
    port = claim(tmp_path / "ports.json", ("test",))["test"]
    ready_file = tmp_path / "ready"
    own = {"RUNFOLD_METRICS_PORT": str(port), "RUNFOLD_READY_FILE": str(ready_file)}

    def is_in(phase: str) -> bool:
        code = 200 if phase == "ready" else 503
        about = {"process": "runfold-test", "phase": phase}
        return asked(port, "/health/ready") == (code, about)

    with life(**own) as process:
        wait_until(lambda: is_in("starting"), 60)
        assert asked(port, "/health/live")[0] == 200
        assert not ready_file.exists()
        said(process)
        wait_until(lambda: is_in("ready"), 60)
        assert ready_file.exists()
        process.send_signal(signal.SIGTERM)
        wait_until(lambda: is_in("stopping"), 60)
        assert asked(port, "/health/live")[0] == 200
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            assert b"process_cpu_seconds_total" in answer.read()
        said(process)
        assert process.wait(60) == ExitCode.TOLD_TO_END


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["badly"], ExitCode.WRONG_SETTINGS, "RUNFOLD_SIZE must be a size, not 'badly'.\n"),
        (["moved"], ExitCode.WRONG_SETTINGS, "the tables are newer\n"),
        (["lost"], ExitCode.CANNOT_GO_ON, '"message": "the process ends: the log is gone"'),
        (["bug"], ExitCode.CANNOT_GO_ON, "ZeroDivisionError"),
    ],
)
def test_what_ends_it_is_told_with_the_exit_code(
    arguments: list[str], code: ExitCode, told: str
) -> None:
    process = started(*arguments)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == code
    assert told in errors


def test_without_brokers_it_says_what_to_set() -> None:
    process = started(KAFKA_BOOTSTRAP_SERVERS=" ")
    _, errors = process.communicate(timeout=60)
    assert process.returncode == ExitCode.WRONG_SETTINGS
    assert errors.startswith("KAFKA_BOOTSTRAP_SERVERS is not set: ")


def test_a_stall_ends_with_its_own_code(tmp_path: Path) -> None:
    ready_file = tmp_path / "ready"
    with life("stalled", RUNFOLD_READY_FILE=str(ready_file)) as process:
        said(process, "\n\n")
        wait_until(ready_file.exists, 60)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == ExitCode.STALLED


def test_a_path_that_is_not_of_health_is_not_answered() -> None:
    health = Health("runfold-test")
    assert [health.answer(path) for path in ("/", "/metrics", "/healthy", "/health")] == [None] * 4
    assert health.answer("/health/live/") == health.answer("/health/live")


def test_parts_of_a_process_report_in_the_body_of_its_health() -> None:
    health = Health("runfold-test")
    health.reports["calls"] = lambda: {"under_way": 3}
    answered = health.answer("/health/live")
    assert answered is not None
    said = {"process": "runfold-test", "phase": "starting", "calls": {"under_way": 3}}
    assert (answered[0], json.loads(answered[1])) == (200, said)


def test_the_page_lists_every_exit_code() -> None:
    page = (ROOT / "docs" / "exit-codes.md").read_text(encoding="utf-8")
    table = page[page.index("| code | of |") :].split("\n\n", 1)[0]
    assert [int(code) for code in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)] == list(
        ExitCode
    )
