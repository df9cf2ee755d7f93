"""``make bench-tables``: every query of the command line and the documents in full tables.

Fills a database of its own with so many events and the other rows of as many runs, asks each
question, and has Postgres explain what it did. A look-up may touch some pages, and some for each
row that its answer is made of, however full the tables are; a report reads everything.

Prints the figures and writes build/tables.json; ``--take`` puts them into
docs/performance/growth.md. Ends with 1 where a look-up touched more than it may, with 2 where the
disk has no room.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, text

from benchmarks.peers.support.database import Database
from benchmarks.performance.growth_page import take
from benchmarks.support.figures import keep
from benchmarks.tables.asking import Answer, ask
from benchmarks.tables.bulk_load import A_RUN, BulkLoad, Known, fill
from benchmarks.tables.questions import LOOKUPS, REPORTS, of_documents
from runfold.projections import schema
from tests.docs.given import blocks

_BYTES_AN_EVENT = 2_000
"""Room on the disk for an event, the rows beside it, their indexes, and the server's log."""


def measure(url: str, events: int) -> dict[str, Any]:
    """Fill the tables and return the figures."""
    load = BulkLoad(max(1, events // A_RUN["run_events"]), A_RUN)
    began = time.perf_counter()
    fill(url, load, lambda line: print(f"  {line}", flush=True))
    seconds = time.perf_counter() - began
    engine = schema.engine(url)
    try:
        with engine.connect() as connection:
            size = connection.execute(text("SELECT pg_database_size(current_database())")).scalar()
        answers = _ask_all(engine, Known.of(load.runs))
    finally:
        engine.dispose()
    return {
        "events": load.rows["run_events"],
        "rows": sum(load.rows.values()),
        "database_mb": round((size or 0) / 1e6),
        "filled_s": round(seconds, 1),
        **{
            kind: [asdict(each) for each in answers if (each.may is None) == (kind == "reports")]
            for kind in ("lookups", "reports")
        },
    }


def _ask_all(engine: Engine, known: Known) -> list[Answer]:
    lookups, reports = of_documents([b.text for b in blocks() if b.language == "sql"])
    answers = []
    for questions, lookup in ((LOOKUPS | lookups, True), (REPORTS | reports, False)):
        for name, question in questions.items():
            for answer in ask(engine, name, question, known, lookup=lookup):
                print(answer.line(), flush=True)
                answers.append(answer)
    return answers


@contextmanager
def _database(folder: Path | None) -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="runfold-bench-", dir=folder) as made:
        Path(made).chmod(0o755)
        server = Database(Path(made))
        try:
            yield server.url
        finally:
            server.stop()


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark; 0 when it was measured and every look-up touched what it may."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=10_000_000, help="rows of run_events")
    parser.add_argument("--folder", type=Path, help="where the database lies meanwhile")
    parser.add_argument("--take", action="store_true", help="write the page from the figures")
    chosen = parser.parse_args(arguments)
    free = shutil.disk_usage(chosen.folder or tempfile.gettempdir()).free
    if free < (needed := chosen.events * _BYTES_AN_EVENT + 2_000_000_000):
        print(f"{needed / 1e9:.0f} GB of disk are needed, {free / 1e9:.0f} are free: see --folder")
        return 2
    with _database(chosen.folder) as url:
        figures = measure(url, chosen.events)
    print(f"written to {keep('tables', figures)}")
    if chosen.take:
        take("tables")
    too_much = [e["question"] for e in figures["lookups"] if e["pages"] > e["may"]]
    if too_much:
        print(f"touched more than they may: {', '.join(too_much)}")
    return 1 if too_much else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
