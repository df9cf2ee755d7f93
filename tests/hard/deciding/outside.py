"""Forbids the outside to a block: sockets, files, programs. Python reports each to its auditors."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_NAMES = ("open", "socket.", "subprocess.", "os.system", "os.exec", "urllib.", "http.client.")
_HERE = threading.local()


class OutsideError(BaseException):
    """The outside was asked; no ``except Exception`` hides it."""


def _auditor(event: str, arguments: tuple[object, ...]) -> None:
    if getattr(_HERE, "forbidden", False) and event.startswith(_NAMES):
        _HERE.forbidden = False
        raise OutsideError(f"{event} {arguments!r}")


sys.addaudithook(_auditor)


@contextmanager
def nothing_outside() -> Iterator[None]:
    """Raise OutsideError from whatever opens a file or a socket within the block."""
    _HERE.forbidden = True
    try:
        yield
    finally:
        _HERE.forbidden = False
