"""The form of a stream: messages and comments of Server-Sent Events.

What many listeners are sent, and many pages show, is rendered once: an event never changes.
"""

from __future__ import annotations

import threading
from collections import OrderedDict

from runfold.events.records.deltas import ModelDelta
from runfold.events.run import Event
from runfold.surfaces.application.rendering import event_of, to_json

RETRY_MS = 2_000
BEAT = b": beat\n\n"
BEGIN = f"retry: {RETRY_MS}\n\n".encode()

_MOST_KEPT = 16_000_000


def rendered(event: Event) -> bytes:
    """Return the JSON of an event, on one line."""
    return to_json(event_of(event)).encode()


class Rendered:
    """Events as JSON, the last ones of so many bytes in all.

    What was rendered is that of the very event that was read: one that is read again may say less,
    where what it held was erased meanwhile.
    """

    def __init__(self, most: int = _MOST_KEPT) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[str, int], tuple[Event, bytes]] = OrderedDict()
        self._size = 0

    def of(self, event: Event) -> bytes:
        """Return the JSON of an event, on one line."""
        key = event.meta.run_id, event.meta.seq
        kept = self._kept.get(key)
        if kept is not None and kept[0] is event:
            return kept[1]
        said = rendered(event)
        with self._lock:
            if (old := self._kept.pop(key, None)) is not None:
                self._size -= len(old[1])
            self._kept[key] = event, said
            self._size += len(said)
            while self._size > self._most:
                self._size -= len(self._kept.popitem(last=False)[1][1])
        return said


RENDERED = Rendered()


def message(event: Event, place: str) -> bytes:
    """Return an event as a message; who goes on after it says ``place``."""
    return b"id: %b\nevent: %b\ndata: %b\n\n" % (
        place.encode(),
        event.type.encode(),
        RENDERED.of(event),
    )


def piece_of(delta: ModelDelta) -> bytes:
    """Return a piece of an answer: it has no id, so that nobody goes on after it."""
    said = {
        "run_id": delta.run_id,
        "call_id": delta.call_id,
        "attempt": delta.attempt,
        "model": delta.model,
        "index": delta.index,
        "text": delta.text,
    }
    return f"event: delta\ndata: {to_json(said)}\n\n".encode()


def mark(place: str) -> bytes:
    """Return what moves a listener on without a message: its client remembers the place."""
    return f"id: {place}\n\n".encode()


def over(why: str) -> bytes:
    """Return the comment that a stream ends with whose listener must do something first."""
    return f": cut: {why}\n\n".encode()


def cut(place: str, why: str) -> bytes:
    """Return the comment at which a listener is cut, with where it goes on."""
    return f": cut: {why}; go on with Last-Event-ID: {place}\nid: {place}\n\n".encode()
