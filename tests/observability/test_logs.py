"""Logs: one JSON object a line, with ids, without secrets and without what somebody said."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from pydantic import BaseModel, ValidationError

from runfold.infra.logging.json_lines import JsonFormatter, about, described, frames
from runfold.infra.logging.masking import masked, secrets_of

SECRET = 's3cr"et-ключ'


class Person(BaseModel):
    age: int


def line(record: logging.LogRecord, *secrets: str) -> dict[str, str]:
    found: dict[str, str] = json.loads(JsonFormatter(secrets).format(record))
    return found


def record(message: str = "hello", error: BaseException | None = None) -> logging.LogRecord:
    info = (type(error), error, error.__traceback__) if error else None
    return logging.LogRecord("x", logging.INFO, __file__, 1, message, (), info)


def test_a_line_names_run_call_and_trace_within_about_and_not_after() -> None:
    with about("run-1", "run-1.2", f"00-{'ab' * 16}-{'12' * 8}-01"):
        inside = line(record())

    assert inside["run_id"] == "run-1"
    assert inside["call_id"] == "run-1.2"
    assert inside["trace_id"] == "ab" * 16
    assert "run_id" not in line(record())


def test_every_secret_of_the_environment_is_masked() -> None:
    env = {
        "RUNFOLD_SECRET_CRM": SECRET,
        "OPENAI_API_KEY": "sk-1234567",
        "KAFKA_SASL_PASSWORD": "kafka-pass",
        "DATABASE_URL": "postgresql://me:pg%40pass@host/db",
        "OTEL_EXPORTER_OTLP_HEADERS": "authorization=abc",
        "OTEL_EXPORTER_OTLP_TRACES_HEADERS": "x-api-key=traces",
        "HOME": "/home/me",
        "RUNFOLD_SECRET_SHORT": "abc",
    }
    hidden = secrets_of(env)
    text = json.dumps({"a": [*env.values(), "pg@pass"]}, ensure_ascii=False)
    shown = masked(text, hidden)

    for secret in (
        "s3cr",
        "sk-1234567",
        "kafka-pass",
        "pg%40pass",
        "pg@pass",
        "authorization",
        "x-api",
    ):
        assert secret not in shown
    assert "/home/me" in shown
    assert SECRET not in line(record(f"key {SECRET}"), *hidden)["message"]


def test_an_exception_that_quotes_is_told_without_its_message_also_as_a_cause() -> None:
    try:
        try:
            Person.model_validate({"age": "ca" + "nary"})
        except ValidationError as error:
            raise RuntimeError("the registry was away") from error
    except RuntimeError as error:
        shown = described(error)

    assert "canary" not in shown
    assert "ValidationError: its message is withheld" in shown
    assert "RuntimeError: the registry was away" in shown
    assert "test_logs.py" in shown


def test_frames_say_where_and_not_what() -> None:
    try:
        raise ValueError("canary")
    except ValueError as error:
        found = frames(error)

    assert "test_frames_say_where" in found[-1]
    assert "canary" not in "".join(found)


@pytest.mark.parametrize("where", ["main", "thread"])
def test_what_ends_a_thread_is_a_line_of_json_too(where: str) -> None:
    program = f"""
import threading
from runfold.infra.logging.json_lines import log_to_stderr
log_to_stderr()
def end(): raise RuntimeError("sk-1234567")
end() if "{where}" == "main" else threading.Thread(target=end).start()
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False,
        cwd=Path(__file__).parents[2], env={"OPENAI_API_KEY": "sk-1234567"},
    )  # fmt: skip
    lines = [json.loads(line) for line in done.stderr.splitlines()]

    assert [found["level"] for found in lines] == ["CRITICAL"]
    assert lines[0]["message"] == "RuntimeError ended a thread"
    assert "sk-1234567" not in done.stderr


def test_ids_belong_to_their_own_thread() -> None:
    seen = []
    with about("run-1", "c", ""):
        thread = threading.Thread(target=lambda: seen.append(line(record())))
        thread.start()
        thread.join()

    assert "run_id" not in seen[0]


@pytest.mark.parametrize("client", ["consumer", "outbox"])
def test_what_the_kafka_client_says_is_a_line_of_json_too(client: str) -> None:
    program = f"""
import socket, time
from typing import Any
from runfold.infra.logging.json_lines import log_to_stderr
from runfold.processors.effects.pool.outbox import Outbox
from runfold.producers.log.consumers import consumer_of
log_to_stderr()
with socket.socket() as taken:
    taken.bind(("127.0.0.1", 0))  # nobody listens
    kafka = {{"bootstrap.servers": "127.0.0.1:%d" % taken.getsockname()[1]}}
    if "{client}" == "consumer":
        consumer = consumer_of(kafka, {{"group.id": "g"}})
        consumer.subscribe(["t"])
        serve = lambda: consumer.poll(0.1)
    else:
        outbox: Any = Outbox(kafka, None, "test")
        serve = lambda: (outbox.serve(), time.sleep(0.1))
    until = time.monotonic() + 3
    while time.monotonic() < until:
        serve()
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60,
        cwd=Path(__file__).parents[2],
    )  # fmt: skip
    lines = [json.loads(line) for line in done.stderr.splitlines()]

    assert done.returncode == 0
    said = [found for found in lines if found["logger"] == "runfold.kafka"]
    assert any("Connection refused" in found["message"] for found in said), lines
