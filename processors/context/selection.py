"""Which messages of a transcript a model will see: what is pinned, then the newest that fit.

A model's proposal of calls and the answers to them are one *exchange*: providers refuse the one
without the other, so an exchange is chosen whole or not at all. The newest exchange is always
chosen, because it is what the model is asked about. The first that does not fit ends the choice:
a conversation with a hole in it would read as one that never had it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from runfold.events.calls import Role, TranscriptEntry
from runfold.processors.context.errors import ContextRefusedError

Exchange = tuple[TranscriptEntry, ...]


@dataclass(frozen=True, slots=True)
class Selection:
    """What was chosen and what was not, each in the order of the transcript."""

    selected: tuple[TranscriptEntry, ...]
    dropped: tuple[TranscriptEntry, ...]

    @property
    def token_estimate(self) -> int:
        """The size of what was chosen, in tokens."""
        return _tokens(self.selected)


def select(entries: Sequence[TranscriptEntry], budget_tokens: int) -> Selection:
    """Return what fits into a budget.

    Raises ContextRefusedError ``over_budget`` where what must be chosen does not.
    """
    exchanges = exchanges_of(entries)
    chosen = {n for n, exchange in enumerate(exchanges) if _must_stay(exchange)}
    if exchanges:
        chosen.add(len(exchanges) - 1)
    used = sum(_tokens(exchanges[n]) for n in chosen)
    if used > budget_tokens:
        raise ContextRefusedError(
            "over_budget",
            f"What must be in the context takes about {used} tokens; {budget_tokens} are allowed.",
            suggested_next_action="Pin less, allow more tokens, or ask for less at once.",
        )
    for n in range(len(exchanges) - 1, -1, -1):
        if n in chosen:
            continue
        used += _tokens(exchanges[n])
        if used > budget_tokens:
            break
        chosen.add(n)
    return Selection(
        tuple(entry for n in sorted(chosen) for entry in exchanges[n]),
        tuple(
            entry for n, exchange in enumerate(exchanges) if n not in chosen for entry in exchange
        ),
    )


def exchanges_of(entries: Sequence[TranscriptEntry]) -> list[Exchange]:
    """Return the messages in groups: each with the answers of tools that follow it."""
    groups: list[list[TranscriptEntry]] = []
    for entry in entries:
        if entry.message.role is Role.TOOL and groups:
            groups[-1].append(entry)
        else:
            groups.append([entry])
    return [tuple(group) for group in groups]


def _must_stay(exchange: Exchange) -> bool:
    return any(entry.pinned for entry in exchange)


def _tokens(entries: Sequence[TranscriptEntry]) -> int:
    return sum(entry.token_estimate for entry in entries)
