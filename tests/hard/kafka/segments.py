"""Damage to a topic's file on the broker's disk, as a bad disk or a hostile producer leaves it."""

from __future__ import annotations

import struct
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from confluent_kafka import Producer

from runfold.stack.settings import Settings
from tests.support.stack import Servers, wait_until

_AT_LENGTH, _AT_MAGIC, _AT_CRC, _AT_ATTRIBUTES, _AT_RECORDS = 8, 16, 17, 21, 61


def batches(settings: Settings, topic: str, partition: int, *batches: list[bytes]) -> None:
    """Publish lists of values, each as one compressed batch."""
    producer = Producer({**settings.producer_config(), "compression.type": "lz4", "linger.ms": 100})
    for values in batches:
        for value in values:
            producer.produce(topic, value, b"key", partition)
        assert producer.flush(20) == 0


def flip_a_bit(batch: bytearray) -> None:
    """As a disk does."""
    batch[-3] ^= 0x10


def spoil_compression(batch: bytearray) -> None:
    """As a producer may: the checksum is right, and what it covers cannot be inflated."""
    batch[_AT_ATTRIBUTES + 1] = batch[_AT_ATTRIBUTES + 1] & ~7 | 3
    batch[_AT_RECORDS:] = b"\xff" * (len(batch) - _AT_RECORDS)
    batch[_AT_CRC:_AT_ATTRIBUTES] = struct.pack(">I", _crc32c(bytes(batch[_AT_ATTRIBUTES:])))


def of_the_future(batch: bytearray) -> None:
    """As a client of a record format to come writes."""
    batch[_AT_MAGIC] = 9


KINDS = (flip_a_bit, spoil_compression)


def spoil(
    servers: Servers, topic: str, partition: int, offset: int, how: Callable[[bytearray], None]
) -> None:
    """Damage the batch that begins at an offset, in the file of a broker that serves it still."""
    if not servers.embedded:
        pytest.skip("the broker's files are in a container")
    file = _file(servers.settings.home, topic, partition)
    place = _places(file)[offset]
    data = bytearray(file.read_bytes()[place])
    how(data)
    with file.open("r+b") as opened:
        opened.seek(place.start)
        opened.write(data)


def codecs(servers: Servers, topic: str, partition: int) -> set[int]:
    """The codecs of the batches that stand on disk: 0 is none, 3 is lz4."""
    if not servers.embedded:
        pytest.skip("the broker's files are in a container")
    file = _file(servers.settings.home, topic, partition)
    data = file.read_bytes()
    return {data[place][_AT_ATTRIBUTES + 1] & 7 for place in _places(file).values()}


def _file(home: Path, topic: str, partition: int) -> Path:
    found: list[Path] = []

    def there() -> bool:
        # The broker removes files of deleted topics while we look.
        with suppress(FileNotFoundError):
            found.extend(home.glob(f"**/{topic}-{partition}/*.log"))
        return bool(found)

    wait_until(there)
    return found[0]


def _places(file: Path) -> dict[int, slice]:
    """Where each batch stands in the file, by its first offset."""
    data, at, found = file.read_bytes(), 0, dict[int, slice]()
    while at + _AT_RECORDS <= len(data):
        offset, length = struct.unpack_from(">qi", data, at)
        if length == 0:
            break
        found[offset] = slice(at, at + _AT_LENGTH + 4 + length)
        at += _AT_LENGTH + 4 + length
    return found


def _crc32c(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF
