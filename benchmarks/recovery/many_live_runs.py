"""Many live runs on one partition, and what the log says of reading them back."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from benchmarks.recovery.heartbeat import Heard, Requests
from runfold.stack.settings import Settings

_AT_ONCE = 500
_SLOW = 200


class ManyLiveRuns:
    """Runs that do not end: most wait for a person, a fifth for a pool, a few for a model."""

    def __init__(self, settings: Settings, size: int) -> None:
        self.size = size
        self.partition = 0
        self._requests = Requests(settings)

    def gather(self, until: Callable[[Callable[[], bool]], None], heard: Heard) -> None:
        """Ask for them and wait until each has come to where it waits."""
        slow = min(_SLOW, self.size // 10)
        pooled = self.size // 5
        asks = self.size - slow - pooled
        waiting = heard.count("ApprovalRequested")
        started = heard.count("ToolCallStarted")
        for begin in range(0, asks, _AT_ONCE):
            there = min(asks, begin + _AT_ONCE)
            self._ask("asks", there - begin)
            until(lambda: heard.count("ApprovalRequested") - waiting >= there)  # noqa: B023
        self._ask("pooled", pooled)
        until(lambda: heard.count("ToolCallStarted") - started >= pooled)
        self._ask("slow", slow)

    def _ask(self, agent: str, count: int) -> None:
        for _ in range(count):
            self._requests.ask(agent, self.partition)
        self._requests.flush()


def restored(log: Path, partition: int) -> list[dict[str, float]]:
    """Return what each restore of a partition with runs read, in how long."""
    found = []
    for line in log.read_text(errors="replace").splitlines():
        if '"lane restored"' not in line:
            continue
        said = json.loads(line)
        if said["partition"] == partition and said["live"]:
            found.append(
                {
                    "records": said["records"],
                    "seconds": said["seconds"],
                    "live": said["live"],
                    "records_per_s": round(said["records"] / max(said["seconds"], 0.001)),
                }
            )
    return found
