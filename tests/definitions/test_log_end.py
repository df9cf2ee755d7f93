"""The topic's end is asked for again when what a client knows of the leaders is out of date."""

from __future__ import annotations

from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from runfold.events.avro.codec import Codec
from runfold.events.avro.registry import LockRegistry
from runfold.infra.kafka import clients
from runfold.processors.definitions import kafka
from runfold.processors.definitions.source import DefinitionStoreUnavailableError


class _Admin:
    """Answers with what is left of ``answers``; each client asks once."""

    answers: list[object]

    def __init__(self, _options: object) -> None:
        pass

    def list_offsets(self, asked: dict[Any, object], **_how: object) -> dict[Any, Future[object]]:
        answer: Future[object] = Future()
        told = self.answers.pop(0)
        if isinstance(told, Exception):
            answer.set_exception(told)
        else:
            answer.set_result(SimpleNamespace(offset=told))
        return dict.fromkeys(asked, answer)


class _Consumer:
    def __init__(self, _options: object, logger: object) -> None:
        pass

    def list_topics(self, timeout: float) -> None:
        pass

    def assign(self, _places: object) -> None:
        pass


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> kafka.KafkaDefinitionLog:
    monkeypatch.setattr(clients, "admin", _Admin)
    monkeypatch.setattr(clients, "consumer", _Consumer)
    return kafka.KafkaDefinitionLog({"bootstrap.servers": "nowhere"}, Codec(LockRegistry()))


def _stale() -> KafkaException:
    return KafkaException(KafkaError(KafkaError.FENCED_LEADER_EPOCH))


def test_a_leader_that_has_changed_is_asked_again(registry: kafka.KafkaDefinitionLog) -> None:
    _Admin.answers = [_stale(), TimeoutError(), 7]
    assert registry.end(5) == 7


def test_it_is_given_up_when_the_time_is_over(registry: kafka.KafkaDefinitionLog) -> None:
    _Admin.answers = [_stale()] * 3
    with pytest.raises(DefinitionStoreUnavailableError, match=r"topic registry: .*epoch"):
        registry.end(0)
    assert len(_Admin.answers) == 2
