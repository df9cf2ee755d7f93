"""Dead letters: what was unusable, each once with its bytes, and nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from runfold.events import topics
from runfold.events.calls import ToolResult
from runfold.events.records.commands import Control
from runfold.events.records.operations import DeadLetter
from runfold.events.run import ToolCallFailed, ToolCallSucceeded, ToolCallUncertain
from tests.system.oracle.histories import CODEC, Histories
from tests.system.oracle.seen import Place, Seen

_LATE = frozenset({"run_not_live", "late_result"})


def dead_letters_are_the_poison(seen: Seen, read: Histories) -> Iterator[str]:
    """What is set aside is poison, or a repeat that came after its run's end."""
    found: Counter[Place] = Counter()
    for raw in seen.dead_letters:
        letter = CODEC.decode(topics.DEAD_LETTERS, raw.value)
        assert isinstance(letter, DeadLetter)
        place = Place(letter.topic, letter.partition, letter.offset)
        found[place] += 1
        if not letter.reason or letter.size != len(letter.value or b""):
            yield f"{raw.place}: without a reason, or not with all its bytes"
        late = _is_late_repeat(letter, read, late_inputs=seen.late_inputs)
        if place not in seen.poison and not late:
            yield f"{place}: set aside, though it was no poison: {letter.code}: {letter.reason}"
    for place in sorted(seen.poison | set(found)):
        if found[place] != 1:
            yield f"{place}: {found[place]} dead letters"
    if seen.tables is not None:
        odd = sorted((seen.poison - seen.tables.dead) | (seen.tables.dead - set(found)))
        if odd:
            yield f"the table differs from the topic at {odd[:3]} and {len(odd)} places in all"


def _is_late_repeat(letter: DeadLetter, read: Histories, *, late_inputs: bool) -> bool:
    """Whether the journal of an ended run has what the letter says already."""
    if letter.code not in _LATE:
        return False
    record = CODEC.decode(letter.topic, letter.value)
    if not isinstance(record, ToolResult | Control):
        return False
    entries = read.runs.get(record.run_id, [])
    facts = [entry.event.fact for entry in entries]
    if late_inputs or not any(entry.is_end for entry in entries):
        return bool(entries) and entries[-1].is_end
    if isinstance(record, Control):
        return record.request_id in {getattr(fact, "request_id", None) for fact in facts}
    return (record.call_id, record.attempt) in {
        (fact.call_id, fact.attempt)
        for fact in facts
        if isinstance(fact, ToolCallSucceeded | ToolCallFailed | ToolCallUncertain)
    }
