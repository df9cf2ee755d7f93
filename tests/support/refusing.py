"""Postgres that refuses: a proxy that has the server raise an error in the place of a statement.

The server itself raises it, so its transaction is as it would be; for what ends a session the proxy
says so and hangs up. Statements are counted over all connections.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

_SSL, _GSS = 80877103, 80877104
_ENDS_A_SESSION = ("08", "28", "57P", "58")

Refuses = Callable[[int, str], str | None]
"""Says with which SQLSTATE the n-th statement, counted from 1, is refused; None to let it pass."""


class Refusing:
    """A proxy in front of a server; ``refuses`` may be set at any time."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._place = (parts.hostname or "127.0.0.1", parts.port or 5432)
        self._server = socket.create_server(("127.0.0.1", 0))
        user = parts.netloc.rpartition("@")[0]
        place = f"127.0.0.1:{self._server.getsockname()[1]}"
        query = "&".join(filter(None, (parts.query, "sslmode=disable", "gssencmode=disable")))
        self.url = parts._replace(netloc=f"{user}@{place}", query=query).geturl()
        self.refuses: Refuses = lambda _number, _said: None
        self.refused: list[tuple[int, str, str]] = []
        self.statements = 0
        self._counting = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def once(self, state: str, number: int) -> None:
        """Refuse the ``number``-th statement from now on, and no other."""
        self.statements, self.refused = 0, []
        self.refuses = lambda found, _said: state if found == number else None

    def close(self) -> None:
        """Take no more connections."""
        self._server.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._server.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError, EOFError), socket.create_connection(self._place) as server:
            for each in (client, server):
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            back = threading.Thread(target=_copy, args=(server, client), daemon=True)
            back.start()
            try:
                server.sendall(_greeting(client))
                while self._pass_on(client, server):
                    pass
            finally:
                with suppress(OSError):
                    server.shutdown(socket.SHUT_RDWR)
                back.join()

    def _pass_on(self, client: socket.socket, server: socket.socket) -> bool:
        """Pass on what belongs to one statement, or have something else done in its place."""
        group = [_read(client)]
        while group[-1][:1] in (b"P", b"B", b"D", b"E", b"C"):
            group.append(_read(client))
        said = next((each[5:] for each in group if each[:1] in (b"Q", b"P")), None)
        state = self._state(said) if said is not None else None
        if state is None:
            server.sendall(b"".join(group))
            return group[-1][:1] != b"X"
        if state.startswith(_ENDS_A_SESSION):
            client.sendall(_error(state))
            return False
        # An error ends a group of the extended protocol as it ends a simple query.
        server.sendall(_message(b"Q", _raise(state)))
        return True

    def _state(self, said: bytes) -> str | None:
        text = said.replace(b"\0", b" ").decode("utf-8", "replace").strip()
        with self._counting:
            self.statements += 1
            state = self.refuses(self.statements, text)
            if state is not None:
                self.refused.append((self.statements, state, text[:200]))
            return state


def _greeting(client: socket.socket) -> bytes:
    while True:
        head = _exactly(client, 4)
        data = _exactly(client, struct.unpack("!i", head)[0] - 4)
        if struct.unpack("!i", data[:4])[0] not in {_SSL, _GSS}:
            return head + data
        client.sendall(b"N")


def _raise(state: str) -> bytes:
    said = f"DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{state}', MESSAGE = 'refused'; END $$"
    return said.encode() + b"\0"


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)


def _exactly(source: socket.socket, count: int) -> bytes:
    data = bytearray()
    while len(data) < count:
        got = source.recv(count - len(data))
        if not got:
            raise EOFError
        data += got
    return bytes(data)


def _read(source: socket.socket) -> bytes:
    head = _exactly(source, 5)
    return head + _exactly(source, struct.unpack("!i", head[1:])[0] - 4)


def _message(kind: bytes, data: bytes) -> bytes:
    return kind + struct.pack("!i", len(data) + 4) + data


def _error(state: str) -> bytes:
    return _message(b"E", f"SFATAL\0VFATAL\0C{state}\0Mrefused\0\0".encode())


@contextmanager
def refusing(url: str) -> Iterator[Refusing]:
    """A proxy in front of a database, gone when the block ends."""
    proxy = Refusing(url)
    try:
        yield proxy
    finally:
        proxy.close()
