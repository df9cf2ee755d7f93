"""Consumers are made in one room, so that each has what was measured and learned there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROOMS = ("events", "infra", "producers", "processors", "projections", "surfaces", "stack")
ROOM = "producers/log/"

CLIENTS = {"infra/kafka/clients.py", "infra/kafka/named/consumer.py"}
"""Where clients are made, for the log room and for the stack, with the deployment's name."""

BESIDE = {"stack/kafka/remaking.py"}
"""The stack stands beside the producers and may not import them; it moves an input topic's records
once, as they are."""


def naming(pattern: str) -> set[str]:
    """The modules outside the log room whose code matches."""
    found = {
        str(path.relative_to(ROOT))
        for room in ROOMS
        for path in (ROOT / room).rglob("*.py")
        if re.search(pattern, path.read_text(encoding="utf-8"))
    }
    return {name for name in found if not name.startswith(ROOM)}


def test_no_consumer_is_made_outside_the_log_room() -> None:
    assert naming(r"(?<![\w.])Consumer\(|\bclients\.consumer\(") - CLIENTS == BESIDE


def test_only_the_log_room_sets_up_consumers() -> None:
    assert naming(r"\bconsumer_of\b|\bon_assign\b") - CLIENTS == set()
    # The client library itself is named where there are producers, topics and their faults.
    assert naming(r"from confluent_kafka import [^\n]*\bConsumer\b") == CLIENTS
    (beside,) = BESIDE
    assert '"check.crcs": True' in (ROOT / beside).read_text()


def test_only_the_log_room_knows_how_librdkafka_says_an_end() -> None:
    assert naming("_PARTITION_EOF") == BESIDE
    # Topics are created by the stack, which stands beside the producers.
    assert naming(r"\bOffsetSpec\b") == {"stack/kafka/topics.py", "infra/kafka/named/admin.py"}


def test_only_producers_say_how_keys_are_placed() -> None:
    assert naming('"partitioner"') == BESIDE | {
        "infra/kafka/hearing.py",  # takes it away where nothing is sent
        "infra/settings/config.py",
        "processors/effects/pool/settings.py",
        "projections/summaries/writer.py",
        "stack/settings.py",
    }
