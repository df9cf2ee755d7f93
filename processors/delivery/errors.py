"""What ends a delivery, by what is to be done."""

from __future__ import annotations


class Fenced(Exception):  # noqa: N818 - the name that the projector has for it
    """Another process has taken partitions of this one: let them go."""


class DeliveryTablesError(Exception):
    """The tables cannot be made; the text says what to do."""
