"""How a sealed value looks on the wire; every language that has AES-GCM can read it.

A text is ``sealed:1:`` and the base64url, without padding, of ``key id | nonce | ciphertext | tag``
(12, 12, any and 16 bytes); bytes are the same ``sealed:1:`` and these bytes as they are.
"""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode

MARK = "sealed:1:"
"""How every sealed value begins; it may never change."""

MARK_BYTES = MARK.encode()
KEY_ID_BYTES = 12
NONCE_BYTES = 12
TAG_BYTES = 16
_LEAST = KEY_ID_BYTES + NONCE_BYTES + TAG_BYTES

ERASED = "(erased)"
"""What is shown in the place of a text whose key was destroyed."""

SHUT = "(sealed)"
"""What is shown in the place of a text that cannot be read here."""


def key_name(key_id: bytes) -> str:
    """Return a key's id as text, as ``Content.key_id`` says it."""
    return urlsafe_b64encode(key_id).decode()


def key_id_of(name: str) -> bytes | None:
    """Return the id that a text names, None where it is none."""
    try:
        found = urlsafe_b64decode(name.encode("ascii"))
    except (ValueError, binascii.Error):
        return None
    return found if len(found) == KEY_ID_BYTES and key_name(found) == name else None


def text_form(blob: bytes) -> str:
    """Return a sealed text."""
    return MARK + urlsafe_b64encode(blob).rstrip(b"=").decode()


def bytes_form(blob: bytes) -> bytes:
    """Return sealed bytes."""
    return MARK_BYTES + blob


def blob_of_text(value: str) -> bytes | None:
    """Return what a text seals, None where it does not look like one."""
    if not value.startswith(MARK):
        return None
    coded = value[len(MARK) :]
    try:
        blob = urlsafe_b64decode(coded.encode("ascii") + b"=" * (-len(coded) % 4))
    except (ValueError, binascii.Error):
        return None
    return blob if len(blob) >= _LEAST and text_form(blob) == value else None


def blob_of_bytes(value: bytes) -> bytes | None:
    """Return what bytes seal, None where they do not look like it."""
    blob = value[len(MARK_BYTES) :]
    return blob if value.startswith(MARK_BYTES) and len(blob) >= _LEAST else None
