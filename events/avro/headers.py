"""CloudEvents headers: what a record is, readable without its schema."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cache, lru_cache

from runfold.events.avro.schema import NAMESPACE

Headers = list[tuple[str, bytes]]

TIME_CHECKED = ("runfold_time_checked", b"1")
"""On a request for a run: its sender holds the run's id against the time of the acknowledgement.

Where the clocks differ too much for the run to begin, whoever asked is told, and no dead letter is
needed. The name may never change.
"""

_VERSION = ("ce_specversion", b"1.0")
_CONTENT_TYPE = ("content-type", b"application/avro")


@cache
def _type(kind: str) -> tuple[str, bytes]:
    return ("ce_type", f"{NAMESPACE}.{kind}".encode())


@cache
def _source(source: str) -> tuple[str, bytes]:
    return ("ce_source", source.encode())


@lru_cache(maxsize=16)
def _time(time: datetime) -> tuple[str, bytes]:
    # All events of a batch are decided at one time.
    return ("ce_time", time.isoformat().encode())


def headers(
    kind: str,
    event_id: str,
    source: str,
    time: datetime,
    subject: str,
    traceparent: str,
) -> Headers:
    """Return the headers of a record; ``kind`` is its name, ``source`` the program that wrote it.

    ``subject`` is the run (the record's key); an empty ``traceparent`` is left out.
    """
    written = [
        _VERSION,
        ("ce_id", event_id.encode()),
        _type(kind),
        _source(source),
        _time(time),
        ("ce_subject", subject.encode()),
        _CONTENT_TYPE,
    ]
    if traceparent:
        written.append(("traceparent", traceparent.encode()))
    return written


def type_in(found: Sequence[tuple[str, bytes | None]]) -> str:
    """Return the name of a record as its headers say it; empty where they do not."""
    for name, value in found:
        if name == "ce_type":
            return (value or b"").decode("utf-8", "replace").removeprefix(f"{NAMESPACE}.")
    return ""
