"""The variables of requests to addresses that tenants chose: which places they may reach."""

from __future__ import annotations

from pathlib import Path

from runfold.infra.settings.kinds import FOLDER, NETWORKS, PORTS, SWITCH, number
from runfold.infra.settings.variable import Variable

_NO_PATH: Path | None = None
_READERS = "delivery, gateway, `runfold webhooks`"

OUTGOING_HTTP = Variable(
    "RUNFOLD_OUTGOING_HTTP", SWITCH, False, _READERS,
    "`1` lets webhooks and push notifications go to `http://` addresses too: what they say can "
    "then be read on the way",
    "`0`",
)  # fmt: skip
OUTGOING_PRIVATE = Variable(
    "RUNFOLD_OUTGOING_PRIVATE", NETWORKS, (), _READERS,
    "networks that are not of the public internet and that they may still go to, such as "
    "`10.1.0.0/16`: any tenant can then have requests made to them", "none",
)  # fmt: skip
OUTGOING_PORTS = Variable(
    "RUNFOLD_OUTGOING_PORTS", PORTS, frozenset({443, 8443}), _READERS,
    "ports that they may go to, or `*` for all; 80 too where `http://` is let",
    "`443,8443`",
)  # fmt: skip
OUTGOING_AUTHORITY = Variable(
    "RUNFOLD_OUTGOING_CA_FILE", FOLDER, _NO_PATH, _READERS,
    "a PEM file of authorities that are trusted beside those of the system", "none",
)  # fmt: skip
OUTGOING_CONNECTIONS = Variable(
    "RUNFOLD_OUTGOING_CONNECTIONS", number(1, 10_000), 512, "delivery, gateway",
    "requests to receivers that may be under way at once",
)  # fmt: skip
