"""A transcript as a document: the same bytes for the same entries, readable by any Avro tool."""

from __future__ import annotations

import contextlib
import io
from datetime import UTC, datetime
from typing import Any

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runfold.events.calls import Message, Role
from runfold.events.calls.transcript import TranscriptEntry, digest_of
from runfold.events.contents.content import text
from runfold.events.contents.transcript import TranscriptError, read, write
from runfold.processors.run.fold.turns import with_messages
from runfold.processors.run.state import Transcript
from tests.context.given import proposed, replied, said

ENTRIES = (
    said("goal", "Grüße ☃", pinned=True),
    proposed("p", "c1"),
    replied("r1", "c1", "found"),
    said("note", ""),
)


def test_a_transcript_is_read_as_it_was_written() -> None:
    assert read(write(ENTRIES)) == ENTRIES
    assert read(write(())) == ()


def test_the_same_entries_give_the_same_bytes() -> None:
    assert write(ENTRIES) == write(tuple(ENTRIES))
    assert write(ENTRIES) != write(ENTRIES[1:])


def test_any_avro_tool_reads_it_without_our_schemas() -> None:
    found: list[Any] = list(fastavro.reader(io.BytesIO(write(ENTRIES))))
    assert [each["id"] for each in found] == ["goal", "p", "r1", "note"]


def test_digest_and_size_are_those_that_a_run_folds() -> None:
    folded = Transcript()
    said = [(entry.kind, entry.id, entry.message) for entry in ENTRIES]
    for each in said:
        folded = with_messages(folded, [each])
    assert folded == with_messages(Transcript(), said)
    assert digest_of(ENTRIES) == folded.digest
    assert sum(entry.token_estimate for entry in ENTRIES) == folded.token_estimate


def test_a_digest_covers_who_speaks_and_the_order() -> None:
    ours, theirs = said("1", "a"), said("1", "a", Role.ASSISTANT)
    assert ours.digest != theirs.digest
    assert digest_of([ours, theirs]) != digest_of([theirs, ours])


@given(st.binary(max_size=200) | st.integers(0, len(write(ENTRIES)) - 1))
def test_whatever_else_it_is_it_is_refused(rubbish: bytes | int) -> None:
    data = rubbish if isinstance(rubbish, bytes) else write(ENTRIES)[:rubbish]
    with pytest.raises(TranscriptError):
        read(data)


@given(st.integers(0, len(write(ENTRIES)) - 1), st.integers(1, 255))
def test_a_flipped_byte_raises_nothing_else(place: int, change: int) -> None:
    data = bytearray(write(ENTRIES))
    data[place] ^= change
    with contextlib.suppress(TranscriptError):
        read(bytes(data))


def test_a_long_transcript_takes_far_less_than_its_messages() -> None:
    words = f"{datetime(2026, 1, 2, tzinfo=UTC).isoformat()} ERROR retrying the same thing " * 100
    message = Message(role=Role.USER, content=text(words))
    one = TranscriptEntry(kind="message", id="1", message=message)
    entries = [one.model_copy(update={"id": f"{n}"}) for n in range(1000)]
    assert len(write(entries)) < 1000 * len(words) // 20
