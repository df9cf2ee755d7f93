"""What must hold of runs that were asked for through surfaces, and of those who listened."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runfold.events import topics
from runfold.events.contents.content import text
from runfold.events.records.commands import Control
from runfold.events.records.operations import DeadLetter
from runfold.events.run import RunCreated, RunRefused
from tests.system.oracle.histories import CODEC, Histories
from tests.system.oracle.seen import Seen
from tests.system.torture.simulation.load import Asked
from tests.system.torture.surfaces.front import Sizes
from tests.system.torture.surfaces.noted import NEVER, noted

LONGEST_S = 60.0
"""How long an answer may take: the log is waited for 30 s, a begin and an effect a while more."""

MOST_THREADS = 300
"""While the log is away each of 32 threads may wait with a client of its own, which has several."""

MOST_MB = 500

_KINDS = (
    "asked", "acked", "refused", "fault", "silent", "answer", "control", "heard", "watched", "hook",
)  # fmt: skip

Heard = Sequence[tuple[str, int, str]]


@dataclass
class Judged:
    """What was found of a round; ``asked`` are the requests of all ways together."""

    asked: Asked
    found: list[str] = field(default_factory=list)
    figures: dict[str, int] = field(default_factory=dict)


def judge_surfaces(folder: Path, asked: Asked, read: Histories, seen: Seen, sizes: Sizes) -> Judged:
    """Judge what callers noted, against the journal."""
    said: dict[str, list[dict[str, Any]]] = {kind: [] for kind in _KINDS}
    for each in noted(folder, *_KINDS):
        said[each["what"]].append(each)
    if not said["asked"]:
        return Judged(asked)
    goals = _runs_by_goal(read, {each["goal"] for each in said["asked"]})
    ours = {run for runs in goals.values() for run in runs}
    acked = {each["run"] for each in said["acked"]}
    whole = Asked(asked.sent | ours | acked, asked.acknowledged | acked)
    found = [
        *(f"answered_as_promised: {each['said']}" for each in said["fault"]),
        *(f"answers_in_time: {each['url']} said nothing" for each in said["silent"]),
        *_named("answers_in_time", _slow(said["answer"])),
        *_named("one_run_a_key", _one_run(said["asked"], said["acked"], goals)),
        *_named("refused_means_never_ran", _never_ran(goals)),
        *_named("controls_have_an_outcome", _outcomes(said["control"], read, seen)),
        *_named("heard_once_in_order", _heard(said["heard"], read)),
        *_named("watched_once_in_order", _watched(said["watched"], acked, read)),
        *_named("told_at_least_once_in_order", _told(said["hook"], acked, read)),
        *_named("no_thread_or_memory_piles_up", _sizes(sizes)),
    ]
    codes = Counter(f"answered {each['status']}" for each in said["answer"])
    listened = said["heard"] + said["watched"]
    figures = {
        "asked over surfaces": len(said["asked"]),
        "acknowledged over surfaces": len(acked),
        "refused": len(said["refused"]),
        "controls": len(said["control"]),
        "listeners": len(listened),
        "cuts of streams": sum(each["cuts"] for each in listened),
        "webhooks": len(said["hook"]),
        "threads": sizes.threads,
        "memory_mb": sizes.memory_mb,
        "longest_answer_s": int(max((each["s"] for each in said["answer"]), default=0)),
        **dict(sorted(codes.items())),
    }
    return Judged(whole, found, figures)


def _named(rule: str, sentences: Iterator[str]) -> Iterator[str]:
    return (f"{rule}: {sentence}" for sentence in sentences)


def _runs_by_goal(read: Histories, asked: set[str]) -> dict[str, set[str]]:
    """Return the runs of each goal; facts name a goal by its digest."""
    known = {text(goal).digest: goal for each in asked for goal in (each, f"{NEVER}{each}")}
    found: dict[str, set[str]] = defaultdict(set)
    for run_id, entries in read.runs.items():
        for entry in entries:
            fact = entry.event.fact
            if isinstance(fact, RunCreated | RunRefused):
                goal = known.get(fact.request.goal.digest)
                if goal is not None:
                    found[goal].add(run_id)
    return found


def _slow(answers: Sequence[dict[str, Any]]) -> Iterator[str]:
    for each in answers:
        # An agent that is asked looks into the log several times, and waits for it each time.
        if each["s"] > LONGEST_S * (1 + each["agent"]):
            yield f"{each['status']} {each['code']} came after {each['s']} s"


def _one_run(
    asked: Sequence[dict[str, Any]], acked: Sequence[dict[str, Any]], goals: dict[str, set[str]]
) -> Iterator[str]:
    """Whoever asks again is told the same run, and there is no other."""
    told: dict[str, set[str]] = defaultdict(set)
    for each in acked:
        told[each["goal"]].add(each["run"])
    for each in asked:
        goal = each["goal"]
        runs = goals.get(goal, set()) | told.get(goal, set())
        if len(runs) > 1:
            yield f"{goal} ({each['way']}): runs {sorted(runs)}"
        if told.get(goal, set()) - goals.get(goal, set()):
            yield f"{goal} ({each['way']}): acknowledged, and its run is not in the journal"
        if each["way"] not in {"plain", "never"} and goal not in told:
            yield f"{goal} ({each['way']}): was never answered"


def _never_ran(goals: dict[str, set[str]]) -> Iterator[str]:
    for goal, runs in goals.items():
        if goal.startswith(NEVER):
            yield f"{goal}: runs {sorted(runs)}"


def _outcomes(controls: Sequence[dict[str, Any]], read: Histories, seen: Seen) -> Iterator[str]:
    """Each control that was acknowledged is on record once: in its run, or as a dead letter."""
    dead = set()
    for raw in seen.dead_letters:
        letter = CODEC.decode(topics.DEAD_LETTERS, raw.value)
        if isinstance(letter, DeadLetter) and letter.topic == topics.CONTROLS:
            record = _control_in(letter)
            dead.add(record)
    first: dict[tuple[str, str], int] = {}
    for each in controls:
        run, word, seq, request = each["run"], each["word"], each["seq"], each["request_id"]
        entries = read.runs.get(run, [])
        if seq is None:
            named = {getattr(entry.event.fact, "request_id", None) for entry in entries}
            if request not in named | dead:
                yield f"{run}: {word} {request}: acknowledged, and nothing is on record of it"
            continue
        if first.setdefault((run, word), seq) != seq:
            yield f"{run}: {word}: said to be {first[run, word]}, and {seq} when asked again"
        if not 0 < seq <= len(entries) or entries[seq - 1].event.type != each["type"]:
            yield f"{run}: {word}: said to be {seq} {each['type']}, and the journal differs"


def _control_in(letter: DeadLetter) -> str | None:
    try:
        record = CODEC.decode(letter.topic, letter.value)
    except Exception:  # noqa: BLE001 - poison is what cannot be decoded
        return None
    return record.request_id if isinstance(record, Control) else None


def _journal_of(run: str, read: Histories) -> list[tuple[int, str]]:
    return [(entry.event.meta.seq, entry.event.type) for entry in read.runs.get(run, [])]


def _heard(listeners: Sequence[dict[str, Any]], read: Histories) -> Iterator[str]:
    for each in listeners:
        run = each["run"]
        heard = [(seq, kind) for _, seq, kind in each["heard"]]
        if heard != (whole := _journal_of(run, read)):
            yield f"{run}: heard {_numbers(heard)} of {len(whole)} events"


def _watched(watchers: Sequence[dict[str, Any]], acked: set[str], read: Histories) -> Iterator[str]:
    """Of each run asked for here, all; of others, what was heard is without gap or double."""
    for each in watchers:
        by_run: dict[str, list[tuple[int, str]]] = defaultdict(list)
        for run, seq, kind in each["heard"]:
            by_run[run].append((seq, kind))
        for run in sorted(acked | by_run.keys()):
            heard, whole = by_run[run], _journal_of(run, read)
            since = heard[0][0] - 1 if heard else 0
            wanted = whole if run in acked else whole[since : since + len(heard)]
            if heard != wanted:
                yield f"{run}: watcher {each['by']} heard {_numbers(heard)} of {len(whole)} events"


def _told(hooks: Sequence[dict[str, Any]], acked: set[str], read: Histories) -> Iterator[str]:
    """Every event arrives at least once; the first arrivals of a run are in its order."""
    first: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for each in hooks:
        said = (each["seq"], each["type"])
        if said not in first[each["run"]]:
            first[each["run"]].append(said)
    for run in sorted(acked):
        if first[run] != (whole := _journal_of(run, read)):
            yield f"{run}: was told of {_numbers(first[run])} of {len(whole)} events"


def _numbers(heard: Sequence[tuple[int, str]]) -> str:
    return ",".join(str(seq) for seq, _ in heard)


def _sizes(sizes: Sizes) -> Iterator[str]:
    if sizes.threads > MOST_THREADS:
        yield f"a gateway had {sizes.threads} threads"
    if sizes.memory_mb > MOST_MB:
        yield f"a gateway had {sizes.memory_mb} MB"
