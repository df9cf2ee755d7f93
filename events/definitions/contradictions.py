"""Where a tool's contract says one thing by its level and another by the rest of it [92].

Nothing here looks at what a tool does: that is its author's to declare. It compares the level with
what the same contract says elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from runfold.events.definitions.tool import ToolContract
from runfold.events.values import DataClassification

WRITING_METHODS = frozenset({"POST", "PUT", "PATCH", "DELETE"})
"""Methods of HTTP that change what they are about."""

WRITING = frozenset(
    {
        "add", "approve", "book", "cancel", "close", "create", "delete", "deploy", "drop", "edit",
        "execute", "grant", "insert", "pay", "post", "publish", "put", "refund", "remove",
        "restart", "revoke", "send", "set", "submit", "transfer", "update", "upload", "write",
    }
)  # fmt: skip
"""Words that name a change, at the beginning of a tool's name or as an action."""

_IRREVERSIBLE_FROM = 3
_SENSITIVE = frozenset({DataClassification.RESTRICTED.value, DataClassification.CONFIDENTIAL.value})


@dataclass(frozen=True, slots=True)
class Contradiction:
    """A ``field`` that speaks against the level; ``certain`` where both cannot be true."""

    field: str
    sentence: str
    certain: bool = False


def contradictions(contract: ToolContract) -> Iterator[Contradiction]:
    """Yield what in a contract speaks against its level, the certain first."""
    level = contract.risk_level
    if level == 0:
        yield from _of_a_read(contract)
    elif contract.reversible is False and level < _IRREVERSIBLE_FROM:
        yield Contradiction(
            "reversible", f"what cannot be undone is above level {level}: say {_IRREVERSIBLE_FROM}"
        )


def _of_a_read(contract: ToolContract) -> Iterator[Contradiction]:
    if contract.reversible is False:
        yield Contradiction(
            "reversible", "a pure read (level 0) changes nothing that could stay changed", True
        )
    if str(contract.config.get("method", "")).upper() in WRITING_METHODS:
        yield _writes("config", f"the method {contract.config['method']}")
    if (verb := _verb(contract.name)) in WRITING:
        yield _writes("risk_level", f"its name ({verb})")
    if contract.policy is not None and _words(contract.policy.action) & WRITING:
        yield _writes("policy", f"the action {contract.policy.action}")
    for scope in contract.scopes:
        if _words(scope) & WRITING:
            yield _writes("scopes", f"the scope {scope}")
    if contract.effect is not None:
        yield _writes("effect", "its effect")
    if contract.dry_run is not None:
        yield Contradiction("dry_run", "a pure read (level 0) has nothing to try first")
    if contract.data_class in _SENSITIVE:
        yield Contradiction(
            "data_class",
            f"it handles {contract.data_class} data, and level 0 asks for no permit and keeps no "
            "evidence longer than its class",
        )


def _writes(field: str, what: str) -> Contradiction:
    return Contradiction(field, f"{what} says that it changes something, level 0 that it reads")


def _verb(name: str) -> str:
    """Return the word that a tool's name acts by: ``send`` of mail.send and of send_mail."""
    return re.split(r"[_-]", name.lower().rpartition(".")[2])[0]


def _words(text: str) -> frozenset[str]:
    return frozenset(re.split(r"[^a-z]+", text.lower()))
