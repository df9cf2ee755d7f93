"""The variables of Agent2Agent: whether it is served, under which address, and who is told."""

from __future__ import annotations

from pathlib import Path

from runfold.infra.settings.kinds import FOLDER, HTTP, NAMES, WORD, choice
from runfold.infra.settings.variable import Variable

_NO_PATH: Path | None = None
_NO_NAMES: tuple[str, ...] = ()

A2A = Variable(
    "RUNFOLD_A2A", choice("auto", "off"), "auto", "gateway",
    "whether agents are served as A2A agents: where the extra `a2a` is installed, or not "
    "([A2A](a2a.md))",
)  # fmt: skip
A2A_URL = Variable(
    "RUNFOLD_A2A_URL", HTTP, "", "gateway",
    "the address under which clients reach the gateway, as agent cards say it",
    "the one that it listens on",
)  # fmt: skip
A2A_CARD_KEY_FILE = Variable(
    "RUNFOLD_A2A_CARD_KEY_FILE", FOLDER, _NO_PATH, "gateway",
    "the file with the key that agent cards are signed with, P-256 in PEM, the same for every "
    "gateway of a deployment", "`gateway/card-key.pem` in the home, made once",
)  # fmt: skip
A2A_PUBLIC = Variable(
    "RUNFOLD_A2A_PUBLIC", NAMES, _NO_NAMES, "gateway",
    "the agents whose cards are shown without a key, `*` for all that are published for every "
    "tenant", "none",
)  # fmt: skip
A2A_DEFAULT = Variable(
    "RUNFOLD_A2A_DEFAULT", WORD, "", "gateway",
    "the agent whose card is at `/.well-known/agent-card.json`", "the only one there is",
)  # fmt: skip
A2A_PUSH_HOSTS = Variable(
    "RUNFOLD_A2A_PUSH_HOSTS", NAMES, _NO_NAMES, "gateway",
    "the hosts, as `host` or `host:port`, that push notifications may go to, `*` for every public "
    "address over TLS", "none, and push notifications are refused",
)  # fmt: skip
