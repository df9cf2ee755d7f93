"""Ports that are free, and stay the same from one start to the next where they can."""

from __future__ import annotations

import json
import random
import socket
from pathlib import Path

from runfold.stack.errors import StackError

# Below the range from which Linux takes the ports of outgoing connections.
_FIRST, _LAST = 15_000, 32_000
_TRIES = 200


def is_free(port: int) -> bool:
    """Return whether a server could listen on this port of the loopback now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def claim(file: Path, names: tuple[str, ...]) -> dict[str, int]:
    """Return a free port a name: the remembered one, else another, remembered from now on."""
    remembered = _read(file)
    ports: dict[str, int] = {}
    for name in names:
        port = remembered.get(name, 0)
        if not port or port in ports.values() or not is_free(port):
            port = _find(set(remembered.values()) | set(ports.values()))
        ports[name] = port
    new = file.with_suffix(".new")
    new.write_text(json.dumps(remembered | ports))
    new.replace(file)
    return ports


def _read(file: Path) -> dict[str, int]:
    try:
        found = json.loads(file.read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return {str(name): int(port) for name, port in found.items()}


def _find(taken: set[int]) -> int:
    for _ in range(_TRIES):
        port = random.randrange(_FIRST, _LAST)  # noqa: S311 - no secret
        if port not in taken and is_free(port):
            return port
    raise StackError(f"No free port between {_FIRST} and {_LAST} on 127.0.0.1: close some servers.")
