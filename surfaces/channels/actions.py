"""What a button, a link or a typed command stands for: one action, as a short text.

The text says the call and the digest of what was shown of it. It is no secret and proves nothing
about who sends it: that is the channel's signature, or the API key.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from runfold.surfaces.channels.document import Approval, Question

APPROVE = "approve"
DENY = "deny"
ANSWER = "answer"

_TEXT = re.compile(
    r"rf1:(approve|deny|answer):([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"
    r"\.(\d{1,9}):([0-9a-f]{0,64})(?::(\d{1,3}))?"
)


@dataclass(frozen=True, slots=True)
class Action:
    """``digest`` is in hexadecimal; ``option`` counts the answers that are offered, from 0."""

    kind: str
    run_id: str
    call_id: str
    digest: str
    option: int | None = None

    def __str__(self) -> str:
        """Return it as a text that ``action_of`` reads."""
        text = f"rf1:{self.kind}:{self.call_id}:{self.digest}"
        return text if self.option is None else f"{text}:{self.option}"


def action_of(text: str) -> Action | None:
    """Return the action that a text stands for, None where it stands for none."""
    found = _TEXT.fullmatch(text)
    if found is None:
        return None
    kind, run_id, number, digest, option = found.groups()
    chosen = int(option) if option else None
    return Action(kind, run_id, f"{run_id}.{int(number)}", digest, chosen)


def decides(kind: str, block: Approval | Question, option: int | None = None) -> Action:
    """Return the action that decides what a block asks."""
    return Action(kind, block.run_id, block.call_id, block.digest, option)
