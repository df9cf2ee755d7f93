"""Messages between a process and its children: read from a stream or from pieces, within bounds."""

from __future__ import annotations

import asyncio
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runfold.infra.process.frames import (
    MOST_BODY,
    MOST_HEAD,
    Frame,
    FrameError,
    Frames,
    packed,
    read_frame,
)

FRAMES = st.builds(
    Frame,
    st.dictionaries(st.text(max_size=9), st.integers() | st.text(max_size=9), max_size=3),
    st.binary(max_size=50),
)


def from_stream(data: bytes, most: int = MOST_BODY) -> list[Frame]:
    async def read() -> list[Frame]:
        reader = asyncio.StreamReader()
        reader.feed_data(data)
        reader.feed_eof()
        found = []
        while (frame := await read_frame(reader, most)) is not None:
            found.append(frame)
        return found

    return asyncio.run(read())


@settings(max_examples=50, deadline=None)
@given(st.lists(FRAMES, max_size=4), st.integers(1, 40))
def test_both_readers_find_what_was_written(sent: list[Frame], piece: int) -> None:
    data = b"".join(map(packed, sent))
    frames = Frames()
    pieces = (data[at : at + piece] for at in range(0, len(data), piece))
    assert [found for each in pieces for found in frames.take(each)] == sent
    assert from_stream(data) == sent


@pytest.mark.parametrize(
    ("head", "body", "most"),
    [(MOST_HEAD + 1, 0, MOST_BODY), (2, MOST_BODY + 1, MOST_BODY), (2, 11, 10)],
)
def test_what_is_too_large_is_refused_before_it_has_come(head: int, body: int, most: int) -> None:
    data = struct.pack("!II", head, body)
    with pytest.raises(FrameError, match=f"{head} and {body} bytes"):
        from_stream(data, most)
    if most == MOST_BODY:
        with pytest.raises(FrameError, match=f"{head} and {body} bytes"):
            list(Frames().take(data))


def test_nothing_larger_is_written() -> None:
    with pytest.raises(FrameError):
        packed(Frame({}, bytes(11)), 10)
    with pytest.raises(FrameError):
        packed(Frame({"text": "x" * MOST_HEAD}))


@pytest.mark.parametrize("head", [b"[]", b"{", b"\xff\xfe", b"[" * 100_000, b"9" * 5000])
def test_a_head_that_is_no_object_is_refused(head: bytes) -> None:
    data = struct.pack("!II", len(head), 0) + head
    with pytest.raises(FrameError):
        from_stream(data)
    with pytest.raises(FrameError):
        list(Frames().take(data))
