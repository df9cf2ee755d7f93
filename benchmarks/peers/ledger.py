"""Reading the ledger: which calls were made how often, and how long lay between two of them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from benchmarks.peers.agent.work import MODEL, STEPS, TOOL, TOOL_CALLS


@dataclass(frozen=True, slots=True)
class Call:
    """One call that was made; times in nanoseconds on the monotonic clock."""

    run_id: str
    kind: str
    number: int
    began: int
    ended: int


@dataclass(frozen=True, slots=True)
class Tally:
    """What happened outside: effects made more than once, effects missing, model calls repeated."""

    effects: int
    effects_repeated: int
    effects_lost: int
    model_calls_repeated: int


class Ledger:
    """The file that all stubs append to."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.touch(mode=0o666)
        path.chmod(0o666)
        self._at = 0
        self._effects = 0

    def skip(self) -> None:
        """Count effects from here on."""
        self._at, self._effects = self.path.stat().st_size, 0

    def effects(self) -> int:
        """Return how many effects were had since ``skip``; cheap enough to be asked often."""
        with self.path.open("rb") as file:
            file.seek(self._at)
            new = file.read()
        whole = new.rfind(b"\n") + 1
        self._at += whole
        self._effects += new[:whole].count(b" tool ")
        return self._effects

    def calls(self, run_ids: Collection[str]) -> list[Call]:
        """Return the calls of these runs in the order of their lines."""
        wanted = set(run_ids)
        calls = []
        for line in self.path.read_text().splitlines():
            run_id, kind, number, began, ended, _ = line.split(" ")
            if run_id in wanted:
                calls.append(Call(run_id, kind, int(number), int(began), int(ended)))
        return calls


def tally(calls: Collection[Call], runs: int) -> Tally:
    """Return what was had too often and what never, of so many runs that all ended."""
    times = Counter((call.kind, call.run_id, call.number) for call in calls)
    tools = [count for (kind, *_), count in times.items() if kind == TOOL]
    models = [count for (kind, *_), count in times.items() if kind == MODEL]
    return Tally(
        effects=sum(tools),
        effects_repeated=sum(tools) - len(tools),
        effects_lost=runs * TOOL_CALLS - len(tools),
        model_calls_repeated=sum(models) - len(models),
    )


def gaps_ms(calls: Collection[Call]) -> list[float]:
    """Return what passed between the end of each call of a run and the begin of its next.

    It is what a system adds to a step: recording the result, deciding, recording the decision.
    """
    by_run: dict[str, list[Call]] = defaultdict(list)
    for call in calls:
        by_run[call.run_id].append(call)
    return [
        (after.began - before.ended) / 1e6
        for made in by_run.values()
        if len(made) == STEPS
        for before, after in pairwise(sorted(made, key=lambda call: call.began))
    ]
