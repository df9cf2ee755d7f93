"""A request's attachments as models are shown them: texts, pictures, documents; the rest by name.

The bytes were verified where they were fetched (``contents.py``). A picture is believed to be one
by its first bytes: vendors refuse a whole call whose picture is of another type than is said.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import NamedTuple

from runfold.events.calls import ModelWork
from runfold.events.contents.attachments import MOST_TEXT_BYTES, Shown, shown_as, type_of
from runfold.events.values import Attachment
from runfold.processors.model.provenance import fenced
from runfold.processors.model.providers.cleaning import name_of

_LONGEST_NAME = 200
_THEIRS = "attachment"
_PICTURES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)


class Part(NamedTuple):
    """One thing that a model is shown; a text is ``text``, anything else base64 in ``data``."""

    shown: Shown
    name: str
    text: str
    media_type: str = ""
    data: str = ""


def parts_of(work: ModelWork, *, documents: bool) -> list[Part]:
    """Return what a model is shown of the attachments, in their order.

    ``documents`` says whether the wire takes PDF files; what it does not take is a note.
    """
    return [
        _provided(part, work.run_id) if each.untrusted else part
        for each in work.attachments
        for part in _parts(each, documents=documents)
    ]


def _provided(part: Part, run_id: str) -> Part:
    """Return a part of what strangers wrote; its name may be theirs too, so it stands within."""
    if not part.text:
        return part._replace(name=_THEIRS)
    return part._replace(name=_THEIRS, text=fenced(part.text, _THEIRS, run_id))


def _parts(attachment: Attachment, *, documents: bool) -> Iterator[Part]:
    content, name = attachment.content, name_of(attachment.name, _LONGEST_NAME)
    data, shown = content.inline, shown_as(content)
    said = f"Attachment {name!r} ({type_of(content)}, {content.size} bytes)"
    if data is None or shown is Shown.NOTE:
        yield Part(Shown.NOTE, name, f"[{said}: its content is not shown.]")
    elif shown is Shown.TEXT:
        yield Part(Shown.TEXT, name, f"{_head(said, len(data))}\n{_text(data)}")
    elif shown is Shown.PICTURE:
        kind = _picture(data)
        if kind is None:
            yield Part(Shown.NOTE, name, f"[{said}: it is no picture that can be shown.]")
        else:
            yield Part(Shown.TEXT, name, f"{said}:")
            yield Part(Shown.PICTURE, name, "", kind, base64.b64encode(data).decode())
    elif not documents or not data.startswith(b"%PDF-"):
        yield Part(Shown.NOTE, name, f"[{said}: its content cannot be shown to this model.]")
    else:
        yield Part(Shown.TEXT, name, f"{said}:")
        yield Part(Shown.DOCUMENT, name, "", "application/pdf", base64.b64encode(data).decode())


def _head(said: str, size: int) -> str:
    if size <= MOST_TEXT_BYTES:
        return f"{said}:"
    return f"{said}, of which the first {MOST_TEXT_BYTES} bytes follow:"


def _text(data: bytes) -> str:
    return data[:MOST_TEXT_BYTES].decode("utf-8-sig", "replace").replace("\0", "\ufffd")


def _picture(data: bytes) -> str | None:
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for head, kind in _PICTURES if data.startswith(head)), None)
