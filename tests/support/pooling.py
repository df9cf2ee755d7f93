"""A pool of database connections as pgbouncer has it in transaction mode, within the test.

A client keeps its connection, and the server's changes at the end of each transaction: the next
client gets the session as the last one left it. Prepared statements and settings of a session go
astray as they do behind the real one. The servers' sessions can be looked into afterwards.
"""

from __future__ import annotations

import collections
import select
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

import psycopg

_SSL, _GSS, _CANCEL = 80877103, 80877104, 80877102
_KNOWN = {"user", "database", "client_encoding", "application_name", "datestyle", "timezone"}
_OK = b"R" + struct.pack("!ii", 8, 0)


class Pool:
    """Sessions of one server, handed out for a transaction each, the longest idle one first."""

    def __init__(self, url: str, sessions: int) -> None:
        self._idle = collections.deque(
            psycopg.connect(url, autocommit=True, sslmode="disable", prepare_threshold=None)
            for _ in range(sessions)
        )
        self._all = list(self._idle)
        self._free = threading.Condition()
        self._status = [
            (name, self._all[0].info.parameter_status(name) or "")
            for name in ("client_encoding", "standard_conforming_strings", "integer_datetimes")
        ]
        self._server = socket.create_server(("127.0.0.1", 0))
        parts = urlsplit(url)
        place = f"127.0.0.1:{self._server.getsockname()[1]}"
        self.url = parts._replace(netloc=f"{parts.username}@{place}", query="").geturl()
        self.transactions = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def settings(self, name: str) -> list[str]:
        """Return a setting as each session of the server has it."""
        found = []
        for session in self._all:
            with session.cursor() as cursor:
                row = cursor.execute("SELECT current_setting(%s)", (name,)).fetchone()
                found.append(row[0] if row else "")
        return found

    def prepared(self) -> list[str]:
        """Return the names of prepared statements that were left in any session."""
        return [
            row[0]
            for session in self._all
            for row in session.execute("SELECT name FROM pg_prepared_statements").fetchall()
        ]

    def close(self) -> None:
        """End every session."""
        self._server.close()
        for session in self._all:
            session.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._server.accept()
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError, EOFError):
            if self._greet(client):
                while self._transaction(client):
                    self.transactions += 1

    def _greet(self, client: socket.socket) -> bool:
        while True:
            (size,) = struct.unpack("!i", _exactly(client, 4))
            data = _exactly(client, size - 4)
            (code,) = struct.unpack("!i", data[:4])
            if code in {_SSL, _GSS}:
                client.sendall(b"N")
                continue
            if code == _CANCEL:
                return False
            break
        names = data[4:].split(b"\0")[:-2:2]
        if unknown := {name.decode().lower() for name in names} - _KNOWN:
            said = f"unsupported startup parameter: {min(unknown)}"
            client.sendall(_error(said))
            return False
        told = b"".join(
            _message(b"S", f"{name}\0{value}\0".encode()) for name, value in self._status
        )
        client.sendall(_OK + told + _message(b"K", bytes(8)) + _message(b"Z", b"I"))
        return True

    def _transaction(self, client: socket.socket) -> bool:
        first = _read(client)
        if first[:1] == b"X":
            return False
        with self._free:
            self._free.wait_for(lambda: bool(self._idle), 30)
            session = self._idle.popleft()
        whole = False
        try:
            with socket.socket(fileno=socket.dup(session.fileno())) as server:
                server.settimeout(None)
                try:
                    whole = _relay(client, server, first)
                finally:
                    # The session's own library expects it so.
                    server.setblocking(False)
        finally:
            with self._free:
                if whole:
                    self._idle.append(session)
                else:
                    self._all.remove(session)
                    session.close()
                self._free.notify()
        return whole


def _relay(client: socket.socket, server: socket.socket, first: bytes) -> bool:
    """Pass messages on until the transaction has ended; return whether it did."""
    asked = int(_asks(first))
    server.sendall(first)
    while True:
        readable, _, _ = select.select([server, client], [], [])
        if server in readable:
            message = _read(server)
            client.sendall(message)
            if message[:1] == b"Z":
                asked -= 1
                if asked <= 0 and message[5:6] == b"I":
                    return True
            continue
        message = _read(client)
        if message[:1] == b"X":
            return False
        asked += _asks(message)
        server.sendall(message)


def _asks(message: bytes) -> bool:
    """Whether the server says after a message that it is ready for another."""
    return message[:1] in {b"Q", b"S", b"F"}


def _exactly(source: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        got = source.recv(count - len(data))
        if not got:
            raise EOFError
        data += got
    return data


def _read(source: socket.socket) -> bytes:
    head = _exactly(source, 5)
    return head + _exactly(source, struct.unpack("!i", head[1:])[0] - 4)


def _message(kind: bytes, data: bytes) -> bytes:
    return kind + struct.pack("!i", len(data) + 4) + data


def _error(said: str) -> bytes:
    return _message(b"E", f"SFATAL\0VFATAL\0C08P01\0M{said}\0\0".encode())


@contextmanager
def pooled(url: str, sessions: int = 3) -> Iterator[Pool]:
    """A pool in front of a database, gone when the block ends; its address names no schema."""
    pool = Pool(urlsplit(url)._replace(query="").geturl(), sessions)
    try:
        yield pool
    finally:
        pool.close()
