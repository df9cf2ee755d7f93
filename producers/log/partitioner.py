"""Where a key lives: murmur2, as Java clients and ``partitioner=murmur2_random`` place it."""

from __future__ import annotations

_M = 0x5BD1E995
_R = 24
_MASK = 0xFFFFFFFF


def murmur2(data: bytes) -> int:
    """Return Kafka's murmur2 hash as an unsigned 32-bit number."""
    whole = len(data) & ~3
    h = (0x9747B28C ^ len(data)) & _MASK
    for start in range(0, whole, 4):
        k = int.from_bytes(data[start : start + 4], "little") * _M & _MASK
        k = (k ^ (k >> _R)) * _M & _MASK
        h = (h * _M & _MASK) ^ k
    if whole < len(data):
        h = (h ^ int.from_bytes(data[whole:], "little")) * _M & _MASK
    h = (h ^ (h >> 13)) * _M & _MASK
    return h ^ (h >> 15)


def partition_for(key: bytes, count: int) -> int:
    """Return the partition of a key on a topic of ``count`` partitions."""
    return (murmur2(key) & 0x7FFFFFFF) % count
