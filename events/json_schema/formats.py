"""The formats that are checked; any other ``format`` is a note to the reader.

Written out rather than taken from the standard library's parsers, which read more from one version
of Python to the next.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from ipaddress import AddressValueError, IPv4Address, IPv6Address

from runfold.events.json_schema.bounds import SchemaRefusedError
from runfold.events.json_schema.patterns import pattern_of

_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_TIME = re.compile(
    r"([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)(\.[0-9]{1,12})?"
    r"([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
)
_EMAIL = re.compile(r"[^\s@]{1,64}@[^\s@]{1,255}")
_UUID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")


def _is_date(text: str) -> bool:
    said = _DATE.fullmatch(text)
    if said is None:
        return False
    try:
        date(int(said[1]), int(said[2]), int(said[3]))
    except ValueError:
        return False
    return True


def _is_time(text: str) -> bool:
    return _TIME.fullmatch(text) is not None


def _is_date_time(text: str) -> bool:
    return len(text) > 11 and text[10] in "Tt " and _is_date(text[:10]) and _is_time(text[11:])


def _is_address(kind: type[IPv4Address | IPv6Address]) -> Callable[[str], bool]:
    def is_one(text: str) -> bool:
        try:
            kind(text)
        except AddressValueError:
            return False
        return "%" not in text

    return is_one


def _is_pattern(text: str) -> bool:
    try:
        pattern_of(text)
    except SchemaRefusedError:
        return False
    return True


FORMATS: dict[str, Callable[[str], bool]] = {
    "date": _is_date,
    "time": _is_time,
    "date-time": _is_date_time,
    "email": lambda text: _EMAIL.fullmatch(text) is not None,
    "ipv4": _is_address(IPv4Address),
    "ipv6": _is_address(IPv6Address),
    "uuid": lambda text: _UUID.fullmatch(text) is not None,
    "regex": _is_pattern,
}
"""Whether a text is of a format, by name: RFC 3339 for times, with an offset from UTC."""
