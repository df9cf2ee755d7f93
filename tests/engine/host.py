"""A process with the lanes of one toy: ``python -m tests.engine.host``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from runfold.events.base import Record
from runfold.events.definitions import Definitions
from runfold.infra.logging.json_lines import log_to_stderr
from runfold.processors.engine.config import EngineConfig, GroupConfig
from runfold.processors.engine.kafka.runner import Engine
from runfold.processors.engine.ports import Deliver, Dropped, NoEffects, Wanted
from tests.engine.toys.codecs import JOB_CODEC, LEDGER_CODEC
from tests.engine.toys.job import JOBS, Job, result_of
from tests.engine.toys.ledger import LEDGERS, Ledger


class ToyEffects:
    """Answers at once, on the lane's own thread; the file, if any, lists the calls it made."""

    def __init__(self, calls: Path | None = None) -> None:
        self._calls = calls

    def submit_many(
        self,
        works: Sequence[Record],
        deliver: Deliver,
        wanted: Wanted | None = None,
        dropped: Dropped | None = None,
    ) -> None:
        for work in works:
            answer = result_of(work)
            if self._calls is not None:
                with self._calls.open("a") as calls:
                    calls.write(f"{answer.call_id}\n")
            deliver(answer)

    def look_again(self) -> None:
        """Nothing waits here."""


class NoDefinitions:
    def current(self) -> Definitions:
        return Definitions()

    def catch_up(self, timeout: float) -> Definitions:
        return Definitions()


def config(bootstrap: str, partitions: int, **settings: object) -> EngineConfig:
    """Settings quick enough for tests."""
    return EngineConfig(
        kafka={"bootstrap.servers": bootstrap},
        partitions=partitions,
        **{"tidy_every": 0.2, "hint_every": 0.4, "park_after": 1.0, **settings},  # type: ignore[arg-type]
    )


def engine(settings: EngineConfig, calls: Path | None = None) -> Engine[Job]:
    """The lanes of jobs."""
    return Engine(settings, JOBS, JOB_CODEC, NoDefinitions(), ToyEffects(calls))


def ledger_engine(settings: EngineConfig) -> Engine[Ledger]:
    """The lanes of ledgers."""
    return Engine(settings, LEDGERS, LEDGER_CODEC, NoDefinitions(), NoEffects())


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("bootstrap")
    parser.add_argument("--partitions", type=int, default=4)
    parser.add_argument("--group", choices=("classic", "consumer"))
    parser.add_argument("--park-after", type=float, default=1.0)
    parser.add_argument("--calls", type=Path)
    parser.add_argument("--toy", choices=("job", "ledger"), default="job")
    asked = parser.parse_args()
    log_to_stderr()
    group = GroupConfig(asked.group, 1500) if asked.group else None
    settings = config(asked.bootstrap, asked.partitions, group=group, park_after=asked.park_after)
    if asked.toy == "ledger":
        sys.exit(ledger_engine(settings).run())
    sys.exit(engine(settings, asked.calls).run())


if __name__ == "__main__":
    main()
