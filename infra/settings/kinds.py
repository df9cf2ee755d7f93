"""How the text of a variable becomes a value; what cannot be meant raises ValueError."""

from __future__ import annotations

import ipaddress
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar
from urllib.parse import unquote, urlsplit

from runfold.infra.deployment import naming

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

_MOST_DIGITS = 18
_CONTACT = re.compile(r"(mailto:[!-~]+@[!-~]+|https://[!-~]+)")
_PUSH_NAME = re.compile(r"webpush[-_.A-Za-z0-9]{0,120}", re.ASCII)
_PUSH_KEY = re.compile(r"B[A-Za-z0-9_-]{86}")
_SCHEMA = re.compile(r"[a-z_][a-z0-9_]{0,39}")


@dataclass(frozen=True, slots=True)
class Kind(Generic[T_co]):
    """``expects`` goes on the sentence "it must be …"; ``parse`` raises ValueError."""

    expects: str
    parse: Callable[[str], T_co]


def number(least: int, most: int) -> Kind[int]:
    """Return the kind of whole numbers between these."""

    def parse(text: str) -> int:
        # isdecimal is true of digits of every script, and int() of a long text is slow or raises.
        if not (text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS):
            raise ValueError(text)
        return _within(int(text), least, most)

    return Kind(f"a number from {least} to {most}", parse)


def decimal(least: float, most: float) -> Kind[float]:
    """Return the kind of finite numbers between these, with or without a fraction."""

    def parse(text: str) -> float:
        if len(text) > _MOST_DIGITS or not re.fullmatch(r"[0-9.eE+-]+", text, re.ASCII):
            raise ValueError(text)
        value = float(text)
        if not math.isfinite(value):
            raise ValueError(text)
        return _within(value, least, most)

    return Kind(f"a number from {least:g} to {most:g}", parse)


def choice(*names: str) -> Kind[str]:
    """Return the kind of one of these words."""

    def parse(text: str) -> str:
        if text not in names:
            raise ValueError(text)
        return text

    return Kind(f"one of {', '.join(names)}", parse)


def _within(value: T, least: object, most: object) -> T:
    if not least <= value <= most:  # type: ignore[operator]
        raise ValueError(value)
    return value


def _partitions(text: str) -> tuple[int, ...]:
    one = number(0, 999)
    found = {one.parse(part) for part in text.replace(",", " ").split()}
    if not found:
        raise ValueError(text)
    return tuple(sorted(found))


def _address(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
        raise ValueError(text)
    return text


def _folder(text: str) -> Path:
    try:
        return Path(text).expanduser().absolute()
    except RuntimeError as error:
        # A home that nobody has, such as ~nobody-here.
        raise ValueError(text) from error


def _pairs(text: str) -> tuple[tuple[str, str], ...]:
    found = []
    for part in filter(None, map(str.strip, text.split(","))):
        name, equals, value = part.partition("=")
        if not (equals and name.strip() and part.isprintable()):
            raise ValueError(text)
        found.append((name.strip(), unquote(value.strip())))
    return tuple(found)


Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def _networks(text: str) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(part) for part in text.replace(",", " ").split())


def _boolean(text: str) -> bool:
    return choice("true", "false").parse(text.lower()) == "true"


def _files(text: str) -> tuple[Path, ...]:
    return tuple(_folder(part.strip()) for part in text.split(",") if part.strip())


def _one_line(text: str) -> str:
    if not text.isprintable():
        raise ValueError(text)
    return text


def _ports(text: str) -> frozenset[int] | None:
    one = number(1, 65_535)
    return None if text == "*" else frozenset(map(one.parse, text.replace(",", " ").split()))


def _seconds(text: str) -> tuple[float, ...]:
    one = decimal(0.001, 604_800)
    return tuple(one.parse(part) for part in text.replace(",", " ").split())


def _keys_place(text: str) -> str:
    kind, _, where = text.partition(":")
    if kind not in {"file", "vault"} or not where.strip("/"):
        raise ValueError(text)
    return _one_line(f"{kind}:{where.strip('/')}" if kind == "vault" else text)


def _no_space(text: str) -> str:
    if len(text.split()) != 1:
        raise ValueError(text)
    return _one_line(text)


def _schema(text: str) -> str:
    if not _SCHEMA.fullmatch(text) or text.startswith(("pg_", "information_schema")):
        raise ValueError(text)
    return text


def _brokers(text: str) -> str:
    parts = [part.strip() for part in text.split(",")]
    if not all(len(part.split()) == 1 and part.isprintable() for part in parts):
        raise ValueError(text)
    return ",".join(parts)


def _contact(text: str) -> str:
    if not _CONTACT.fullmatch(text):
        raise ValueError(text)
    return text


def _push_name(text: str) -> str:
    if not _PUSH_NAME.fullmatch(text):
        raise ValueError(text)
    return text


def _push_key(text: str) -> str:
    if not _PUSH_KEY.fullmatch(text):
        raise ValueError(text)
    return text


TEXT = Kind("text", str)
LINE = Kind("text on one line", _one_line)
BROKERS = Kind("host:port with commas between", _brokers)
WORD = Kind("text without spaces", _no_space)
NAMES: Kind[tuple[str, ...]] = Kind(
    "names with commas between", lambda text: tuple(text.replace(",", " ").split())
)
PORTS = Kind("numbers of ports with commas between, or *", _ports)
SECONDS = Kind("seconds with commas between, such as 5,30,120", _seconds)
PARTITIONS = Kind("numbers of partitions from 0, such as 0,1", _partitions)
KEYS_PLACE = Kind("file:/path/of/keys.json or vault:mount", _keys_place)
HTTP = Kind("an address like http://host:port", _address)
SCHEMA = Kind(
    "at most 40 lower-case letters, digits and _, begin with a letter or _, and not be one of "
    "Postgres's own schemas",
    _schema,
)
DEPLOYMENT = Kind(naming.EXPECTS, naming.checked)
FOLDER = Kind("a folder", _folder)
NETWORKS = Kind("addresses or networks such as 10.0.0.0/8 with commas between", _networks)
FILES = Kind("files with commas between", _files)
SWITCH: Kind[bool] = Kind("1 or 0", lambda text: choice("0", "1").parse(text) == "1")
BOOLEAN = Kind("true or false", _boolean)
PAIRS = Kind("name=value with commas between", _pairs)
CONTACT = Kind("an address like mailto:ada@example.com or https://example.com", _contact)
PUSH_NAME = Kind("a name that begins with webpush: letters, digits, -, _ and dots", _push_name)
PUSH_KEY = Kind("a public key of 87 letters that begins with B", _push_key)
ANY: Kind[bool] = Kind("any text", bool)
