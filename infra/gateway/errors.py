"""What goes wrong with the gateway's tables."""

from __future__ import annotations


class GatewayTablesError(Exception):
    """The tables of the gateway cannot be made or used; the sentence says what to do."""
