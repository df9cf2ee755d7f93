"""The form of a stream: messages and comments of Server-Sent Events.

What many listeners are sent is rendered once: an event never changes.
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


class Rendered:
    """Events in the form of a stream without their ids, the last ones of so many bytes in all."""

    def __init__(self, most: int = _MOST_KEPT) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[str, int], bytes] = OrderedDict()
        self._size = 0

    def of(self, event: Event) -> bytes:
        """Return ``event`` and ``data`` of a message; their JSON has no line end."""
        key = event.meta.run_id, event.meta.seq
        with self._lock:
            kept = self._kept.get(key)
        if kept is not None:
            return kept
        said = f"event: {event.type}\ndata: {to_json(event_of(event))}\n\n".encode()
        with self._lock:
            if key not in self._kept:
                self._kept[key] = said
                self._size += len(said)
            while self._size > self._most:
                self._size -= len(self._kept.popitem(last=False)[1])
        return said


RENDERED = Rendered()


def message(event: Event, place: str) -> bytes:
    """Return an event as a message; who goes on after it says ``place``."""
    return b"id: " + place.encode() + b"\n" + RENDERED.of(event)


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
