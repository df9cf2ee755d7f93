"""A run processor with the toy aggregate as a process: ``python -m tests.engine.host``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from runfold.events.avro.codec import Codec
from runfold.events.avro.registry import LockRegistry
from runfold.events.base import Record
from runfold.events.definitions import Definitions
from runfold.infra.logging.json_lines import log_to_stderr
from runfold.processors.engine.config import EngineConfig, GroupConfig
from runfold.processors.engine.kafka.runner import Engine
from runfold.processors.engine.ports import Deliver, Wanted
from tests.engine.toy import Toy, ToyAggregate, result_of


class ToyEffects:
    """Answers at once, on the lane's own thread; the ledger, if any, lists the calls it made."""

    def __init__(self, ledger: Path | None = None) -> None:
        self._ledger = ledger

    def submit_many(
        self, works: Sequence[Record], deliver: Deliver, wanted: Wanted | None = None
    ) -> None:
        for work in works:
            answer = result_of(work)
            if self._ledger is not None:
                with self._ledger.open("a") as ledger:
                    ledger.write(f"{answer.call_id}\n")
            deliver(answer)


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


def engine(settings: EngineConfig, ledger: Path | None = None) -> Engine[Toy]:
    effects = ToyEffects(ledger)
    return Engine(settings, ToyAggregate(), Codec(LockRegistry()), NoDefinitions(), effects)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("bootstrap")
    parser.add_argument("--partitions", type=int, default=4)
    parser.add_argument("--group", choices=("classic", "consumer"))
    parser.add_argument("--park-after", type=float, default=1.0)
    parser.add_argument("--ledger", type=Path)
    asked = parser.parse_args()
    log_to_stderr()
    group = GroupConfig(asked.group, 1500) if asked.group else None
    settings = config(asked.bootstrap, asked.partitions, group=group, park_after=asked.park_after)
    sys.exit(engine(settings, asked.ledger).run())


if __name__ == "__main__":
    main()
