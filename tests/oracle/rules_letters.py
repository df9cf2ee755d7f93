"""Dead letters: what was unusable, each once with its bytes, and nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from events import topics
from events.operations import DeadLetter
from tests.oracle.histories import CODEC, Histories
from tests.oracle.seen import Place, Seen


def dead_letters_are_the_poison(seen: Seen, read: Histories) -> Iterator[str]:
    found: Counter[Place] = Counter()
    for raw in seen.letters:
        letter = CODEC.decode(topics.DEAD_LETTERS, raw.value)
        assert isinstance(letter, DeadLetter)
        found[Place(letter.topic, letter.partition, letter.offset)] += 1
        if not letter.reason or letter.size != len(letter.value or b""):
            yield f"{raw.place}: without a reason, or not with all its bytes"
    for place in sorted(seen.poison | set(found)):
        if place not in seen.poison:
            yield f"{place}: set aside, though it was no poison"
        elif found[place] != 1:
            yield f"{place}: {found[place]} dead letters"
    if seen.tables is not None and seen.tables.dead != seen.poison:
        odd = sorted(seen.tables.dead ^ seen.poison)
        yield f"the table differs from the poison at {odd[:3]} and {len(odd)} places in all"
