"""``make bench-floors``: Runfold's cost by part beside the least its parts need."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.floors import broker, codec, database, recorded
from benchmarks.floors.recorded import Written
from benchmarks.peers import turn
from benchmarks.peers.agent.work import STEPS
from benchmarks.peers.ledger import gaps_ms
from benchmarks.peers.profile import PLAIN
from benchmarks.peers.runfold.system import variants
from benchmarks.peers.support import meters
from benchmarks.peers.support.host import describe_host
from runfold.stack.settings import Settings

FILE = Path("build/floors.json")
_ENOUGH = 500
_SINGLE = 30
_LOOPS = 200
_BATCH = 500

Cost = dict[str, float]


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the cost of a run: Runfold's, and the floor's with what it consists of."""

    name: str
    unit: str
    runfold: float
    floor: float
    floor_is: str


def main(arguments: Sequence[str]) -> int:
    """Measure and write build/floors.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--runs", type=int, default=_ENOUGH, help="runs whose events and rows are taken"
    )
    count = parser.parse_args(arguments).runs
    host = describe_host()
    parts = _measured(count)
    rows = [asdict(part) | {"ratio": round(part.runfold / part.floor, 2)} for part in parts]
    profile = "standard" if count >= _ENOUGH else "quick"
    report: dict[str, Any] = {"host": host, "profile": profile, "runs": count, "parts": rows}
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(json.dumps(report, indent=2) + "\n")
    for row in rows:
        print(
            f"{row['name']:24} {row['runfold']:8} {row['floor']:8} {row['unit']:10} {row['ratio']}"
        )
    return 0


def _measured(count: int) -> list[Part]:
    system = variants()[0]
    with turn.place() as place:
        try:
            system.start(place)
            system.run(count, count, PLAIN)
            single = gaps_ms(place.ledger.calls(system.run(_SINGLE, 1, PLAIN).run_ids))
            own = _spent(system.pids, lambda: system.run(count, count, PLAIN), count)
            settings = system.settings
            made = 2 * count + _SINGLE
            records = recorded.journal(settings.kafka_config(), settings.partitions)
            floor = _floors(settings, records, made, system.pids)
            step = _step(settings, records, made)
        finally:
            system.stop()
    single.sort()
    return [
        Part("step alone", "ms", _short(single[len(single) // 2]), _short(step), "an empty loop"),
        *_parts(own, floor),
    ]


def _step(settings: Settings, records: Sequence[Written], runs: int) -> float:
    """Return the time of an empty step that writes as many records as a step of a run."""
    few = round(len(records) / runs / STEPS)
    return broker.loop_ms(settings.kafka_config(), records[:few], _LOOPS)


def _floors(
    settings: Settings,
    records: Sequence[Written],
    runs: int,
    pids: Callable[[], Mapping[str, list[int]]],
) -> dict[str, Cost]:
    """Return what each part of the floor spends a run, by process."""
    kafka, url = settings.kafka_config(), settings.database_url
    broker.make_topics(kafka)
    rows = recorded.rows(url)
    works = {
        "encode": codec.encode_all(records),
        "write": broker.write_all(kafka, records, _BATCH),
        "decode": codec.decode_all(records),
        "copy": database.copy_all(url, rows),
    }
    return {name: _spent(pids, work, runs) for name, work in works.items()}


def _spent(
    pids: Callable[[], Mapping[str, list[int]]], work: Callable[[], object], runs: int
) -> Cost:
    """Return the processor time in milliseconds a run: this process as ``here``, and each part."""
    before, here = meters.cpu_seconds(pids()), time.process_time()
    work()
    used, now = meters.cpu_seconds(pids()), time.process_time()
    spent = {part: (seconds - before[part]) * 1000 / runs for part, seconds in used.items()}
    return {"here": (now - here) * 1000 / runs, **spent}


def _parts(own: Cost, floor: dict[str, Cost]) -> list[Part]:
    encode, decode = floor["encode"]["here"], floor["decode"]["here"]
    write, copy = floor["write"], floor["copy"]
    said = [
        ("run processor", "worker", encode + write["here"], "encode, hash, write and read back"),
        ("projector", "worker projector", decode + copy["here"], "decode; COPY"),
        ("Kafka", "store kafka", write["store kafka"], "the same records, 500 a transaction"),
        ("Postgres", "store postgres", copy["store postgres"], "COPY into the same tables"),
    ]
    parts = [
        Part(name, "CPU ms/run", _short(own[key]), _short(least), consists)
        for name, key, least, consists in said
    ]
    runfold, least = sum(part.runfold for part in parts), sum(part.floor for part in parts)
    together = Part("together", "CPU ms/run", _short(runfold), _short(least), "all of it")
    return [*parts, together]


def _short(value: float) -> float:
    return round(max(value, 0.001), 3)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
