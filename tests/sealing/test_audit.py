"""The journal of a sealed tenant, audited: with the key, after an erasure, and tampered with."""

from __future__ import annotations

from runfold.events import topics
from runfold.events.avro.codec import Codec
from runfold.events.avro.registry import LockRegistry
from runfold.events.sealing.form import MARK_BYTES
from runfold.producers.log.memory import MemoryLog
from runfold.surfaces.application.operations.audit import audit
from runfold.testing import MemoryRuntime
from tests.sealing.sealed import Registry
from tests.sealing.test_runs import log_of, run, runtime


def changed(value: bytes) -> bytes:
    """The same with one byte of what is sealed in it changed, behind the name of its key."""
    at = value.index(MARK_BYTES) + len(MARK_BYTES) + 40
    return value[:at] + (b"B" if value[at : at + 1] == b"A" else b"A") + value[at + 1 :]


def copied(made: MemoryRuntime, registry: Registry, change: int | None = None) -> MemoryLog:
    """A log that an audit reads, with what a runtime wrote; one sealed event may be changed."""
    log = MemoryLog(registry.codec(), [topic.name for topic in topics.TOPICS], 1)
    published = Codec(LockRegistry())
    for each in registry.records:
        log.append(topics.REGISTRY, published.encode(topics.REGISTRY, each), b"key")
    seq = 0
    for name, value in log_of(made):
        sealed = name == topics.EVENTS and MARK_BYTES in value
        seq += sealed
        written = changed(value) if sealed and seq == change else value
        if name in {topics.EVENTS, topics.COMPLETIONS}:
            log.append(name, written, made._engine.entries(topics.EVENTS)[0].key or b"")
    return log


def sealed_run() -> tuple[Registry, str, MemoryRuntime]:
    """A run of a tenant that was sealed after its definitions were published."""
    registry = Registry()
    for each in runtime(None).definitions:
        registry.announce(each)
    key = registry.seal()
    made = runtime(registry)
    run(made)
    return registry, key, made


def test_every_decision_is_made_again_from_sealed_events() -> None:
    registry, _, made = sealed_run()

    report = audit(copied(made, registry))

    assert (report.faults, report.runs, report.erased) == ((), 1, 0)
    assert report.decisions > 5


def test_after_an_erasure_the_chain_is_verified_and_no_decision_made_again() -> None:
    registry, key, made = sealed_run()
    registry.erase(key)

    report = audit(copied(made, registry))

    assert (report.sound, report.erased, report.unreadable, report.decisions) == (True, 1, 0, 0)
    assert report.ended == 1


def test_an_erasure_hides_no_tampering() -> None:
    registry, key, made = sealed_run()
    registry.erase(key)

    report = audit(copied(made, registry, change=3))

    assert [fault.kind for fault in report.faults][:1] == ["chain"]


def test_a_lost_key_is_said_and_is_no_erasure() -> None:
    registry, _, made = sealed_run()
    registry.store.destroy("1-default")
    registry.ring = registry.another()

    report = audit(copied(made, registry))

    assert (report.sound, report.erased, report.unreadable) == (True, 0, 1)
