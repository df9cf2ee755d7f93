"""``python -m runfold.processors.tool``: a published tool, called through the topics."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from confluent_kafka import Producer

from runfold.events import topics
from runfold.events.calls import Outcome
from runfold.events.contents.content import JSON, content, json_content
from runfold.events.definitions import DefinitionPublished, key_of
from runfold.stack.settings import Settings
from tests.effects.given import tool_work
from tests.effects.pools import CODEC, ROOT, PoolBench, terminated
from tests.tool.given import builtin, said

COMMAND = [sys.executable, "-m", "runfold.processors.tool"]


def _publish(settings: Settings, root: Path) -> None:
    contract = builtin("report.write", root=str(root))
    published = DefinitionPublished(
        kind="tool",
        name=contract.name,
        version=contract.version,
        digest=contract.digest(),
        body=content(contract.body().encode(), JSON),
        published_at=datetime.now(UTC),
        published_by="test",
    )
    producer = Producer(settings.kafka_config())
    key = key_of("tool", contract.name, contract.version).encode()
    producer.produce(topics.REGISTRY, key=key, value=CODEC.encode(topics.REGISTRY, published))
    assert producer.flush(10) == 0


@pytest.mark.integration
def test_a_tool_published_while_the_pool_runs_is_called(settings: Settings, tmp_path: Path) -> None:
    bench = PoolBench(settings)
    process = subprocess.Popen(COMMAND, cwd=ROOT, env={**os.environ, **settings.to_env()})
    try:
        _publish(settings, tmp_path / "reports")
        work = tool_work(
            tool="report.write",
            tool_version="1.0.0",
            arguments=json_content({"path": "r.md", "markdown": "# Report"}),
            timeout_ms=5000,
        )
        bench.publish([work])
        (result,) = bench.results_of([work])
        assert (result.outcome, result.effect) == (Outcome.SUCCEEDED, True)
        assert said(result)["sha256"] == hashlib.sha256(b"# Report").hexdigest()
        assert (tmp_path / "reports" / "r.md").read_text() == "# Report"
        assert terminated(process) == 0
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize(
    ("env", "sentence"),
    [
        ({}, "KAFKA_BOOTSTRAP_SERVERS is not set"),
        ({"KAFKA_BOOTSTRAP_SERVERS": "x"}, "DATABASE_URL is not set"),
        (
            {"KAFKA_BOOTSTRAP_SERVERS": "x", "RUNFOLD_CLAIM_LEASE_S": "soon"},
            "RUNFOLD_CLAIM_LEASE_S must be a number",
        ),
    ],
)
def test_a_missing_setting_is_one_sentence(env: dict[str, str], sentence: str) -> None:
    ended = subprocess.run(
        COMMAND, cwd=ROOT, env=env, capture_output=True, text=True, timeout=30, check=False
    )
    assert ended.returncode == 2
    assert sentence in ended.stderr
    assert "Traceback" not in ended.stderr
