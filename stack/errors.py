"""What goes wrong with the servers, said in one sentence."""

from __future__ import annotations


class StackError(Exception):
    """The stack cannot do what was asked; the message says why and what to do about it."""
