"""A position in the journal as a token: opaque, short, and checked when it comes back.

It is a version and the next offset of each partition, as varints in base64. It holds nothing that
is secret, and grants nothing: what is shown from it on is the listener's tenant's.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping

from runfold.surfaces.http.refusals.problems import Problem

_VERSION = 1
_MOST_PARTITIONS = 4_096
_MOST_OFFSET = 2**63 - 1
_MOST_CHARACTERS = 50_000


def token(position: Mapping[int, int]) -> str:
    """Return a position as a token."""
    data = bytearray([_VERSION])
    for number in range(len(position)):
        _put(data, position[number])
    return base64.urlsafe_b64encode(bytes(data)).decode().rstrip("=")


def position_of(text: str) -> dict[int, int]:
    """Return the position of a token; raises Problem."""
    try:
        if len(text) > _MOST_CHARACTERS:
            raise ValueError
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        if not data or data[0] != _VERSION:
            raise ValueError
        offsets = _all(data[1:])
    except (binascii.Error, ValueError):
        raise Problem(
            "cursor_malformed",
            "This is no position: use the `id` of a message of this stream, as it came.",
        ) from None
    return dict(enumerate(offsets))


def _put(data: bytearray, number: int) -> None:
    while number > 0x7F:
        data.append(number & 0x7F | 0x80)
        number >>= 7
    data.append(number)


def _all(data: bytes) -> list[int]:
    found, number, shift = [], 0, 0
    for byte in data:
        number |= (byte & 0x7F) << shift
        shift += 7
        if number > _MOST_OFFSET or shift > 70:
            raise ValueError
        if not byte & 0x80:
            found.append(number)
            number = shift = 0
    if shift or not 0 < len(found) <= _MOST_PARTITIONS:
        raise ValueError
    return found
