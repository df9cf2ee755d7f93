"""The child's end of a channel: blocking, whole messages, one answer to one question."""

from __future__ import annotations

import socket
import threading
from collections import deque

from runfold.infra.process.frames import Frame, Frames, packed

_READ_BYTES = 256 * 1024


_NO_CALL = -1


class ClosedError(Exception):
    """The parent is gone, or needs this child no more."""


class Channel:
    """Messages to and from the parent; ``ask`` may be used from any thread.

    ``number`` is that of the call which is being made.
    """

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self._frames = Frames()
        self._arrived: deque[Frame] = deque()
        self._lock = threading.Lock()
        self.number = 0

    def receive(self) -> Frame:
        """Wait for the next message; raises ClosedError where none will come."""
        while not self._arrived:
            try:
                data = self._end.recv(_READ_BYTES)
            except OSError as error:
                raise ClosedError from error
            if not data:
                raise ClosedError
            self._arrived.extend(self._frames.take(data))
        frame = self._arrived.popleft()
        self.number = frame.number("number") or self.number
        return frame

    def send(self, frame: Frame) -> None:
        """Send a message; raises FrameError where it is too large, ClosedError without parent."""
        data = self._packed(frame)
        with self._lock:
            self.number = _NO_CALL
            self._sent(data)

    def ask(self, frame: Frame, number: int) -> Frame:
        """Send a question of a call and wait for the answer to it.

        Raises ClosedError where the call has ended: a thread that it left is not heard.
        """
        with self._lock:
            if number != self.number:
                raise ClosedError
            self._sent(self._packed(frame))
            return self.receive()

    def _packed(self, frame: Frame) -> bytes:
        """Return a message as one that belongs to the present call."""
        return packed(Frame({**frame.head, "number": self.number}, frame.body))

    def close(self) -> None:
        """Be heard no more."""
        self._end.close()

    def _sent(self, data: bytes) -> None:
        try:
            self._end.sendall(data)
        except OSError as error:
            raise ClosedError from error
