"""The safety levels of tools: what each asks for where nobody says otherwise [92, 108].

This is the one table. Contracts and agents tighten it; below level 4 they may loosen what asks a
person, and beyond that only a policy's annotations loosen anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Lines = Literal["none", "end", "both"]

LOGGED_LINES: tuple[Lines, ...] = ("none", "end", "both")
"""Which lines an execution has in the log of its process: the later, the more."""


@dataclass(frozen=True, slots=True)
class Level:
    """What calls of a level ask for by default.

    ``approval``: ``declared`` asks a person where the agent says from which level on (1 unless it
    does), ``always`` whatever it says. ``claim``: it begins after a claim that keeps it from
    happening twice. ``permit``: it needs a policy's permit where policies are in force.
    ``dry_run``: it is tried by one first, where its contract says how. ``persons`` is how many must
    approve it where policies are in force; one is enough where there are none. ``logged`` is what
    goes on record, ``lines`` which lines the log of a process gets. ``kept_days`` is how long the
    contents of a run with such a call are kept at least after it has ended, 0 for no longer than
    their class; a tenant's policy may say otherwise.
    """

    number: int
    name: str
    means: str
    approval: str
    claim: bool
    permit: bool
    dry_run: bool
    persons: int
    logged: str
    lines: Lines
    kept_days: int

    @property
    def kept(self) -> str:
        """How long its evidence is kept, in words."""
        return f"{self.kept_days} days at least" if self.kept_days else "as its class"


_CALL = "proposal, decision with its rules, result"
_CLAIMED = f"{_CALL}, claim"
_SHOWN = f"{_CLAIMED}, dry run, what the approver was shown"

LEVELS: tuple[Level, ...] = (
    Level(0, "read_only", "pure read", "declared", False, False, False, 1, _CALL, "none", 0),
    Level(1, "local_write", "local write", "declared", True, False, False, 1, _CLAIMED, "end", 90),
    Level(
        2,
        "external_draft",
        "external draft",
        "declared",
        True,
        True,
        False,
        1,
        _CLAIMED,
        "end",
        365,
    ),
    Level(
        3,
        "external_side_effect",
        "external side effect",
        "declared",
        True,
        True,
        True,
        1,
        _SHOWN,
        "both",
        1_095,
    ),
    Level(4, "high_risk", "high risk", "always", True, True, True, 2, _SHOWN, "both", 2_555),
)
"""The levels by their numbers."""
